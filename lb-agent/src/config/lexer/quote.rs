//! Quotes and escapes.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// Which quotes count on a line; its first word decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Only `"`, and nothing is special inside.
    Plain,
    /// `"`, `'` and escapes: the keywords that take a command or a pattern.
    Command,
}

impl Quoting {
    /// For the line that `keyword` begins.
    pub(super) fn of(keyword: &str) -> Self {
        match keyword {
            "script" | "misc_path" | "quorum_up" | "quorum_down" | "startup_script"
            | "shutdown_script" | "regex" => Self::Command,
            _ if keyword.starts_with("notify") || keyword.ends_with("_fifo_script") => {
                Self::Command
            }
            _ => Self::Plain,
        }
    }

    /// Whether a quoted word begins with `mark`.
    pub(super) fn opens(self, mark: char) -> bool {
        mark == '"' || (mark == '\'' && self == Self::Command)
    }

    /// Whether `\` is special.
    pub(super) fn escapes(self) -> bool {
        self == Self::Command
    }
}

/// Where the quote that `mark` opened ends in the text behind it: on the same line.
pub(super) fn end(inside: &str, mark: char, quoting: Quoting) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in inside.char_indices() {
        match character {
            '\n' if !escaped => return None,
            _ if escaped => escaped = false,
            '\\' if quoting.escapes() && mark == '"' => escaped = true,
            _ if character == mark => return Some(index),
            _ => {}
        }
    }
    None
}

/// The text that a bare word stands for where escapes do not count: only `\#` and `\!` do, which
/// would begin a comment without the backslash.
pub(super) fn unescape_signs(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&b'\\') {
        Cow::Owned(text.replace("\\#", "#").replace("\\!", "!"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that a word stands for.
pub(super) fn unescape(text: &str, quoting: Quoting) -> Cow<'_, str> {
    if !quoting.escapes() || !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == '\\' {
            plain.push(escaped(&mut rest));
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

/// What the characters behind a backslash mean.
fn escaped(rest: &mut Peekable<Chars<'_>>) -> char {
    match rest.next() {
        None => '\\',
        Some('a') => '\u{07}',
        Some('b') => '\u{08}',
        Some('E') => '\u{1b}',
        Some('f') => '\u{0c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('v') => '\u{0b}',
        Some('x') => number(rest, 16, 2, 0).map_or('x', char::from),
        // Control characters are the low five bits of their letter.
        Some('c') => rest
            .next()
            .map_or('c', |letter| match u8::try_from(letter) {
                Ok(byte) => char::from(byte & 0x1f),
                Err(_) => letter,
            }),
        Some(digit @ '0'..='7') => {
            let first = digit.to_digit(8).unwrap_or(0);
            number(rest, 8, 2, first).map_or(digit, char::from)
        }
        Some(other) => other,
    }
}

/// Reads at most `digits` more digits behind `value`; `None` when there is neither a digit nor a
/// value, or when it does not fit a byte.
fn number(rest: &mut Peekable<Chars<'_>>, radix: u32, digits: usize, value: u32) -> Option<u8> {
    let mut value = value;
    let mut read = 0;
    while read < digits {
        let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix)) else {
            break;
        };
        rest.next();
        value = value * radix + digit;
        read += 1;
    }
    if read == 0 && radix == 16 {
        None
    } else {
        u8::try_from(value).ok()
    }
}
