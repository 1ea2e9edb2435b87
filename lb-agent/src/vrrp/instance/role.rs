//! Becoming, being, and no longer being MASTER.

use std::time::{Duration, Instant};

use super::split::Probe;
use super::{
    Action, Conflict, InitialState, Instance, LogLine, PRIORITY_OWNER, PRIORITY_RELEASE, State,
};
use crate::vrrp::settings::Status;

impl Instance {
    pub(super) fn start(&mut self, now: Instant) {
        self.log(LogLine::RemovingVips);
        self.act(Action::RemoveResidual);
        // An agent that crashed as master has left it open, and its program forwards until here.
        self.act(Action::DisarmGate);
        let delay = self.settings.vrrp_startup_delay;
        self.not_before = (!delay.is_zero()).then(|| now + delay);
        if self.is_everything_known() {
            self.begin(now);
        } else {
            self.starting = true;
        }
    }

    /// A tracked thing whose failure is a fault must have been looked at once.
    pub(super) fn is_everything_known(&self) -> bool {
        let pairs = self.settings.tracked.iter().zip(&self.tracked);
        !pairs
            .into_iter()
            .any(|(tracked, status)| tracked.weight == 0 && *status == Status::Unknown)
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.starting = false;
        if !self.faults.is_empty() {
            self.log_fault_reason();
            self.log(LogLine::EnteringFaultInit);
            return self.enter(State::Fault, None);
        }
        let wait = match (self.settings.state, self.priority) {
            // RFC 9568 6.4.1: the owner does not ask.
            (InitialState::Master, PRIORITY_OWNER) => Duration::ZERO,
            (InitialState::Master, _) => self.timers.wishful_start(),
            (InitialState::Backup, _) => self.timers.master_down(self.priority),
        };
        self.log(LogLine::EnteringBackupInit);
        let deadline = self.earliest(now) + wait;
        self.enter(State::Backup, Some(deadline));
    }

    /// From when a down timer counts: not before the start-up delay is over.
    pub(super) fn earliest(&self, now: Instant) -> Instant {
        self.not_before
            .map_or(now, |not_before| not_before.max(now))
    }

    /// When the master counts as gone if nothing more is heard of it.
    pub(super) fn down_deadline(&self, now: Instant) -> Instant {
        self.earliest(now) + self.timers.master_down(self.priority)
    }

    /// In a group this is only a wish: all members have to have it.
    pub(super) fn down_timer_fired(&mut self, now: Instant) {
        if self.settings.grouped {
            self.wants_master = true;
            self.deadline = Some(self.down_deadline(now));
        } else {
            self.become_master(now);
        }
    }

    /// RFC 9568 6.4.2, `Active_Down_Timer`. The advert goes first, so that the old master lets go
    /// of the addresses before they are announced here; the gate opens before the network sends.
    pub(super) fn become_master(&mut self, now: Instant) {
        // Whoever contested the ownership is silent.
        self.conceded = false;
        self.priority = self.computed_priority();
        self.timers.master_adver_int = self.timers.adver_int;
        self.advertise(now);
        self.act(Action::ArmGate);
        self.log(LogLine::AdvertTimeout);
        self.log(LogLine::EnteringMaster);
        self.take_addresses(now);
        self.enter(State::Master, self.deadline);
    }

    /// RFC 9568 6.4.3, `Adver_Timer`; keepalived's `timer_expired_backup`.
    pub(super) fn adver_timer_fired(&mut self, now: Instant) {
        let late = self
            .deadline
            .map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        let silent = self.timers.adver_int + late;
        let overtaken = self
            .settings
            .timer_expired_backup
            .is_some_and(|other| silent >= self.timers.master_down(other));
        if overtaken {
            self.log(LogLine::TimerExpired { late });
            self.fall_back(now);
        } else {
            self.advertise(now);
        }
    }

    /// Sends an advert. Adverts keep their rhythm: one sent late does not shift the next, unless
    /// that would be late already.
    pub(super) fn advertise(&mut self, now: Instant) {
        self.act(Action::SendAdvert {
            priority: self.priority,
        });
        if self.state == State::Master
            && let Some(Probe { again, others }) = self.split.probe(&self.timers, now)
        {
            self.act(Action::Probe { again, others });
        }
        let regular = match (self.state, self.deadline) {
            (State::Master, Some(due)) if due <= now => due + self.timers.adver_int,
            (State::Init | State::Backup | State::Master | State::Fault, _) => now,
        };
        let next = if regular > now {
            regular
        } else {
            now + self.timers.adver_int
        };
        self.deadline = Some(next);
    }

    /// RFC 9568 6.4.3: an advert of priority 0 lets the backups take over after their skew only.
    pub(super) fn release(&mut self) {
        self.act(Action::SendAdvert {
            priority: PRIORITY_RELEASE,
        });
        self.log(LogLine::SentRelease);
        self.remove_addresses();
    }

    /// The group falls back: nobody is hurried, the other router's members decide.
    pub(super) fn fall_back(&mut self, now: Instant) {
        self.log(LogLine::EnteringBackup);
        self.remove_addresses();
        let deadline = self.down_deadline(now);
        self.enter(State::Backup, Some(deadline));
    }

    /// The gate closes last: in between the kernel would take the clients' packets for its own and
    /// reset their connections, which the next master could have carried on.
    pub(super) fn remove_addresses(&mut self) {
        self.garp.clear();
        self.log(LogLine::RemovingVips);
        self.act(Action::RemoveAddresses);
        self.act(Action::DisarmGate);
    }

    pub(super) fn announce(&mut self, now: Instant) {
        if self.attaching.is_some() {
            return;
        }
        while let Some(announcement) = self.garp.poll(now) {
            self.act(Action::Announce {
                address: announcement.address,
                first: announcement.first,
            });
        }
    }

    pub(super) fn enter(&mut self, to: State, deadline: Option<Instant>) {
        let from = std::mem::replace(&mut self.state, to);
        if to != State::Master {
            self.attaching = None;
        }
        self.deadline = deadline;
        self.preempt_at = None;
        self.wants_master = false;
        self.conflict = Conflict::default();
        if std::mem::take(&mut self.split).rival().is_some() {
            self.act(Action::SplitBrain(None));
        }
        if to == State::Fault || to == State::Init {
            self.timers.master_adver_int = self.timers.adver_int;
        }
        self.act(Action::Changed { from, to });
    }
}
