//! Settings of a virtual server that do not go together, mended as keepalived does.

use std::time::Duration;

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ProtocolDraft, Target, VirtualServerDraft};
use crate::config::model::{Scheduler, VirtualServer};
use crate::config::text::Span;

/// The persistence of a service for all ports that asks for none.
const PERSISTENCE: Duration = Duration::from_mins(6);

impl Resolver<'_> {
    /// The service as it can work.
    pub(super) fn combination(
        &mut self,
        draft: &VirtualServerDraft,
        mut service: VirtualServer<()>,
    ) -> VirtualServer<()> {
        self.quorum(draft, &mut service);
        self.slow_start(draft, &service);
        let protocol = draft.protocol.map(|given| given.value);
        if service.ops && !matches!(protocol, None | Some(ProtocolDraft::Udp)) {
            service.ops = false;
            self.adjusted(draft, "ops", "`ops` is for UDP only: it is ignored");
        }
        if service.flags.hashed && service.lb_algo != Scheduler::Sh {
            service.flags.hashed = false;
            self.adjusted(
                draft,
                "hashed",
                "`hashed` is for `lb_algo sh` only: it is ignored",
            );
        }
        if service.sorry_server_inhibit && draft.sorry_server.is_none() {
            service.sorry_server_inhibit = false;
            self.adjusted(
                draft,
                "sorry_server_inhibit",
                "`sorry_server_inhibit` without `sorry_server`: it is ignored",
            );
        }
        if service.ha_suspend && matches!(draft.target, Target::Fwmark(_)) {
            service.ha_suspend = false;
            let message = "a fwmark has no address to look for: `ha_suspend` is ignored";
            self.adjusted(draft, "ha_suspend", message);
        }
        if service.persistence_timeout.is_none() && matches!(draft.target, Target::Address(_, 0)) {
            service.persistence_timeout = Some(PERSISTENCE);
            let message = format!(
                "all ports go to one server only with persistence: `persistence_timeout {}` is used",
                PERSISTENCE.as_secs()
            );
            self.report(Diagnostic::warning(Code::Adjusted, draft.span, message));
        }
        service
    }

    /// More than there is would never be reached.
    fn quorum(&mut self, draft: &VirtualServerDraft, service: &mut VirtualServer<()>) {
        let weights = service.real_servers.iter().map(|server| server.weight);
        let sum = weights.fold(0u32, u32::saturating_add);
        if sum > 0 && service.quorum > sum {
            let message = format!(
                "all weights together are {sum}, so that a quorum of {} would never be reached: it \
                 is {sum}",
                service.quorum
            );
            self.adjusted(draft, "quorum", &message);
            service.quorum = sum;
        }
        if service.hysteresis >= service.quorum {
            let most = service.quorum.saturating_sub(1);
            let message = format!(
                "a hysteresis of {} is not below the quorum of {}: it is {most}",
                service.hysteresis, service.quorum
            );
            self.adjusted(draft, "hysteresis", &message);
            service.hysteresis = most;
        }
        let most = sum.saturating_sub(service.quorum);
        if sum > 0 && service.hysteresis > most {
            let message = format!(
                "with a hysteresis of {} the quorum is gained with weights of {}, and all together are \
                 {sum}: it is {most}",
                service.hysteresis,
                service.quorum.saturating_add(service.hysteresis)
            );
            self.adjusted(draft, "hysteresis", &message);
            service.hysteresis = most;
        }
    }

    /// Steps of a weight that nobody looks at.
    fn slow_start(&mut self, draft: &VirtualServerDraft, service: &VirtualServer<()>) {
        let without_weights = matches!(
            service.lb_algo,
            Scheduler::Rr | Scheduler::Lc | Scheduler::Dh
        );
        if without_weights && !service.xdp_slow_start.is_zero() {
            let span = draft.given.span("xdp_slow_start").unwrap_or(draft.span);
            let message = "`xdp_slow_start` has no effect with this `lb_algo`, which looks at no \
                           weights: `wrr`, `wlc` and most others do";
            self.report(Diagnostic::notice(Code::Accepted, span, message));
        }
    }

    fn adjusted(&mut self, draft: &VirtualServerDraft, keyword: &str, message: &str) {
        let span: Span = draft.given.span(keyword).unwrap_or(draft.span);
        self.warning(Code::Adjusted, span, message);
    }
}

#[cfg(test)]
mod tests;
