//! What begins with `(`.

use super::{Group, Reader, Token};

impl Reader<'_> {
    pub(super) fn open(&mut self) -> Result<(), String> {
        if self.peek() == Some('*') {
            return Err("`(*…)` is not supported".to_owned());
        }
        if !self.eat('?') {
            if self.flags.contains(&'n') {
                self.group("(?:");
            } else {
                self.capture(None);
            }
            return Ok(());
        }
        match self.next() {
            Some(':') => self.group("(?:"),
            Some('>') => {
                self.atomic = true;
                self.looks("(?>");
            }
            Some('=') => self.looks("(?="),
            Some('!') => self.looks("(?!"),
            Some('#') => {
                self.until(')').ok_or("a comment without its `)`")?;
            }
            Some('<') if self.eat('=') => self.looks("(?<="),
            Some('<') if self.eat('!') => self.looks("(?<!"),
            Some('<') => self.named('>')?,
            Some('\'') => self.named('\'')?,
            Some('P') if self.eat('<') => self.named('>')?,
            Some('P') if self.eat('=') => {
                let name = self.until(')').ok_or("`(?P=` without its `)`")?;
                self.back(Group::Name(name));
            }
            Some('|') => return Err("`(?|…)` is not supported".to_owned()),
            Some('(') => return Err("conditions are not supported".to_owned()),
            Some('C') => return Err("callouts are not supported".to_owned()),
            Some('P' | 'R' | '&' | '+' | '0'..='9') => {
                return Err("recursion is not supported".to_owned());
            }
            Some(_) => {
                self.at = self.at.saturating_sub(1);
                self.set_flags()?;
            }
            None => return Err("a `(` without its `)`".to_owned()),
        }
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), String> {
        self.flags = self.outer.pop().ok_or("a `)` without its `(`")?;
        self.tokens.push(Token::Close);
        Ok(())
    }

    fn group(&mut self, opening: &str) {
        self.outer.push(self.flags.clone());
        self.tokens.push(Token::Open(opening.to_owned()));
    }

    /// What is within is found once, and not again.
    fn looks(&mut self, opening: &str) {
        self.backtracking = true;
        self.group(opening);
    }

    fn capture(&mut self, name: Option<String>) {
        self.groups = self.groups.saturating_add(1);
        self.names.extend(name.map(|name| (name, self.groups)));
        self.outer.push(self.flags.clone());
        self.tokens.push(Token::Capture);
    }

    fn named(&mut self, end: char) -> Result<(), String> {
        let name = self.until(end).ok_or("a group's name without an end")?;
        self.capture(Some(name));
        Ok(())
    }

    /// `(?letters)`, which hold to the end of the group, and `(?letters:…)`.
    fn set_flags(&mut self) -> Result<(), String> {
        let mut flags = self.flags.clone();
        let mut caseless = None;
        if self.eat('^') {
            flags.clear();
            caseless = Some(false);
        }
        let mut on = true;
        let end = loop {
            match self.next() {
                Some('-') => on = false,
                Some('i') => caseless = Some(on),
                Some(letter @ ('m' | 's' | 'x' | 'U' | 'n')) => {
                    if on {
                        flags.insert(letter);
                    } else {
                        flags.remove(&letter);
                    }
                }
                // Names may be used twice; nothing is asked of them here.
                Some('J') => {}
                Some(end @ (')' | ':')) => break end,
                Some(other) => return Err(format!("`(?{other}` is not supported")),
                None => return Err("a `(` without its `)`".to_owned()),
            }
        };
        let letters = match caseless {
            Some(true) => "i",
            Some(false) => "-i",
            None => "",
        };
        if end == ':' {
            self.group(&format!("(?{letters}:"));
        } else if !letters.is_empty() {
            self.tokens.push(Token::Nothing(format!("(?{letters})")));
        }
        self.flags = flags;
        Ok(())
    }
}
