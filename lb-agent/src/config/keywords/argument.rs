//! What an argument looks like, and what it names.

use super::Argument;
use crate::config::mention::Named;

impl<T> Argument<T> {
    /// What stands behind its name, as one writes it.
    pub(crate) fn syntax(&self) -> String {
        let range = |first: &dyn std::fmt::Display, last: &dyn std::fmt::Display, unit: &str| {
            format!("{first}–{last}{unit}")
        };
        match self {
            Self::Flag(_) => "[on|off]".to_owned(),
            Self::Bare(_) => String::new(),
            Self::Byte(numbers, _) => range(numbers.start(), numbers.end(), ""),
            Self::Short(numbers, _) => range(numbers.start(), numbers.end(), ""),
            Self::Number(numbers, _) if *numbers.end() == u32::MAX => "N".to_owned(),
            Self::Number(numbers, _) => range(numbers.start(), numbers.end(), ""),
            Self::Signed(numbers, _) => range(numbers.start(), numbers.end(), ""),
            Self::Units(unit, _, _) => format!("N ({})", unit.symbol()),
            Self::Seconds(times, _) if *times.end() == super::YEAR => "SECONDS".to_owned(),
            Self::Seconds(times, _) => range(
                &times.start().as_secs_f64(),
                &times.end().as_secs_f64(),
                " s",
            ),
            Self::Text(syntax, _) | Self::Word(syntax, _) | Self::Unread(syntax) => {
                (*syntax).to_owned()
            }
            Self::Line(words, _) => words.syntax.to_owned(),
            Self::Block(words, _) => format!("{} {{ … }}", words.syntax).trim().to_owned(),
        }
    }

    /// Whether it is exactly one word.
    pub(crate) const fn is_one_word(&self) -> bool {
        match self {
            Self::Byte(..)
            | Self::Short(..)
            | Self::Number(..)
            | Self::Signed(..)
            | Self::Seconds(..)
            | Self::Units(..)
            | Self::Text(..)
            | Self::Word(..) => true,
            Self::Flag(_) | Self::Bare(_) | Self::Line(..) | Self::Block(..) | Self::Unread(_) => {
                false
            }
        }
    }

    /// What its first word names, if that is something that only the host knows.
    pub(crate) fn names(&self) -> Option<Named> {
        let syntax = match self {
            Self::Text(syntax, _) | Self::Word(syntax, _) => syntax,
            Self::Line(words, _) | Self::Block(words, _) => words.syntax,
            Self::Flag(_)
            | Self::Bare(_)
            | Self::Byte(..)
            | Self::Short(..)
            | Self::Number(..)
            | Self::Signed(..)
            | Self::Seconds(..)
            | Self::Units(..)
            | Self::Unread(_) => return None,
        };
        if syntax.starts_with("COMMAND") {
            Some(Named::Command)
        } else if syntax.starts_with("INTERFACE") {
            Some(Named::Interface)
        } else if syntax.starts_with("USER") {
            Some(Named::User)
        } else if syntax == "FILE" {
            Some(Named::File)
        } else {
            None
        }
    }
}
