//! Where `global_defs` begins and ends: `include_check` counts in there only, before any block is
//! understood.

use crate::config::lexer::{after_blanks, braces_of_line};
use crate::config::text::Span;

/// Whether the line that is being read is in `global_defs`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum GlobalDefs {
    /// It is not.
    #[default]
    Outside,
    /// So many of its braces are open; 0: the first one is still to come.
    Inside(usize),
}

impl GlobalDefs {
    /// Takes the next line, without its conditions; gives what of it stands within the block.
    pub(super) fn line<'t>(&mut self, span: Span, line: &'t str) -> Option<&'t str> {
        let (within, line) = match self {
            Self::Outside => {
                let behind = after_blanks(line).strip_prefix("global_defs")?;
                if behind.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
                    // Another word.
                    return None;
                }
                *self = Self::Inside(0);
                (behind.split_once('{').map(|(_, within)| within), behind)
            }
            Self::Inside(_) => (Some(line), line),
        };
        for opens in braces_of_line(span, line) {
            *self = match (*self, opens) {
                (Self::Inside(open), true) => Self::Inside(open + 1),
                (Self::Inside(open), false) if open > 1 => Self::Inside(open - 1),
                (Self::Inside(_), false) | (Self::Outside, _) => Self::Outside,
            };
        }
        within
    }
}
