//! A command line cut into words, without a shell.
//!
//! Blanks separate. `'…'` keeps everything, `"…"` everything but `\`, and `\` keeps the next
//! character, as in a shell. Nothing else is special: no variables, no patterns.

use thiserror::Error;

/// Why a command line cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WordsError {
    /// A quote is never closed.
    #[error("a {0} is never closed")]
    OpenQuote(char),
    /// The line ends in a backslash.
    #[error("nothing follows the last \\")]
    TrailingBackslash,
}

/// One word, and whether the shell would see an operator in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Word {
    text: String,
    operator: bool,
}

/// The words of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    words: Vec<Word>,
}

impl Words {
    /// Cuts `line`.
    pub fn cut(line: &str) -> Result<Self, WordsError> {
        let mut words = Vec::new();
        let mut word: Option<Word> = None;
        let mut rest = line.chars();
        while let Some(character) = rest.next() {
            if character.is_ascii_whitespace() {
                words.extend(word.take());
                continue;
            }
            let word = word.get_or_insert_default();
            match character {
                '\'' | '"' => quoted(character, &mut rest, &mut word.text)?,
                '\\' => word
                    .text
                    .push(rest.next().ok_or(WordsError::TrailingBackslash)?),
                plain => {
                    word.operator |= is_operator(plain);
                    word.text.push(plain);
                }
            }
        }
        words.extend(word);
        Ok(Self { words })
    }

    /// The words, without their quotes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.text.as_str())
    }

    /// Whether only a shell could make sense of the line: an unquoted `;`, `&`, `|`, `<`, `>`, `(`,
    /// `)`, `` ` `` or `$` stands in it.
    pub fn need_shell(&self) -> bool {
        self.words.iter().any(|word| word.operator)
    }
}

const fn is_operator(character: char) -> bool {
    matches!(
        character,
        ';' | '&' | '|' | '<' | '>' | '(' | ')' | '`' | '$'
    )
}

/// Reads up to the closing `quote`.
fn quoted(
    quote: char,
    rest: &mut impl Iterator<Item = char>,
    text: &mut String,
) -> Result<(), WordsError> {
    while let Some(character) = rest.next() {
        match character {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => text.push(rest.next().ok_or(WordsError::OpenQuote(quote))?),
            plain => text.push(plain),
        }
    }
    Err(WordsError::OpenQuote(quote))
}

#[cfg(test)]
mod tests;
