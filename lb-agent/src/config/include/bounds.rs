//! What ends a chain of includes.

use std::path::Path;

use super::{MAX_DEPTH, MAX_FILES, Reader};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::text::Span;

impl Reader<'_> {
    pub(super) fn admits_another(&mut self, span: Span) -> bool {
        self.files += 1;
        let message = if self.chain.len() >= MAX_DEPTH {
            format!("more than {MAX_DEPTH} files include each other in a row")
        } else if self.files > MAX_FILES {
            format!("more than {MAX_FILES} files are included")
        } else {
            return true;
        };
        self.stopped = true;
        self.diagnostics
            .push(Diagnostic::error(Code::TooLarge, span, message));
        false
    }

    pub(super) fn cycle(&self, path: &Path, identity: &Path, span: Span) -> Diagnostic {
        let ring = self.chain.iter().skip_while(|(_, open)| open != identity);
        let names: Vec<String> = ring.map(|(name, _)| name.display().to_string()).collect();
        let message = format!(
            "`{}` includes itself: {} -> {}",
            path.display(),
            names.join(" -> "),
            path.display()
        );
        Diagnostic::error(Code::IncludeCycle, span, message).help("this include is left out")
    }
}
