//! Names that other blocks refer to.

use std::collections::{BTreeMap, HashMap};

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic, Severity};
use crate::config::suggest;
use crate::config::text::{Span, Spanned};

/// All names of the configuration, by what they name.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) vrrp_scripts: Kind,
    pub(super) vrrp_track_processes: Kind,
    pub(super) track_files: Kind,
    pub(super) bfd_instances: Kind,
    pub(super) vrrp_instances: Kind,
    pub(super) track_groups: Kind,
    pub(super) virtual_server_groups: Kind,
    /// Where sync groups name instances.
    pub(super) members: HashMap<String, Span>,
}

/// The names of one kind of blocks: where each stands, and whether it can be used.
#[derive(Debug, Default)]
pub(super) struct Kind {
    names: BTreeMap<String, (Span, bool)>,
}

impl Kind {
    /// Adds one.
    pub(super) fn add(&mut self, name: &Spanned<String>, is_used: bool) {
        self.names
            .entry(name.value.clone())
            .or_insert((name.span, is_used));
    }

    /// Where the first of this name stands.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        self.names.get(name).map(|(span, _)| *span)
    }
}

impl Resolver<'_> {
    /// Whether a name stands for a block of this kind that is used; says so if not. `keyword` is
    /// that of the block, `consequence` what follows.
    pub(super) fn refers(
        &mut self,
        kind: fn(&Names) -> &Kind,
        keyword: &str,
        name: &Spanned<String>,
        consequence: &str,
    ) -> bool {
        // Working out what was meant is dear; nobody reads it beyond the cap.
        let wanted = self
            .diagnostics
            .has_readers(name.span.file, Severity::Warning);
        let names = &kind(&self.names).names;
        let found = match names.get(&name.value) {
            Some((_, true)) => return true,
            Some((span, false)) => {
                let message = format!("{keyword} `{}` is left out: {consequence}", name.value);
                let reference = Diagnostic::warning(Code::Reference, name.span, message);
                reference.related(*span, "it stands here")
            }
            None => {
                let message = format!("there is no {keyword} `{}`: {consequence}", name.value);
                let near = wanted
                    .then(|| suggest::nearest(&name.value, names.keys().map(String::as_str)))
                    .flatten();
                let place = near.and_then(|near| names.get(near).map(|(span, _)| (near, *span)));
                let reference = Diagnostic::warning(Code::Reference, name.span, message);
                match place {
                    Some((near, span)) => reference
                        .related(span, "this one has a similar name")
                        .help(format!("did you mean `{near}`?")),
                    None => reference,
                }
            }
        };
        self.report(found);
        false
    }
}
