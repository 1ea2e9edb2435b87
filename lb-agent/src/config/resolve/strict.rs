//! `strict_mode`, `vrrp_strict`: what the RFC does not know does not exist (keepalived.conf(5), and
//! keepalived 2.2.7's `vrrp_complete_instance`, which resets the same settings).

use std::time::Duration;

use super::Resolver;
use super::instance::value;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{GlobalDraft, InstanceDraft};
use crate::config::model::{InitialState, VrrpInstance};
use crate::config::text::Span;
use crate::config::trace::Origin;
use crate::wire::vrrp::PRIORITY_OWNER;

/// A setting of an instance that strict mode takes back.
struct Setting {
    /// The field of the model.
    field: &'static str,
    /// Where the file says what strict mode does not have.
    given: fn(&InstanceDraft, &GlobalDraft) -> Option<Span>,
    /// Whether the instance has something else than strict mode.
    differs: fn(&VrrpInstance) -> bool,
    /// What follows.
    message: &'static str,
}

static SETTINGS: [Setting; 8] = [
    Setting {
        field: "authentication",
        given: |draft, _| draft.authentication.auth_type.map(|given| given.span),
        differs: |instance| instance.authentication.is_some(),
        message: "strict mode has no authentication: it is ignored",
    },
    Setting {
        field: "preempt_delay",
        given: |draft, _| draft.preempt_delay.map(|given| given.span),
        differs: |instance| instance.preempt_delay > Duration::ZERO,
        message: "strict mode has no `preempt_delay`: it is ignored",
    },
    Setting {
        field: "lower_prio_no_advert",
        given: |draft, _| draft.lower_prio_no_advert.map(|given| given.span),
        differs: |instance| !instance.lower_prio_no_advert,
        message: "strict mode answers no advert of a lower priority: `lower_prio_no_advert` is on",
    },
    Setting {
        field: "higher_prio_send_advert",
        given: |draft, _| draft.higher_prio_send_advert.map(|given| given.span),
        differs: |instance| instance.higher_prio_send_advert,
        message: "strict mode answers no advert of a higher priority: `higher_prio_send_advert` is \
                  off",
    },
    Setting {
        field: "lower_prio_delay",
        given: |draft, _| draft.garp.lower_prio_delay.map(|given| given.span),
        differs: |instance| instance.garp.lower_prio_delay > Duration::ZERO,
        message: "strict mode repeats no gratuitous ARP: `garp_lower_prio_delay` is 0",
    },
    Setting {
        field: "lower_prio_repeat",
        given: |draft, _| draft.garp.lower_prio_repeat.map(|given| given.span),
        differs: |instance| instance.garp.lower_prio_repeat > 0,
        message: "strict mode repeats no gratuitous ARP: `garp_lower_prio_repeat` is 0",
    },
    Setting {
        field: "down_timer_adverts",
        given: |draft, global| {
            let given = draft.down_timer_adverts.or(global.vrrp_down_timer_adverts);
            given.map(|given| given.span)
        },
        differs: |instance| instance.down_timer_adverts != DOWN_TIMER_ADVERTS,
        message: "strict mode waits for 3 adverts: `down_timer_adverts` is 3",
    },
    Setting {
        field: "vmac_xmit_base",
        given: |draft, _| draft.given.span("vmac_xmit_base"),
        differs: |instance| instance.vmac_xmit_base,
        message: "strict mode sends from the VMAC: `vmac_xmit_base` is ignored",
    },
];

/// RFC 9568 6.1: `Active_Down_Interval`.
const DOWN_TIMER_ADVERTS: u8 = 3;

