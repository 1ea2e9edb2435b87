//! Static addresses, routes, rules, and those of instances.

use super::Resolver;
use super::addresses::virtual_address;
use crate::config::diagnostic::Code;
use crate::config::draft::{AddressDraft, RouteDraft, RuleDraft};
use crate::config::model::{Route, Rule, StaticAddress};
use crate::config::text::Spanned;

impl Resolver<'_> {
    /// `static_ipaddress`
    pub(super) fn static_addresses(&mut self, drafts: &[AddressDraft]) -> Vec<StaticAddress> {
        let mut addresses = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let default = self.global.default_interface.as_ref();
            let default = default.map(|given| given.value.clone());
            // keepalived's own default.
            let default = default.unwrap_or_else(|| "eth0".to_owned());
            if draft.dev.is_none() && self.global.default_interface.is_none() {
                let message = "no `dev`: this address goes to eth0, as with keepalived";
                self.warning(Code::Surprising, draft.address.span, message);
            }
            addresses.push(StaticAddress {
                address: virtual_address(draft, &default),
                track_group: self.track_group(draft.track_group.as_ref()),
            });
        }
        addresses
    }

    /// `static_routes`, `virtual_routes`
    pub(super) fn routes(&mut self, drafts: Vec<RouteDraft>) -> Vec<Route> {
        let routes = drafts.into_iter().map(|draft| Route {
            track_group: self.track_group(draft.track_group.as_ref()),
            ..draft.value
        });
        routes.collect()
    }

    /// `static_rules`, `virtual_rules`
    pub(super) fn rules(&mut self, drafts: Vec<RuleDraft>) -> Vec<Rule> {
        let rules = drafts.into_iter().map(|draft| Rule {
            track_group: self.track_group(draft.track_group.as_ref()),
            ..draft.value
        });
        rules.collect()
    }

    fn track_group(&mut self, name: Option<&Spanned<String>>) -> Option<String> {
        let name = name?;
        let consequence = "it follows no group";
        self.refers(
            |names| &names.track_groups,
            "track_group",
            name,
            consequence,
        )
        .then(|| name.value.clone())
    }
}
