//! The tokens in the engines' words.

use super::{Greed, Group, Reader, Repeat, Token, Translated};

/// `$` for an engine that can look ahead: the end, or a newline and the end.
const LOOKING: &str = "(?=\\n?\\z)";
/// `$` for one that cannot: where nothing follows, taking the newline is no harm.
const TAKING: &str = "(?:\\n?\\z)";

/// `\b` and `\B` of ASCII for an engine that takes a word to be one of any script.
const EDGE: &str = "(?:(?<=[0-9A-Z_a-z])(?![0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?=[0-9A-Z_a-z]))";
const NO_EDGE: &str = "(?:(?<=[0-9A-Z_a-z])(?=[0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?![0-9A-Z_a-z]))";

impl Reader<'_> {
    pub(super) fn write(mut self) -> Result<Translated, String> {
        self.backtracking |= self.must_look();
        let captures = self.tokens.iter().any(|it| matches!(it, Token::Back(_)));
        let mut text = String::new();
        for (at, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Text(words) | Token::Nothing(words) | Token::Open(words) => {
                    text.push_str(words);
                }
                Token::Edge(edge) => text.push_str(self.edge(*edge)),
                Token::Capture => text.push_str(if captures { "(" } else { "(?:" }),
                Token::Close => text.push(')'),
                Token::Bar => text.push('|'),
                Token::Caret(false) => text.push_str("\\A"),
                Token::Caret(true) if self.caret_is_plain(at) => text.push_str("(?m:^)"),
                // Not behind a newline that ends the subject.
                Token::Caret(true) => text.push_str("(?:\\A|(?<=\\n)(?!\\z))"),
                Token::Dollar(true) => text.push_str("(?m:$)"),
                Token::Dollar(false) if self.options.has("dollar_endonly") => text.push_str("\\z"),
                Token::Dollar(false) | Token::BeforeLastNewline => {
                    text.push_str(if self.backtracking { LOOKING } else { TAKING });
                }
                Token::Repeat(repeat) => text.push_str(&self.quantifier(repeat)),
                Token::Back(group) => text.push_str(&self.back_reference(group)?),
            }
        }
        let backtracking = self.backtracking;
        Ok(Translated { text, backtracking })
    }

    /// Whether some `^` or `$` can only be said by looking around.
    fn must_look(&self) -> bool {
        let mut tokens = self.tokens.iter().enumerate();
        tokens.any(|(at, token)| match token {
            Token::Caret(true) => !self.caret_is_plain(at),
            Token::Dollar(false) if self.options.has("dollar_endonly") => false,
            Token::Dollar(false) | Token::BeforeLastNewline => !self.nothing_follows(at),
            Token::Caret(false)
            | Token::Dollar(true)
            | Token::Text(_)
            | Token::Nothing(_)
            | Token::Edge(_)
            | Token::Open(_)
            | Token::Capture
            | Token::Close
            | Token::Bar
            | Token::Repeat(_)
            | Token::Back(_) => false,
        })
    }

    /// `^` of several lines means the same to the engines where a character must follow: it is not
    /// at the subject's end then.
    fn caret_is_plain(&self, at: usize) -> bool {
        let mut following = self.tokens.iter().skip(at).skip(1);
        let takes = matches!(following.next(), Some(Token::Text(_)));
        let optional = matches!(
            following.next(),
            Some(Token::Repeat(Repeat { least: 0, .. }))
        );
        self.options.has("alt_circumflex") || (takes && !optional)
    }

    /// Whether the pattern has matched when the token at `at` has: nothing else is in its branch,
    /// nor behind the groups around it.
    fn nothing_follows(&self, at: usize) -> bool {
        let (mut depth, mut skipping) = (0_usize, false);
        let mut following = self.tokens.iter().skip(at).skip(1).peekable();
        while let Some(token) = following.next() {
            match token {
                Token::Open(_) | Token::Capture if skipping => depth = depth.saturating_add(1),
                Token::Close if depth > 0 => depth = depth.saturating_sub(1),
                Token::Close => {
                    skipping = false;
                    if matches!(following.peek(), Some(Token::Repeat(_))) {
                        return false;
                    }
                }
                Token::Bar if depth == 0 => skipping = true,
                Token::Bar
                | Token::Open(_)
                | Token::Capture
                | Token::Text(_)
                | Token::Nothing(_)
                | Token::Edge(_)
                | Token::Caret(_)
                | Token::Dollar(_)
                | Token::BeforeLastNewline
                | Token::Repeat(_)
                | Token::Back(_) => {
                    if !skipping {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Where no group is atomic the shortest is tried first: what has been found then ends as early
    /// as it can, and depends on as little of what is still to come.
    fn quantifier(&self, repeat: &Repeat) -> String {
        let times = match (repeat.least, repeat.most) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) if least == most => format!("{{{least}}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        };
        let greed = match repeat.greed {
            Greed::Possessive => "+",
            Greed::Greedy if self.atomic => "",
            Greed::Lazy => "?",
            Greed::Greedy if self.backtracking => "?",
            Greed::Greedy => "",
        };
        format!("{times}{greed}")
    }

    /// Words are of ASCII without `ucp`, also with `utf`, where both engines mean any script. Only one
    /// of them can be told within a pattern.
    fn edge(&self, edge: bool) -> &'static str {
        let ascii = self.utf() && !self.options.has("ucp");
        match (edge, ascii, self.backtracking) {
            (true, false, _) => "\\b",
            (false, false, _) => "\\B",
            (true, true, false) => "(?-u:\\b)",
            (false, true, false) => "(?-u:\\B)",
            (true, true, true) => EDGE,
            (false, true, true) => NO_EDGE,
        }
    }

    fn back_reference(&self, group: &Group) -> Result<String, String> {
        let number = match group {
            Group::Number(number) => Some(*number),
            Group::Name(name) => {
                let named = self.names.iter().find(|(known, _)| known == name);
                named.map(|&(_, number)| number)
            }
        };
        let there = number.filter(|&number| (1..=self.groups).contains(&number));
        let number = there.ok_or("a back-reference to a group that is not there")?;
        Ok(if self.options.has("match_unset_backref") {
            format!("(?({number})\\{number}|)")
        } else {
            format!("(?:\\{number})")
        })
    }
}
