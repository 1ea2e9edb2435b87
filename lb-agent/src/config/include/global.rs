//! Where `global_defs` begins and ends: `include_check` counts in there only, before any block is
//! understood.

use crate::config::lexer::{after_blanks, comment};

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
    /// Takes the next line; gives what of it stands within the block.
    pub(super) fn line<'t>(&mut self, line: &'t str) -> Option<&'t str> {
        let (within, line) = match self {
            Self::Outside => {
                let behind = after_blanks(line).strip_prefix("global_defs")?;
                *self = Self::Inside(0);
                (behind.split_once('{').map(|(_, within)| within), behind)
            }
            Self::Inside(_) => (Some(line), line),
        };
        let code = line.get(..comment(line)).unwrap_or(line);
        for brace in code.bytes().filter(|byte| matches!(byte, b'{' | b'}')) {
            *self = match (*self, brace) {
                (Self::Inside(open), b'{') => Self::Inside(open + 1),
                (Self::Inside(open), _) if open > 1 => Self::Inside(open - 1),
                (Self::Inside(_) | Self::Outside, _) => Self::Outside,
            };
        }
        within
    }
}
