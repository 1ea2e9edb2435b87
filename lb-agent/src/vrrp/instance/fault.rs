//! Why an instance cannot take part, and what follows when a reason comes or goes.

use std::net::IpAddr;
use std::time::Instant;

use super::{Action, InitialState, Instance, Interface, LogLine, PRIORITY_OWNER, State};

/// Why an instance cannot take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The interface does not exist.
    InterfaceMissing,
    /// The interface is down; not with `dont_track_primary`.
    InterfaceDown,
    /// The interface has no address to send from.
    NoSourceAddress,
    /// Another interface has the name of one of its VMACs.
    VmacNameTaken,
    /// Something tracked with a weight of 0 has failed: its place in the settings.
    Tracked(usize),
    /// Unicast without a peer (`unicast_fault_no_peer`). Nothing but a reload ends it.
    NoPeer,
    /// Another member of the sync group has a fault.
    Group,
}

impl Instance {
    pub(super) fn note_interface(&mut self, interface: Interface) {
        let down = interface == Interface::Down && !self.settings.dont_track_primary;
        self.set_fault(Fault::InterfaceMissing, interface == Interface::Missing);
        self.set_fault(Fault::InterfaceDown, down);
    }

    pub(super) fn note_source(&mut self, source: Option<IpAddr>) {
        self.source = source;
        self.set_fault(Fault::NoSourceAddress, source.is_none());
    }

    pub(super) fn set_fault(&mut self, fault: Fault, present: bool) {
        if present {
            self.faults.insert(fault);
        } else {
            self.faults.remove(&fault);
        }
    }

    /// After a fault has come or gone.
    pub(super) fn weigh_faults(&mut self, now: Instant) {
        match (self.state, self.faults.is_empty()) {
            (State::Backup, false) => self.enter_fault(),
            (State::Master, false) => {
                self.release();
                self.enter_fault();
            }
            (State::Fault, true) => self.leave_fault(now),
            (State::Init, _) if self.starting && self.is_everything_known() => self.begin(now),
            (State::Init, _) | (State::Backup | State::Master, true) | (State::Fault, false) => {}
        }
    }

    fn enter_fault(&mut self) {
        self.log_fault_reason();
        self.log(LogLine::EnteringFault);
        self.master = None;
        self.enter(State::Fault, None);
    }

    /// As if started anew, but the wish to be master at once is the owner's only.
    fn leave_fault(&mut self, now: Instant) {
        if self.settings.unicast {
            self.act(Action::AnnounceSource);
        }
        let wait = match (self.settings.state, self.priority) {
            (InitialState::Master, PRIORITY_OWNER) => self.timers.wishful_start(),
            (InitialState::Master | InitialState::Backup, priority) => {
                self.timers.master_down(priority)
            }
        };
        self.log(LogLine::EnteringBackup);
        let deadline = self.earliest(now) + wait;
        self.enter(State::Backup, Some(deadline));
    }

    pub(super) fn log_fault_reason(&mut self) {
        if self.faults.contains(&Fault::NoPeer) {
            self.log(LogLine::NoPeer);
        }
        // The others are said once for the interface or the tracked thing, by who hears of it.
        if self.faults.contains(&Fault::NoSourceAddress)
            && !self.faults.contains(&Fault::InterfaceMissing)
        {
            self.log(LogLine::NoAddress(self.settings.family));
        }
    }
}