impl Resolver<'_> {
    /// The instance as strict mode has it; without it as it is.
    pub(super) fn strict(
        &mut self,
        draft: &InstanceDraft,
        mut instance: VrrpInstance,
    ) -> VrrpInstance {
        let strict = draft.strict_mode.or(self.global.vrrp_strict);
        let Some(strict) = strict.filter(|it| it.value) else {
            instance.accept = draft.accept.is_none_or(value);
            return instance;
        };
        let keyword = if draft.strict_mode.is_some() {
            "strict_mode"
        } else {
            "vrrp_strict"
        };
        let by = Origin {
            span: strict.span,
            follows: Some(keyword),
        };
        for setting in SETTINGS.iter().filter(|it| (it.differs)(&instance)) {
            self.overrule(draft, setting.field, by);
            let given = (setting.given)(draft, &self.global);
            self.taken_back(
                given,
                setting.message,
                "leave it out, or leave strict mode out",
                by,
            );
        }
        self.strict_state(draft, &mut instance, by);
        instance.accept = self.strict_accept(draft, &instance, by);
        instance.strict_mode = true;
        instance.authentication = None;
        instance.preempt_delay = Duration::ZERO;
        instance.lower_prio_no_advert = true;
        instance.higher_prio_send_advert = false;
        instance.garp.lower_prio_delay = Duration::ZERO;
        instance.garp.lower_prio_repeat = 0;
        instance.down_timer_adverts = DOWN_TIMER_ADVERTS;
        instance.vmac_xmit_base = false;
        instance
    }

    /// Whether packets to the virtual addresses are accepted (RFC 3768 6.4.3, RFC 9568 6.1).
    fn strict_accept(
        &mut self,
        draft: &InstanceDraft,
        instance: &VrrpInstance,
        by: Origin,
    ) -> bool {
        let owner = instance.priority == PRIORITY_OWNER;
        let has_accept = instance.version == 3;
        match draft.accept {
            Some(given) if !given.value => return false,
            Some(_) if owner || has_accept => return true,
            None if owner => return true,
            Some(given) => {
                let message = "strict mode of VRRP version 2 has no `accept`: the virtual \
                               addresses answer nothing, not even ping";
                let remark = Diagnostic::warning(Code::Adjusted, given.span, message);
                let remark = remark.related(by.span, "strict mode is set here");
                self.report(remark.help("leave strict mode out, or write `version 3`"));
            }
            None => {
                let message = "strict: the virtual addresses answer nothing, not even ping, but \
                               for the owner (priority 255)";
                let trap = Diagnostic::warning(Code::Surprising, by.span, message);
                self.report(trap.help(if has_accept {
                    "leave it out, or write `accept`"
                } else {
                    "leave it out, or write `version 3` and `accept`"
                }));
            }
        }
        self.overrule(draft, "accept", by);
        false
    }

    /// Only the owner is MASTER from the start, and the owner always is.
    fn strict_state(&mut self, draft: &InstanceDraft, instance: &mut VrrpInstance, by: Origin) {
        let (state, message) = if instance.priority == PRIORITY_OWNER {
            let message = "strict mode: the owner of the addresses (priority 255) begins as MASTER";
            (InitialState::Master, message)
        } else {
            let message = "strict mode: only the owner of the addresses (priority 255) begins as \
                           MASTER, this one begins as BACKUP";
            (InitialState::Backup, message)
        };
        if instance.state == state {
            return;
        }
        self.overrule(draft, "state", by);
        let given = draft.state.map(|given| given.span);
        self.taken_back(
            given,
            message,
            "let `state` and `priority` say the same",
            by,
        );
        instance.state = state;
    }

    /// Says that a line has no effect.
    fn taken_back(&mut self, given: Option<Span>, message: &str, help: &str, by: Origin) {
        if let Some(span) = given {
            let remark = Diagnostic::warning(Code::Adjusted, span, message);
            let remark = remark.related(by.span, "strict mode is set here");
            self.report(remark.help(help));
        }
    }

    /// Notes what has the last word about a field of an instance.
    pub(super) fn overrule(&mut self, draft: &InstanceDraft, field: &'static str, by: Origin) {
        self.trace.overrule_instance(&draft.name, field, by);
    }
}

#[cfg(test)]
mod tests;
