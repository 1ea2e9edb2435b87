//! Lines as they stand in a file: which go on with the next, and which cannot be read.

use super::{Lexer, MAX_LINE};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::expand;
use crate::config::include::Segment;
use crate::config::text::{Span, length};

impl Lexer<'_, '_> {
    /// The first line of `text`, where `segment` begins, and those that it goes on with.
    pub(super) fn with_continuation<'t>(&mut self, text: &'t str, segment: Segment) -> &'t str {
        let first = text.find('\n').map_or(text.len(), |end| end + 1);
        let line = text.get(..first).unwrap_or(text);
        if !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            return line;
        }
        let defines = expand::is_definition(line);
        let mut end = 0;
        for physical in text.split_inclusive('\n') {
            end += physical.len();
            if !continues(physical, defines) {
                break;
            }
        }
        if end > first && !defines {
            let place = segment.start + length(line.trim_end_matches(['\n', '\r']));
            let sign = Span {
                file: segment.file,
                start: place - 1,
                end: place,
            };
            let message = "`\\` joins this line with the next";
            let joined = Diagnostic::warning(Code::Surprising, sign, message);
            self.report(joined.help(
                "keepalived joins lines only where the value of a variable is defined: elsewhere it \
                 takes this for two lines and a letter",
            ));
        }
        text.get(..end).unwrap_or(text)
    }

    /// keepalived leaves out lines that are too long or hold a NUL.
    pub(super) fn is_readable(&mut self, span: Span, raw: &str) -> bool {
        if raw.len() <= MAX_LINE && (self.is_plain || !raw.contains('\0')) {
            return true;
        }
        let longest = raw.split('\n').map(str::len).max().unwrap_or(0);
        let message = if longest > MAX_LINE {
            format!(
                "this line has {longest} bytes; keepalived reads at most {MAX_LINE}, so it is \
                 left out"
            )
        } else if raw.contains('\0') {
            "this line holds a NUL byte, so it is left out, as keepalived does".to_owned()
        } else {
            return true;
        };
        let code = if longest > MAX_LINE {
            Code::LongLine
        } else {
            Code::NotText
        };
        let shown = length(
            raw.get(..raw.floor_char_boundary(40))
                .unwrap_or(raw)
                .trim_end(),
        );
        let place = Span {
            end: span.start + shown,
            ..span
        };
        self.report(Diagnostic::warning(code, place, message));
        false
    }
}

/// Whether a line goes on with the next: its last character is `\`, outside a comment unless the
/// line defines a variable.
fn continues(line: &str, defines: bool) -> bool {
    let Some(before) = line.trim_end_matches(['\n', '\r']).strip_suffix('\\') else {
        return false;
    };
    !before.ends_with('\\') && (defines || comment(before) == before.len())
}

/// Where the comment of a line begins, or its end. `\` takes the meaning of the character behind it.
pub(crate) fn comment(line: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    let found = line.char_indices().find(|(_, character)| match character {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        '"' => {
            quoted = !quoted;
            false
        }
        '#' | '!' => !quoted,
        _ => false,
    });
    found.map_or(line.len(), |(index, _)| index)
}
