//! What virtual servers serve, laid beside each other.

use std::collections::HashMap;

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::VirtualServerDraft;
use crate::config::model::{Config, MAX_SERVED, Served, VirtualServer, VirtualServerKey};
use crate::config::text::Span;

/// Who serves what, as far as is known.
#[derive(Default)]
pub(super) struct Seen(HashMap<Served, (Span, bool)>);

impl Resolver<'_> {
    /// Says what of a virtual server is not served by it: beyond what there is room for, or served by
    /// an earlier one.
    pub(super) fn served(
        &mut self,
        seen: &mut Seen,
        draft: &VirtualServerDraft,
        server: &VirtualServer,
        config: &Config,
    ) {
        self.cut(draft, server, config);
        let is_group = is_group(server);
        for served in config.served(server) {
            let Some((first, by_group)) = seen.0.get(&served) else {
                seen.0.insert(served, (draft.span, is_group));
                continue;
            };
            // The same key twice is told of the virtual server as a whole.
            if *first != draft.span && (is_group || *by_group) {
                let name = match served {
                    Served::Address(key) => key.to_string(),
                    Served::Fwmark(key) => key.to_string(),
                };
                let message = format!(
                    "{name} is served by another virtual server already: that one's servers get it"
                );
                // keepalived says nothing: its second service fails in the kernel.
                let twice = Diagnostic::warning(Code::Surprising, draft.span, message);
                self.report(twice.related(*first, "the other one"));
                return;
            }
        }
    }

    /// Says that a group has more addresses and ports than are served. With marks it may have any
    /// number.
    fn cut(&mut self, draft: &VirtualServerDraft, server: &VirtualServer, config: &Config) {
        let wanted = config.would_serve(server);
        let most = u128::try_from(MAX_SERVED).unwrap_or(u128::MAX);
        if wanted <= most || self.global.value.lvs.nftables_ipvs.is_some() {
            return;
        }
        let message = format!(
            "this group has {wanted} addresses and ports, one service each: the first {most} are \
             served, the others are not"
        );
        // keepalived takes such a file, and what there is room for runs.
        let remark = Diagnostic::warning(Code::Capacity, draft.span, message);
        self.report(remark.help(
            "`nftables_ipvs` in global_defs has nftables mark them all for one service of IPVS",
        ));
    }
}

const fn is_group(server: &VirtualServer) -> bool {
    match server.key {
        VirtualServerKey::Group(_) => true,
        VirtualServerKey::Address(_) | VirtualServerKey::Fwmark(_) => false,
    }
}
