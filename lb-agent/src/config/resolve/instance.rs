//! `vrrp_instance`.

mod adverts;

use super::Resolver;
use super::garp::garp;
use super::track::Weights;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::model::{InitialState, VrrpInstance};
use crate::config::text::Spanned;

impl Resolver<'_> {
    /// The instance that a draft stands for; `None` when it cannot be used.
    pub(super) fn instance(
        &mut self,
        draft: &InstanceDraft,
        weights: &Weights,
    ) -> Option<VrrpInstance> {
        // All remarks come first: one run shows them all, also where the instance is left out.
        let (interface, stand_on) = self.interfaces(draft);
        let virtual_router_id = draft.virtual_router_id.map(value);
        self.missing(
            &draft.name,
            interface.is_none(),
            virtual_router_id.is_none(),
        );
        let track = self.tracking(&draft.tracking, weights);
        let adverts = self.adverts(draft);
        let state = self.wish(draft, priority(draft), adverts.authentication.as_ref());
        let (nopreempt, preempt_delay) = self.preemption(draft);
        let (virtual_ipaddress, virtual_ipaddress_excluded) = self.addresses(draft, &stand_on);
        let (interface, virtual_router_id) = interface.zip(virtual_router_id)?;
        self.without_address(draft, virtual_ipaddress.is_empty());
        let instance = VrrpInstance {
            state,
            interface,
            virtual_router_id,
            priority: priority(draft),
            virtual_ipaddress,
            virtual_ipaddress_excluded,
            nopreempt,
            preempt_delay,
            dont_track_primary: draft.dont_track_primary.is_some_and(value),
            garp: garp(&draft.garp, &self.global),
            no_virtual_ipaddress: draft.no_virtual_ipaddress.is_some_and(value),
            virtual_routes: self.routes(draft.virtual_routes.clone()),
            virtual_rules: self.rules(draft.virtual_rules.clone()),
            track,
            notify: self.notify(&draft.notify),
            ..adverts
        };
        let instance = self.strict(draft, instance);
        self.instance_traps(draft, &instance);
        Some(instance)
    }

    /// The interface that adverts go by, and the one where addresses stand that name none.
    fn interfaces(&mut self, draft: &InstanceDraft) -> (Option<String>, String) {
        let vrf = self.vrf(draft);
        let default = self.global.default_interface.as_ref();
        let default = default.map(|given| given.value.clone());
        let given = draft.interface.as_ref().map(|given| given.value.clone());
        let interface = given.clone().or(vrf).or_else(|| default.clone());
        let stand_on = given.or(default).or_else(|| interface.clone());
        (interface, stand_on.unwrap_or_default())
    }

    fn without_address(&mut self, draft: &InstanceDraft, is_empty: bool) {
        if is_empty && !draft.no_virtual_ipaddress.is_some_and(value) {
            let name = &draft.name;
            let message = format!("vrrp_instance `{}` has no virtual address", name.value);
            self.warning(Code::MissingSetting, name.span, message);
        }
    }

    /// `vrf`: instead of an interface, for adverts to peers, which are routed.
    fn vrf(&mut self, draft: &InstanceDraft) -> Option<String> {
        let vrf = draft.value.vrf.as_ref()?;
        let why = if draft.interface.is_some() {
            "the instance has an interface, whose routing table counts"
        } else if draft.unicast_peer.is_empty() {
            "only adverts to unicast peers need no interface"
        } else {
            return Some(vrf.clone());
        };
        let span = draft.given.span("vrf").unwrap_or(draft.name.span);
        self.warning(Code::Adjusted, span, format!("`vrf` is ignored: {why}"));
        None
    }

    /// What no instance can be without.
    fn missing(&mut self, name: &Spanned<String>, interface: bool, virtual_router_id: bool) {
        let (missing, help) = match (interface, virtual_router_id) {
            (false, false) => return,
            (true, false) => ("`interface`", "add `interface NAME`"),
            (false, true) => (
                "`virtual_router_id`",
                "add `virtual_router_id N`, from 1 to 255",
            ),
            (true, true) => (
                "`interface` and no `virtual_router_id`",
                "add `interface NAME` and `virtual_router_id N`",
            ),
        };
        let message = format!(
            "vrrp_instance `{}` has no {missing}: it is left out",
            name.value
        );
        self.report(Diagnostic::error(Code::MissingSetting, name.span, message).help(help));
    }
}

/// What was given, without its place.
pub(super) fn value<T>(given: Spanned<T>) -> T {
    given.value
}

/// 100, or 255 for a MASTER that names none, as in keepalived.
pub(super) fn priority(draft: &InstanceDraft) -> u8 {
    let master = draft
        .state
        .is_some_and(|state| state.value == InitialState::Master);
    draft.priority.map_or(if master { 255 } else { 100 }, value)
}
