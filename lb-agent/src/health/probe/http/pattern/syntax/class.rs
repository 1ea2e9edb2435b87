//! `[…]`.

use super::{Reader, Token};

/// One item of a class.
enum Item {
    Character(char),
    /// Several, in the engines' words.
    Set(String),
}

/// What may stand in `[:…:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

impl Reader<'_> {
    pub(super) fn class(&mut self) -> Result<(), String> {
        let negated = self.eat('^');
        let mut items = String::new();
        // A `]` at the start is itself.
        let mut open = !self.options.has("allow_empty_class");
        loop {
            let unit = self.next().ok_or("a `[` without its `]`")?;
            if unit == ']' && !open {
                break;
            }
            open = false;
            match self.item(unit)? {
                Item::Set(set) => {
                    items.push_str(&set);
                    if self.begins_range() {
                        return Err(
                            "a range of `[]` that begins with several characters".to_owned()
                        );
                    }
                }
                Item::Character(first) => items.push_str(&self.range(first)?),
            }
        }
        self.tokens.push(match (negated, items.is_empty()) {
            (false, false) => Token::Text(format!("[{items}]")),
            (true, false) => Token::Text(format!("[^{items}]")),
            (true, true) => Token::Text(self.any().to_owned()),
            // Never true.
            (false, true) => Token::Text("(?:\\b\\B)".to_owned()),
        });
        Ok(())
    }

    /// Whether `-` and something that it can reach to follow.
    fn begins_range(&self) -> bool {
        let mut rest = self.units.iter().skip(self.at);
        rest.next() == Some(&'-') && rest.next().is_some_and(|&unit| unit != ']')
    }

    /// `first`, or the range that begins with it.
    fn range(&mut self, first: char) -> Result<String, String> {
        if !self.begins_range() {
            return Ok(self.written(first));
        }
        self.next();
        let last = match self.next().map(|unit| self.item(unit)).transpose()? {
            Some(Item::Character(last)) if last >= first => last,
            Some(Item::Character(_)) => return Err("a range of `[]` out of order".to_owned()),
            Some(Item::Set(_)) | None => {
                return Err("a range of `[]` that ends with several characters".to_owned());
            }
        };
        Ok(format!("{}-{}", self.written(first), self.written(last)))
    }

    fn item(&mut self, unit: char) -> Result<Item, String> {
        match unit {
            '\\' => {
                let escaped = self.next().ok_or("a `\\` at the end")?;
                if escaped == 'b' {
                    return Ok(Item::Character('\u{8}'));
                }
                match self.set(escaped)? {
                    Some(set) => Ok(Item::Set(set)),
                    None => self.character(escaped).map(Item::Character),
                }
            }
            '[' => Ok(self.posix().map_or(Item::Character('['), Item::Set)),
            literal => Ok(Item::Character(literal)),
        }
    }

    /// `[:alpha:]`, of which the `[` has been read.
    fn posix(&mut self) -> Option<String> {
        let start = self.at;
        let name = if self.eat(':') { self.until(':') } else { None };
        let known = name.filter(|name| {
            POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) && self.peek() == Some(']')
        });
        let Some(name) = known else {
            self.at = start;
            return None;
        };
        self.next();
        Some(format!("[:{name}:]"))
    }
}
