//! From the syntax of PCRE2 (pcre2pattern(3)) to that of our two engines. Pure.
//!
//! Both engines read another dialect: `[a&&b]`, `\<`, `\h`, `a++`, `{,2}` and `$` mean something else
//! there. So nothing is passed on as it is written: every item is read as PCRE2 reads it and written
//! in words that both engines take alike. What has no such words is refused: recursion, conditions,
//! branch reset, verbs, callouts, `\G`, `\X` and `\C`.
//!
//! A search asks only whether, and from where, something matches. Hence `\K` and the greed of
//! quantifiers need no words, except where a group is atomic.

mod class;
mod escape;
mod group;
mod write;

use std::collections::BTreeSet;

/// A pattern in the engines' words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    /// The words.
    pub(super) text: String,
    /// It has what only backtracking can find: look-around, back-references, atomic groups.
    pub(super) backtracking: bool,
}

/// `regex_options`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'o>(pub(super) &'o [String]);

impl Options<'_> {
    /// Whether `name` is one of them.
    pub(super) fn has(self, name: &str) -> bool {
        self.0.iter().any(|option| option == name)
    }
}

/// `text` in the engines' words; an error is a reason.
pub(super) fn translate(text: &str, options: &[String]) -> Result<Translated, String> {
    let mut reader = Reader::new(text, Options(options));
    reader.read()?;
    reader.write()
}

/// What a pattern is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Takes at least one character.
    Text(String),
    /// Takes none: the subject's start or end, letters that set flags.
    Nothing(String),
    /// `\b`, or `\B` if not.
    Edge(bool),
    /// `^`, with whether `(?m)` holds.
    Caret(bool),
    /// `$`, with whether `(?m)` holds.
    Dollar(bool),
    /// `\Z`: `$` whatever the options are.
    BeforeLastNewline,
    /// A group begins with this.
    Open(String),
    /// A capturing group begins.
    Capture,
    Close,
    Bar,
    Repeat(Repeat),
    Back(Group),
}

/// A quantifier.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Repeat {
    least: u32,
    most: Option<u32>,
    greed: Greed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

/// What a back-reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Number(u32),
    Name(String),
}

/// Reads a pattern.
struct Reader<'o> {
    options: Options<'o>,
    /// Characters with `utf`, else bytes, as those characters that have their numbers.
    units: Vec<char>,
    at: usize,
    /// The letters of `(?letters)` that hold here: m, s, x, U, n.
    flags: BTreeSet<char>,
    /// Those that held before each open group.
    outer: Vec<BTreeSet<char>>,
    tokens: Vec<Token>,
    /// Capturing groups so far.
    groups: u32,
    names: Vec<(String, u32)>,
    backtracking: bool,
    /// What is found first matters: a group is atomic.
    atomic: bool,
}

impl<'o> Reader<'o> {
    fn new(text: &str, options: Options<'o>) -> Self {
        let letters = [
            ("multiline", 'm'),
            ("dotall", 's'),
            ("extended", 'x'),
            ("ungreedy", 'U'),
            ("no_auto_capture", 'n'),
        ];
        let flags = letters.into_iter().filter(|(name, _)| options.has(name));
        let units = if options.has("utf") {
            text.chars().collect()
        } else {
            text.bytes().map(char::from).collect()
        };
        Self {
            options,
            units: unquoted(units),
            at: 0,
            flags: flags.map(|(_, letter)| letter).collect(),
            outer: Vec::new(),
            tokens: Vec::new(),
            groups: 0,
            names: Vec::new(),
            backtracking: false,
            atomic: false,
        }
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(unit) = self.next() {
            match unit {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => self.tokens.push(Token::Bar),
                '^' => self.tokens.push(Token::Caret(self.flags.contains(&'m'))),
                '$' => self.tokens.push(Token::Dollar(self.flags.contains(&'m'))),
                '.' if self.flags.contains(&'s') => self.text(self.any().to_owned()),
                '.' => self.text("[^\\n]".to_owned()),
                '*' => self.repeat(0, None)?,
                '+' => self.repeat(1, None)?,
                '?' => self.repeat(0, Some(1))?,
                '{' => self.braces()?,
                '\t'..='\r' | ' ' if self.flags.contains(&'x') => {}
                '#' if self.flags.contains(&'x') => {
                    while self.next().is_some_and(|it| it != '\n') {}
                }
                literal => self.literal(literal),
            }
        }
        if self.outer.is_empty() {
            return Ok(());
        }
        Err("a `(` without its `)`".to_owned())
    }

