//! Other settings for an instance that goes on: its state stays, and so does who it knows.

use std::time::Instant;

use super::{Action, Fault, Instance, Settings, State, announcements};
use crate::vrrp::settings::{Status, Tracked, Version, VirtualRouter};
use crate::vrrp::timers::Timers;

impl Instance {
    /// From now on it is `router`. `incomplete`: some address or route of it is not set yet.
    ///
    /// A MASTER stays MASTER: that its priority is lower now its next advert says, and who is
    /// better takes over as ever. Things that are tracked anew are unknown until somebody tells.
    pub fn reload(&mut self, router: &VirtualRouter, incomplete: bool, now: Instant) {
        let before = std::mem::replace(&mut self.settings, Settings::from(router));
        self.retrack(&before.tracked);
        if before.priority != self.settings.priority {
            self.conceded = false;
        }
        if before.preempt_delay != self.settings.preempt_delay {
            self.preempt_at = None;
        }
        self.weigh_priority(now);
        self.retime(now);
        self.set_fault(Fault::NoPeer, self.settings.lacks_peer);
        if !self.settings.xdp_attach_master {
            self.finish_attaching(now);
        }
        let master = self.state == State::Master;
        let garp = announcements(&self.settings);
        self.garp.reload(garp, master, now);
        if self.holds_addresses() && incomplete {
            self.act(Action::AddAddresses);
            self.garp.handle_added(now);
            self.announce(now);
        }
        self.weigh_faults(now);
        self.check_invariants();
    }

    /// What is still tracked is as it was.
    fn retrack(&mut self, before: &[Tracked]) {
        let known: Vec<(&Tracked, Status)> = before.iter().zip(self.tracked.drain(..)).collect();
        let status = |tracked: &Tracked| {
            let same =
                |old: &Tracked| (old.kind, old.name.as_str()) == (tracked.kind, &*tracked.name);
            let found = known.iter().find(|(old, _)| same(old));
            found.map_or(Status::Unknown, |(_, status)| *status)
        };
        self.tracked = self.settings.tracked.iter().map(status).collect();
        self.faults
            .retain(|fault| !matches!(fault, Fault::Tracked(_)));
        let pairs = self.settings.tracked.iter().zip(&self.tracked).enumerate();
        let faulty = pairs.filter(|(_, (tracked, status))| tracked.is_fault(**status));
        self.faults
            .extend(faulty.map(|(place, _)| Fault::Tracked(place)));
    }

    /// Other intervals. A MASTER tells of its own at once: who waits for the old rhythm would take
    /// over. A BACKUP waits anew; in version 3 it keeps to the interval that its master told.
    fn retime(&mut self, now: Instant) {
        let (before, timers) = (self.timers, self.settings.timers);
        let learned =
            self.state == State::Backup && timers.version == Version::V3 && self.master.is_some();
        self.timers = Timers {
            master_adver_int: if learned {
                before.master_adver_int
            } else {
                timers.master_adver_int
            },
            ..timers
        };
        if self.timers == before {
            return;
        }
        match self.state {
            State::Master => self.advertise(now),
            State::Backup => self.deadline = Some(self.down_deadline(now)),
            State::Init | State::Fault => {}
        }
    }
}
