//! How an instance begins, and whether it preempts.
//!
//! `state MASTER` is a wish; keepalived has some instances begin as BACKUP nevertheless. The owner of its
//! addresses (priority 255) keeps the wish: it is MASTER from the first moment.

use std::time::Duration;

use super::Resolver;
use super::instance::{priority, value};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::model::{Authentication, Config, InitialState};
use crate::config::trace::Origin;

const OWNER: u8 = 255;

impl Resolver<'_> {
    /// `nopreempt` and `preempt_delay`, as far as they can have an effect. Strict mode has the last
    /// word about the state, and that first: only its owner is MASTER. It takes each `preempt_delay`
    /// back by itself.
    pub(super) fn preemption(&mut self, draft: &InstanceDraft) -> (bool, Duration) {
        let strict = draft.strict_mode.or(self.global.vrrp_strict);
        let strict = strict.is_some_and(value);
        let master = draft
            .state
            .filter(|state| state.value == InitialState::Master)
            .filter(|_| !strict || priority(draft) == OWNER);
        let nopreempt = draft.nopreempt.filter(|given| given.value);
        let delay = draft
            .preempt_delay
            .filter(|given| given.value > Duration::ZERO);
        if let (Some(master), Some(given)) = (master, nopreempt) {
            let message = "`nopreempt` has no effect with `state MASTER`";
            let trap = Diagnostic::warning(Code::Adjusted, given.span, message)
                .related(master.span, "the state is set here")
                .help("write `state BACKUP` on all routers: the priorities decide");
            self.report(trap);
            let by = Origin {
                span: master.span,
                follows: Some("state"),
            };
            self.overrule(draft, "nopreempt", by);
        }
        let obstacle = match (master, nopreempt) {
            (Some(master), _) => Some(("state MASTER", "state", master.span)),
            (None, Some(nopreempt)) => Some(("nopreempt", "nopreempt", nopreempt.span)),
            (None, None) => None,
        };
        let obstacle = obstacle.filter(|_| !strict);
        if let (Some(given), Some((obstacle, keyword, span))) = (delay, obstacle) {
            let message = format!("`preempt_delay` has no effect with `{obstacle}`");
            let trap = Diagnostic::warning(Code::Adjusted, given.span, message);
            let trap = trap.related(span, "set here");
            self.report(trap.help("write `state BACKUP`, and no `nopreempt`, or leave it out"));
            let by = Origin {
                span,
                follows: Some(keyword),
            };
            self.overrule(draft, "preempt_delay", by);
        }
        let delay = delay.filter(|_| obstacle.is_none());
        (
            nopreempt.is_some() && master.is_none(),
            delay.map_or(Duration::ZERO, value),
        )
    }

    /// How an instance begins. With AH not as MASTER: its sequence number would be below that of
    /// a MASTER whom it has not heard yet, and whoever hears both would take neither for the other.
    pub(super) fn wish(
        &mut self,
        draft: &InstanceDraft,
        priority: u8,
        authentication: Option<&Authentication>,
    ) -> InitialState {
        let Some(state) = draft.state else {
            return InitialState::Backup;
        };
        let is_ah = matches!(authentication, Some(Authentication::Ah(_)));
        if state.value == InitialState::Master && is_ah && priority < OWNER {
            let message =
                "`state MASTER` does not go with `auth_type AH`: the instance begins as BACKUP";
            let adjusted = Diagnostic::warning(Code::Adjusted, state.span, message);
            self.report(adjusted.help("write `state BACKUP`: the priorities decide"));
            if let Some(kind) = draft.authentication.auth_type {
                let by = Origin {
                    span: kind.span,
                    follows: Some("auth_type"),
                };
                self.overrule(draft, "state", by);
            }
            return InitialState::Backup;
        }
        state.value
    }

    /// The members of a sync group become MASTER together or not at all: each waits as a BACKUP does
    /// until all of them have waited.
    pub(super) fn wait_for_the_group(&mut self, config: &mut Config) {
        let groups = &config.vrrp_sync_groups;
        for instance in &mut config.vrrp_instances {
            let is_member = groups.iter().any(|it| it.group.contains(&instance.name));
            let is_early = instance.state == InitialState::Master && instance.priority < OWNER;
            if !is_member || !is_early {
                continue;
            }
            instance.state = InitialState::Backup;
            if let Some(span) = self.names.members.get(&instance.name) {
                let by = Origin {
                    span: *span,
                    follows: Some("vrrp_sync_group"),
                };
                let title = format!("vrrp_instance {}", instance.name);
                self.trace.overrule(title, "state", by);
            }
        }
    }
}

#[cfg(test)]
mod tests;
