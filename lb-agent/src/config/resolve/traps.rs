//! What works as it is written and surprises people all the same: the traps that come up again
//! and again in keepalived's issue tracker.

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{InstanceDraft, TrackedDraft, VirtualServerDraft};
use crate::config::model::{RealServer, Tracked, VirtualServer, VrrpInstance};
use crate::config::text::Span;

/// A weight below this rarely reaches the other router's priority: most people set these at
/// least so far apart.
const USUAL_DISTANCE: i16 = 10;

impl Resolver<'_> {
    /// Those of an instance.
    pub(super) fn instance_traps(&mut self, draft: &InstanceDraft, instance: &VrrpInstance) {
        let tracked = weighted(draft, instance);
        self.weights_and_nopreempt(draft, instance, &tracked);
        self.small_weights(instance, &tracked);
        let has_vmac = instance.use_vmac.is_some() || instance.use_ipvlan.is_some();
        if instance.vmac_xmit_base && !has_vmac {
            let span = draft.given.span("vmac_xmit_base");
            let message = "`vmac_xmit_base` has no effect without `use_vmac` or `use_ipvlan`";
            self.warning(Code::Adjusted, span.unwrap_or(draft.name.span), message);
        }
        self.strictness(draft, instance);
    }

    /// A BACKUP with `nopreempt` does not take over from a living master of lower priority.
    fn weights_and_nopreempt(
        &mut self,
        draft: &InstanceDraft,
        instance: &VrrpInstance,
        tracked: &[(Span, Tracked)],
    ) {
        let nopreempt = draft.nopreempt.filter(|_| instance.nopreempt);
        if let (Some(nopreempt), Some((span, tracked))) = (nopreempt, tracked.first()) {
            let message = format!(
                "the weight of `{}` cannot move the virtual address: with `nopreempt` a backup \
                 leaves a living master alone, whatever its priority",
                tracked.name
            );
            let trap = Diagnostic::warning(Code::Surprising, *span, message)
                .related(nopreempt.span, "set here")
                .help("without a weight (`weight 0`) a failure means FAULT, and the address moves");
            self.report(trap);
        }
    }

    /// All weights together must reach the other router's priority.
    fn small_weights(&mut self, instance: &VrrpInstance, tracked: &[(Span, Tracked)]) {
        let Some((span, first)) = tracked.first() else {
            return;
        };
        if instance.priority == 255 {
            let message = format!(
                "the weight of `{}` changes nothing: priority 255 is that of the address's owner \
                 and stays",
                first.name
            );
            return self.warning(Code::Adjusted, *span, message);
        }
        let weights = tracked.iter().map(|(_, tracked)| tracked.weight.weight);
        let (gained, lost) = weights.fold((0i16, 0i16), |(gained, lost), weight| {
            (
                gained.saturating_add(weight.max(0)),
                lost.saturating_add(weight.min(0)),
            )
        });
        if gained.saturating_sub(lost) >= USUAL_DISTANCE {
            return;
        }
        let base = i16::from(instance.priority);
        let high = base.saturating_add(gained).min(254);
        let low = base.saturating_add(lost).max(1);
        let message = format!(
            "what is tracked moves the virtual address only to a router whose priority is from \
             {low} to {high}"
        );
        let trap = Diagnostic::warning(Code::Surprising, *span, message);
        self.report(trap.help("make the weights greater than the distance of the priorities"));
    }

    /// What strict mode does not go with. keepalived 2.2.7 says nothing of unicast peers, and uses
    /// them.
    fn strictness(&mut self, draft: &InstanceDraft, instance: &VrrpInstance) {
        let strict = draft.strict_mode.or(self.global.vrrp_strict);
        let Some(strict) = strict.filter(|_| instance.strict_mode) else {
            return;
        };
        if let Some(peer) = draft.unicast_peer.first() {
            let message = "strict mode knows no unicast peers; they are used all the same, as keepalived does";
            let trap = Diagnostic::warning(Code::Surprising, peer.span, message);
            let trap = trap.related(strict.span, "strict mode is set here");
            self.report(trap.help("leave strict mode out where peers are unicast"));
        }
    }

    /// Those of a service.
    pub(super) fn service_traps(
        &mut self,
        draft: &VirtualServerDraft,
        service: &VirtualServer<()>,
    ) {
        let weight = |server: &RealServer| server.weight;
        let mut weights = service.real_servers.iter().map(weight);
        let first = weights.next();
        let differ = weights.any(|weight| Some(weight) != first);
        let given = draft.persistence_timeout.filter(|_| differ);
        if let (Some(given), Some(timeout)) = (given, service.persistence_timeout) {
            let message = format!(
                "for {} s after its last connection a client goes to the server that it had: over \
                 few clients, or many behind one address, the weights do not show",
                timeout.as_secs()
            );
            let trap = Diagnostic::notice(Code::Surprising, given.span, message);
            self.report(trap.help("test the weights without `persistence_timeout`"));
        }
    }
}

/// What is tracked with a weight, and where its line stands.
fn weighted(draft: &InstanceDraft, instance: &VrrpInstance) -> Vec<(Span, Tracked)> {
    let (drafts, track) = (&draft.tracking, &instance.track);
    let lists: [(&[TrackedDraft], &[Tracked]); 4] = [
        (&drafts.track_interface, &track.track_interface),
        (&drafts.track_script, &track.track_script),
        (&drafts.track_process, &track.track_process),
        (&drafts.track_bfd, &track.track_bfd),
    ];
    let mut weighted = Vec::new();
    for (drafts, tracked) in lists {
        for one in tracked.iter().filter(|one| one.weight.weight != 0) {
            let draft = drafts.iter().find(|draft| draft.name.value == one.name);
            weighted.extend(draft.map(|draft| (draft.name.span, one.clone())));
        }
    }
    weighted
}

#[cfg(test)]
mod tests;
