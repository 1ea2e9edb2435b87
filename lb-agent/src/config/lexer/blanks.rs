//! Blanks that come with text copied from web pages and other systems.
//!
//! For keepalived a no-break space is part of a word, so that every line of such a file is an
//! unknown keyword. Here it is a blank, and one warning per file says so.

use crate::config::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::config::text::{FileId, Span};

/// Whether a character separates words.
pub(crate) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n') || is_odd(character)
}

/// How many plain blanks a text begins with: most of a configuration is these.
pub(crate) fn plain_blanks(text: &str) -> usize {
    let mut count = 0;
    for byte in text.as_bytes() {
        if !matches!(byte, b' ' | b'\t' | b'\n') {
            break;
        }
        count += 1;
    }
    count
}

/// The text behind the blanks that it begins with.
pub(crate) fn after_blanks(text: &str) -> &str {
    let rest = text.get(plain_blanks(text)..).unwrap_or_default();
    if rest.starts_with(|first: char| first.is_ascii_graphic()) {
        rest
    } else {
        rest.trim_start_matches(is_blank)
    }
}

/// Blanks that keepalived takes for letters.
fn is_odd(character: char) -> bool {
    match character {
        // Zero-width space and the byte order mark are no white space for Unicode.
        '\u{200b}' | '\u{feff}' => true,
        ' ' | '\t' | '\n' => false,
        _ => character.is_whitespace(),
    }
}

/// The odd blanks of one file, outside comments and quotes.
#[derive(Debug, Default)]
pub(super) struct OddBlanks {
    first: Option<Span>,
    kinds: Vec<char>,
    count: usize,
}

impl OddBlanks {
    /// Counts `character`, a blank, when it is an odd one.
    pub(super) fn note(&mut self, character: char, span: Span) {
        if !is_odd(character) {
            return;
        }
        self.first.get_or_insert(span);
        self.count += 1;
        if !self.kinds.contains(&character) {
            self.kinds.push(character);
        }
    }

    /// The warning at the end of a file; begins anew for the next one.
    pub(super) fn report(&mut self, file: FileId, diagnostics: &mut Diagnostics) {
        let Self {
            first,
            kinds,
            count,
        } = std::mem::take(self);
        let Some(span) = first.filter(|span| span.file == file) else {
            return;
        };
        let names: Vec<String> = kinds.into_iter().map(name).collect();
        let (blanks, are) = if count == 1 {
            ("blank", "is")
        } else {
            ("blanks", "are")
        };
        let message = format!(
            "{count} {blanks} of this file {are} no plain space or tab ({}); read as a space",
            names.join(", ")
        );
        let help = "keepalived takes them for letters: replace them before it reads this file";
        diagnostics.push(Diagnostic::warning(Code::OddBlank, span, message).help(help));
    }
}

fn name(character: char) -> String {
    match character {
        '\r' => "CR".to_owned(),
        '\u{a0}' => "no-break space".to_owned(),
        '\u{3000}' => "ideographic space".to_owned(),
        '\u{feff}' => "byte order mark".to_owned(),
        _ => format!("U+{:04X}", u32::from(character)),
    }
}
