//! What adverts do to a BACKUP and to a MASTER.

use std::time::Instant;

use super::{
    Action, Advert, InBackup, InMaster, Instance, LogLine, PRIORITY_OWNER, PRIORITY_RELEASE,
    Preemption, Rival, State, Verdict, election,
};
use crate::vrrp::settings::Version;

impl Instance {
    pub(super) fn hear_as_backup(&mut self, advert: Advert, now: Instant) {
        if self.conceded && !matches!(advert.priority, PRIORITY_RELEASE | PRIORITY_OWNER) {
            // The other owner has yielded, or somebody corrected it.
            self.conceded = false;
            self.priority = self.computed_priority();
        }
        let preemption = self.preemption(advert, now);
        match election::in_backup(advert, self.priority, preemption) {
            InBackup::Released => {
                self.log(LogLine::BackupReceivedRelease);
                self.deadline = Some(self.earliest(now) + self.timers.skew(self.priority));
            }
            InBackup::Follow => {
                self.note_master(advert);
                self.adopt_interval(advert);
                self.wants_master = false;
                self.deadline = Some(self.down_deadline(now));
            }
            InBackup::Discard => {
                let Advert {
                    source, priority, ..
                } = advert;
                self.log(LogLine::Discarding { source, priority });
                self.note_master(advert);
            }
        }
    }

    /// RFC 9568 6.4.2 (435): the master's interval is the one that counts.
    fn adopt_interval(&mut self, advert: Advert) {
        let theirs = advert.adver_int;
        if self.timers.version == Version::V3 && theirs != self.timers.master_adver_int {
            self.log(LogLine::IntervalUpdated {
                from: self.timers.master_adver_int,
                to: theirs,
            });
            self.timers.master_adver_int = theirs;
        }
    }

    /// `preempt_delay` counts from the first advert of a worse master, and only holds back
    /// taking over from one that is heard: a silent or leaving master is replaced as ever.
    fn preemption(&mut self, advert: Advert, now: Instant) -> Preemption {
        if self.settings.nopreempt {
            return Preemption::Forbidden;
        }
        if self.settings.preempt_delay.is_zero() || advert.priority == PRIORITY_RELEASE {
            return Preemption::Allowed;
        }
        if advert.priority >= self.priority {
            if self.preempt_at.take().is_some() {
                self.log(LogLine::StopPreemptDelay);
            }
            return Preemption::Allowed;
        }
        let delay = self.settings.preempt_delay;
        match self.preempt_at {
            Some(at) if at <= now => Preemption::Allowed,
            Some(_) => Preemption::Delayed,
            None => {
                self.log(LogLine::StartPreemptDelay(delay));
                self.preempt_at = Some(now + delay);
                Preemption::Delayed
            }
        }
    }

    pub(super) fn hear_as_master(&mut self, advert: Advert, now: Instant) {
        self.weigh_ownership(advert, now);
        let Advert {
            source, priority, ..
        } = advert;
        let ours = self.priority;
        match election::in_master(advert, ours, self.source) {
            InMaster::Released => {
                self.advertise(now);
                self.log(LogLine::MasterReceivedRelease);
            }
            InMaster::Lower => self.answer_lower(advert, now),
            InMaster::OurAddress => self.log(LogLine::OurAddress),
            InMaster::Higher => {
                let line = LogLine::HigherPriority {
                    source,
                    priority,
                    ours,
                };
                self.yield_to(advert, line, now);
            }
            InMaster::HigherAddress => {
                self.yield_to(advert, LogLine::HigherAddress { source, priority }, now);
            }
        }
    }

    fn weigh_ownership(&mut self, advert: Advert, now: Instant) {
        if !election::both_own(advert, self.priority) || self.source == Some(advert.source) {
            return;
        }
        let source = advert.source;
        match self.conflict.hear(&self.timers, now) {
            Verdict::New => self.log(LogLine::BothOwners { source }),
            Verdict::Known => {}
            Verdict::Unresolved => {
                self.log(LogLine::StillOwner { source });
                self.conceded = true;
                self.priority = self.computed_priority();
            }
        }
    }

    /// RFC 9568 6.4.3: a better master was heard. No advert of priority 0: nobody is to be hurried.
    fn yield_to(&mut self, advert: Advert, why: LogLine, now: Instant) {
        if self.settings.higher_prio_send_advert {
            self.act(Action::SendAdvert {
                priority: self.priority,
            });
        }
        self.log(why);
        self.log(LogLine::EnteringBackup);
        self.remove_addresses();
        self.note_master(advert);
        self.adopt_interval(advert);
        let deadline = self.down_deadline(now);
        self.enter(State::Backup, Some(deadline));
    }

    fn answer_lower(&mut self, advert: Advert, now: Instant) {
        let Advert {
            source, priority, ..
        } = advert;
        let answered = !self.settings.lower_prio_no_advert;
        if answered {
            self.advertise(now);
        }
        self.log(LogLine::LowerPriority {
            source,
            priority,
            ours: self.priority,
            answered,
        });
        self.garp.handle_lower_prio(now);
        self.announce(now);
        self.act(Action::LowerPriority);
        self.note_rival(Rival::Advertises(source), now);
    }

    pub(super) fn note_master(&mut self, advert: Advert) {
        match self.master {
            None => self.log(LogLine::MasterSet(advert.source)),
            Some(Advert { source: from, .. }) if from != advert.source => {
                self.log(LogLine::MasterChanged {
                    from,
                    to: advert.source,
                });
            }
            Some(_) => {}
        }
        self.master = Some(advert);
    }
}