    fn peek(&self) -> Option<char> {
        self.units.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let unit = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(unit)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at = self.at.saturating_add(usize::from(there));
        there
    }

    /// Everything to `end`, which is taken too; nothing is taken when there is no `end`.
    fn until(&mut self, end: char) -> Option<String> {
        let rest = self.units.get(self.at..)?;
        let length = rest.iter().position(|&unit| unit == end)?;
        let text = rest.iter().take(length).collect();
        self.at = self.at.saturating_add(length).saturating_add(1);
        Some(text)
    }

    /// As many of what `wanted` says as there are, at most `most`.
    fn run(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while text.len() < most
            && let Some(unit) = self.peek().filter(|&unit| wanted(unit))
        {
            text.push(unit);
            self.at = self.at.saturating_add(1);
        }
        text
    }

    fn text(&mut self, text: String) {
        self.tokens.push(Token::Text(text));
    }

    fn literal(&mut self, literal: char) {
        self.text(self.written(literal));
    }

    fn utf(&self) -> bool {
        self.options.has("utf")
    }

    /// One character, in words that mean it everywhere.
    fn written(&self, literal: char) -> String {
        let code = u32::from(literal);
        match literal {
            '0'..='9' | 'A'..='Z' | 'a'..='z' => literal.to_string(),
            _ if self.utf() => format!("\\x{{{code:X}}}"),
            _ => format!("\\x{code:02X}"),
        }
    }

    /// Any character, newlines too. Not `(?s:.)`: of that fancy-regex takes as many bytes as the first
    /// one says, whether they are there or not.
    fn any(&self) -> &'static str {
        if self.utf() {
            "[\\x{0}-\\x{10FFFF}]"
        } else {
            "[\\x00-\\xFF]"
        }
    }

    /// `{n}`, `{n,}` and `{n,m}`; anything else is itself.
    fn braces(&mut self) -> Result<(), String> {
        let start = self.at;
        let limits = self.until('}');
        let limits = limits
            .as_deref()
            .map(|text| text.split_once(',').unwrap_or((text, text)));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
            digits.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let (least, most) = match limits {
            Some((least, "")) => (number(least), Some(None)),
            Some((least, most)) => (number(least), number(most).map(Some)),
            None => (None, None),
        };
        let (Some(least), Some(most)) = (least, most) else {
            self.at = start;
            self.literal('{');
            return Ok(());
        };
        if most.is_some_and(|most| most < least) || most.unwrap_or(least) > MAX_REPEAT {
            return Err(format!("a `{{}}` out of order or beyond {MAX_REPEAT}"));
        }
        self.repeat(least, most)
    }

    fn repeat(&mut self, least: u32, most: Option<u32>) -> Result<(), String> {
        match self.tokens.last() {
            Some(Token::Text(_) | Token::Close | Token::Back(_)) => {}
            Some(
                Token::Nothing(_)
                | Token::Edge(_)
                | Token::Caret(_)
                | Token::Dollar(_)
                | Token::BeforeLastNewline
                | Token::Open(_)
                | Token::Capture
                | Token::Bar
                | Token::Repeat(_),
            )
            | None => return Err("a quantifier without something to repeat".to_owned()),
        }
        let greed = if self.eat('+') {
            self.backtracking = true;
            self.atomic = true;
            Greed::Possessive
        } else if self.eat('?') == self.flags.contains(&'U') {
            Greed::Greedy
        } else {
            Greed::Lazy
        };
        let repeat = Repeat { least, most, greed };
        self.tokens.push(Token::Repeat(repeat));
        Ok(())
    }
}

/// The most that PCRE2 repeats.
const MAX_REPEAT: u32 = 65_535;

/// Without `\Q…\E`: each character between them is escaped by itself.
fn unquoted(units: Vec<char>) -> Vec<char> {
    let mut plain = Vec::with_capacity(units.len());
    let mut units = units.into_iter().peekable();
    let mut quoted = false;
    while let Some(unit) = units.next() {
        match (unit, units.peek().copied()) {
            ('\\', Some('E')) => {
                units.next();
                quoted = false;
            }
            _ if quoted => {
                if !unit.is_ascii_alphanumeric() {
                    plain.push('\\');
                }
                plain.push(unit);
            }
            ('\\', Some('Q')) => {
                units.next();
                quoted = true;
            }
            ('\\', _) => {
                plain.push(unit);
                plain.extend(units.next());
            }
            _ => plain.push(unit),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
