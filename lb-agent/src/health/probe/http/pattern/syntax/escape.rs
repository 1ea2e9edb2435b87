//! What begins with `\`.

use super::{Group, Reader, Token};

impl Reader<'_> {
    /// Outside of a class.
    pub(super) fn escape(&mut self) -> Result<(), String> {
        let escaped = self.next().ok_or("a `\\` at the end")?;
        match escaped {
            'b' => self.tokens.push(Token::Edge(true)),
            'B' => self.tokens.push(Token::Edge(false)),
            'A' | 'z' => self.tokens.push(Token::Nothing(format!("\\{escaped}"))),
            'Z' => self.tokens.push(Token::BeforeLastNewline),
            // It moves the start of what was found, which nobody asks for.
            'K' => {}
            'N' if self.peek() != Some('{') => self.text("[^\\n]".to_owned()),
            'R' => {
                self.backtracking = true;
                self.text("(?>\\r\\n|[\\n\\x0B\\x0C\\r\\x85])".to_owned());
            }
            'k' => {
                let name = self.name()?;
                self.back(Group::Name(name));
            }
            'g' => {
                let group = self.reference()?;
                self.back(group);
            }
            '1'..='9' => self.digits(escaped)?,
            'C' | 'G' | 'N' | 'X' => return Err(format!("`\\{escaped}` is not supported")),
            _ => {
                if let Some(set) = self.set(escaped)? {
                    self.text(set);
                } else {
                    let literal = self.character(escaped)?;
                    self.literal(literal);
                }
            }
        }
        Ok(())
    }

    pub(super) fn back(&mut self, group: Group) {
        self.backtracking = true;
        self.tokens.push(Token::Back(group));
    }

    /// The name after `\k`.
    fn name(&mut self) -> Result<String, String> {
        let end = match self.next() {
            Some('<') => '>',
            Some('{') => '}',
            Some('\'') => '\'',
            Some(_) | None => return Err("`\\k` without a name".to_owned()),
        };
        self.until(end)
            .ok_or_else(|| "`\\k` without a name".to_owned())
    }

    /// What stands after `\g`.
    fn reference(&mut self) -> Result<Group, String> {
        let text = match self.peek() {
            Some('<' | '\'') => return Err("recursion is not supported".to_owned()),
            Some('{') => {
                self.next();
                self.until('}')
            }
            Some(_) | None => Some(self.run(10, |it| matches!(it, '0'..='9' | '+' | '-'))),
        };
        let text = text.filter(|text| !text.is_empty());
        let text = text.ok_or("`\\g` without a number or a name")?;
        let number = |digits: &str| digits.parse::<u32>().ok();
        let relative = match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(back), _) => {
                number(back).map(|back| self.groups.checked_add(1)?.checked_sub(back))
            }
            (None, Some(forth)) => number(forth).map(|forth| self.groups.checked_add(forth)),
            (None, None) => number(&text).map(Some),
        };
        match relative {
            Some(Some(number)) => Ok(Group::Number(number)),
            Some(None) => Err(format!("`\\g{{{text}}}` refers to no group")),
            None => Ok(Group::Name(text)),
        }
    }

    /// A back-reference, or a character in octal digits.
    fn digits(&mut self, first: char) -> Result<(), String> {
        let start = self.at;
        let digits = format!("{first}{}", self.run(9, |it| it.is_ascii_digit()));
        let number: u32 = digits.parse().unwrap_or(u32::MAX);
        if number < 10 || matches!(first, '8' | '9') || number <= self.groups {
            self.back(Group::Number(number));
            return Ok(());
        }
        self.at = start;
        let literal = self.character(first)?;
        self.literal(literal);
        Ok(())
    }

    /// Escapes that stand for several characters.
    pub(super) fn set(&mut self, escaped: char) -> Result<Option<String>, String> {
        let utf = self.utf();
        let properties = utf && self.options.has("ucp");
        let set = match escaped {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' if properties => {
                return Ok(Some(format!("\\{escaped}")));
            }
            'd' | 'D' => "0-9",
            'w' | 'W' => "0-9A-Z_a-z",
            's' | 'S' => "\\x09-\\x0D\\x20",
            'h' | 'H' if utf => "\\x09\\p{Zs}\\x{180E}",
            'h' | 'H' => "\\x09\\x20\\xA0",
            'v' | 'V' if utf => "\\x0A-\\x0D\\x{85}\\x{2028}\\x{2029}",
            'v' | 'V' => "\\x0A-\\x0D\\x85",
            'p' | 'P' => return self.property(escaped).map(Some),
            _ => return Ok(None),
        };
        let negation = if escaped.is_ascii_uppercase() {
            "^"
        } else {
            ""
        };
        Ok(Some(format!("[{negation}{set}]")))
    }

    /// `\p{…}`, `\p{^…}`, `\pL`.
    fn property(&mut self, escaped: char) -> Result<String, String> {
        if !self.utf() {
            return Err(format!("`\\{escaped}` needs `regex_options utf`"));
        }
        let name = if self.eat('{') {
            self.until('}')
        } else {
            self.next().map(String::from)
        };
        let name = name.ok_or_else(|| format!("`\\{escaped}` without a name"))?;
        let (other, rest) = match name.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, name.as_str()),
        };
        let sign = if other == (escaped == 'p') { 'P' } else { 'p' };
        Ok(format!("\\{sign}{{{rest}}}"))
    }

    /// Escapes that stand for one character.
    pub(super) fn character(&mut self, escaped: char) -> Result<char, String> {
        let alt_bsux = self.options.has("alt_bsux");
        let code = match escaped {
            'a' => 0x07,
            'e' => 0x1b,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'c' => match self.next() {
                Some(it @ ' '..='~') => u32::from(it.to_ascii_uppercase()) ^ 0x40,
                Some(_) | None => return Err("`\\c` without a character".to_owned()),
            },
            'o' if self.eat('{') => {
                let digits = self.until('}').unwrap_or_default();
                u32::from_str_radix(&digits, 8)
                    .map_err(|error| format!("`\\o{{{digits}}}`: {error}"))?
            }
            '0'..='7' => {
                let digits = format!("{escaped}{}", self.run(2, |it| matches!(it, '0'..='7')));
                u32::from_str_radix(&digits, 8).unwrap_or(u32::MAX)
            }
            'x' if alt_bsux => return self.exactly(2, 'x'),
            'u' if alt_bsux => return self.exactly(4, 'u'),
            'U' if alt_bsux => u32::from('U'),
            'x' => self.hexadecimal()?,
            'A'..='Z' | 'a'..='z' => return Err(format!("`\\{escaped}` is not supported")),
            itself => u32::from(itself),
        };
        self.in_range(code)
    }

    /// `\x`, `\xH`, `\xHH` and `\x{H…}`.
    fn hexadecimal(&mut self) -> Result<u32, String> {
        if self.eat('{') {
            let digits = self.until('}').unwrap_or_default();
            return u32::from_str_radix(&digits, 16)
                .map_err(|error| format!("`\\x{{{digits}}}`: {error}"));
        }
        let digits = self.run(2, |it| it.is_ascii_hexdigit());
        Ok(u32::from_str_radix(&digits, 16).unwrap_or(0))
    }

    /// `alt_bsux`: so many digits, or the letter itself.
    fn exactly(&mut self, count: usize, letter: char) -> Result<char, String> {
        let start = self.at;
        let digits = self.run(count, |it| it.is_ascii_hexdigit());
        if digits.len() < count {
            self.at = start;
            return Ok(letter);
        }
        self.in_range(u32::from_str_radix(&digits, 16).unwrap_or(u32::MAX))
    }

    fn in_range(&self, code: u32) -> Result<char, String> {
        char::from_u32(code)
            .filter(|_| self.utf() || code <= 0xff)
            .ok_or_else(|| format!("there is no character {code:#x} here (`regex_options utf`?)"))
    }
}
