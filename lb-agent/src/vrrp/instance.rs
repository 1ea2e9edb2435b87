//! The machine of one instance. Inputs and the time in, actions out: no clock, no socket, no log.
//!
//! The driver feeds [`Instance::handle`], calls [`Instance::handle_timeout`] when
//! [`Instance::poll_timeout`] has come, and after either carries out every
//! [`Instance::poll_action`], in order. The order is part of the protocol: a new master is heard
//! before it takes the addresses, and the data plane is ready before the network sends to it.
//!
//! It does not judge packets ([`super::receive`] did) and does not know which addresses were
//! really set ([`super::addresses`] does).

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::State;
use super::election::{self, Advert, InBackup, InMaster, Preemption};
use super::garp::Schedule;
use super::log_line::LogLine;
use super::timers::{Timers, skew};
use crate::config::model::{InitialState, VrrpInstance};
use crate::wire::vrrp::{PRIORITY_OWNER, PRIORITY_RELEASE};

mod conflict;
mod settings;

use conflict::{Conflict, Verdict};
pub use settings::Settings;
pub(super) use settings::adver_int_seconds;

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Begin, with what [`Input::Interface`] and [`Input::Source`] have said so far.
    Start,
    /// An acceptable advert was received.
    Advert(Advert),
    /// The timer ran out: a BACKUP's down timer, a MASTER's advert timer.
    Timeout,
    /// The instance's interface.
    Interface(Interface),
    /// The address adverts are sent from; `None`: the interface has none.
    Source(Option<IpAddr>),
    /// End.
    Shutdown,
}

/// State of an instance's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Up, with a carrier.
    Up,
    /// Down, or without a carrier.
    Down,
    /// It does not exist.
    Missing,
}

/// Why an instance cannot take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The interface does not exist.
    InterfaceMissing,
    /// The interface is down; not with `dont_track_primary`.
    InterfaceDown,
    /// The interface has no address to send from.
    NoSourceAddress,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an advert of this priority to the group, or to every peer.
    SendAdvert {
        /// 0: the instance releases its duty.
        priority: u8,
    },
    /// Open the data plane's gate.
    ArmGate,
    /// Close the data plane's gate.
    DisarmGate,
    /// Remove the virtual addresses that stand from before our time.
    RemoveResidual,
    /// Add every virtual address.
    AddAddresses,
    /// Remove every virtual address that we have added.
    RemoveAddresses,
    /// Announce one virtual address by gratuitous ARP.
    Announce {
        /// Its place among all virtual addresses, the excluded ones after the others.
        address: usize,
        /// The first time in its burst: worth a line in the log.
        first: bool,
    },
    /// Announce the instance's own address, so that peers' ARP entries are right.
    AnnounceSource,
    /// Write a line to the log.
    Log(LogLine),
    /// The state has changed, and all that belongs to it is done.
    Changed {
        /// What it was.
        from: State,
        /// What it is.
        to: State,
    },
}

/// One virtual router on this machine.
#[derive(Debug)]
pub struct Instance {
    settings: Settings,
    timers: Timers,
    state: State,
    /// Effective priority.
    priority: u8,
    /// BACKUP: when the master counts as gone. MASTER: when the next advert is due.
    deadline: Option<Instant>,
    preempt_at: Option<Instant>,
    master: Option<Advert>,
    source: Option<IpAddr>,
    faults: BTreeSet<Fault>,
    conflict: Conflict,
    garp: Schedule,
    actions: VecDeque<Action>,
}

impl Instance {
    /// An instance that has not started, and knows of no interface and no source address yet.
    pub fn new(config: &VrrpInstance) -> Self {
        let settings = Settings::from(config);
        Self {
            timers: settings.timers,
            state: State::Init,
            priority: settings.priority,
            deadline: None,
            preempt_at: None,
            master: None,
            source: None,
            faults: BTreeSet::from([Fault::InterfaceMissing, Fault::NoSourceAddress]),
            conflict: Conflict::default(),
            garp: Schedule::new(settings.garp, settings.announced.len()),
            // What a take-over queues, so that nothing is allocated in the middle of one.
            actions: VecDeque::with_capacity(16),
            settings,
        }
    }

    /// Takes one input. Every (state, input) has its row.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match (self.state, input) {
            // RFC 3768 6.4.1; keepalived removes what a crash has left before anything else.
            (State::Init, Input::Start) => self.start(now),
            // RFC 3768 6.4.2: adverts received, Master_Down_Timer fired.
            (State::Backup, Input::Advert(advert)) => self.hear_as_backup(advert, now),
            (State::Backup, Input::Timeout) => self.become_master(now),
            // RFC 3768 6.4.3: adverts received, Adver_Timer fired.
            (State::Master, Input::Advert(advert)) => self.hear_as_master(advert, now),
            (State::Master, Input::Timeout) => self.advertise(now),
            // keepalived's FAULT: any reason leads in, the absence of all leads out.
            (State::Init, Input::Interface(interface)) => self.note_interface(interface),
            (State::Init, Input::Source(source)) => self.note_source(source),
            (State::Backup | State::Master | State::Fault, Input::Interface(interface)) => {
                self.note_interface(interface);
                self.weigh_faults(now);
            }
            (State::Backup | State::Master | State::Fault, Input::Source(source)) => {
                self.note_source(source);
                self.weigh_faults(now);
            }
            // RFC 3768 6.4.2 and 6.4.3: Shutdown.
            (State::Backup | State::Fault, Input::Shutdown) => self.enter(State::Init, None),
            (State::Master, Input::Shutdown) => {
                self.release();
                self.enter(State::Init, None);
            }
            // RFC 3768 6.4.1: nothing but Start leads out of Init. A FAULT instance takes no part
            // in the protocol. A second Start changes nothing.
            (State::Init, Input::Advert(_) | Input::Timeout | Input::Shutdown)
            | (State::Fault, Input::Advert(_) | Input::Timeout)
            | (State::Backup | State::Master | State::Fault, Input::Start) => {}
        }
        self.check_invariants();
    }

    /// Does what is due by `now`. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.handle(Input::Timeout, now);
        }
        self.announce(now);
    }

    /// When [`Self::handle_timeout`] must be called next. Ask again after every call of
    /// [`Self::handle`] and [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.deadline, self.garp.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next thing to do. Call until it gives `None`, after every call of [`Self::handle`] and
    /// [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The priority that counts, 1–255.
    pub const fn effective_priority(&self) -> u8 {
        self.priority
    }

    /// The address adverts are sent from.
    pub const fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The master, as far as this instance knows: itself, or whom it heard last.
    pub fn master(&self) -> Option<Advert> {
        match self.state {
            State::Master => self.source.map(|source| Advert {
                source,
                priority: self.priority,
            }),
            State::Init | State::Backup | State::Fault => self.master,
        }
    }

    /// What keeps the instance from taking part.
    pub const fn faults(&self) -> &BTreeSet<Fault> {
        &self.faults
    }

    fn start(&mut self, now: Instant) {
        self.log(LogLine::RemovingVips);
        self.act(Action::RemoveResidual);
        // An agent that crashed as master has left it open, and its program forwards until here.
        self.act(Action::DisarmGate);
        if self.faults.is_empty() {
            let wait = match (self.settings.state, self.priority) {
                // RFC 3768 6.4.1: the owner does not ask.
                (InitialState::Master, PRIORITY_OWNER) => Duration::ZERO,
                (InitialState::Master, _) => self.timers.wishful_start(),
                (InitialState::Backup, _) => self.timers.master_down(self.priority),
            };
            self.log(LogLine::EnteringBackupInit);
            self.enter(State::Backup, Some(now + wait));
        } else {
            self.log_fault_reason();
            self.log(LogLine::EnteringFaultInit);
            self.enter(State::Fault, None);
        }
    }

    fn hear_as_backup(&mut self, advert: Advert, now: Instant) {
        if !matches!(advert.priority, PRIORITY_RELEASE | PRIORITY_OWNER) {
            // The other owner has yielded, or somebody corrected it.
            self.priority = self.settings.priority;
        }
        let preemption = self.preemption(advert, now);
        match election::in_backup(advert, self.priority, preemption) {
            InBackup::Released => {
                self.log(LogLine::BackupReceivedRelease);
                self.deadline = Some(now + skew(self.priority));
            }
            InBackup::Follow => {
                self.note_master(advert);
                self.deadline = Some(now + self.timers.master_down(self.priority));
            }
            InBackup::Discard => {
                let Advert { source, priority } = advert;
                self.log(LogLine::Discarding { source, priority });
                self.note_master(advert);
            }
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

    fn hear_as_master(&mut self, advert: Advert, now: Instant) {
        if election::both_own(advert, self.priority) && self.source != Some(advert.source) {
            match self.conflict.hear(&self.timers, now) {
                Verdict::New => self.log(LogLine::BothOwners {
                    source: advert.source,
                }),
                Verdict::Known => {}
                Verdict::Unresolved => {
                    self.log(LogLine::StillOwner {
                        source: advert.source,
                    });
                    self.priority = PRIORITY_OWNER - 1;
                }
            }
        }
        let (Advert { source, priority }, ours) = (advert, self.priority);
        match election::in_master(advert, ours, self.source) {
            InMaster::Released => {
                self.advertise(now);
                self.log(LogLine::MasterReceivedRelease);
            }
            InMaster::Lower => self.answer_lower(advert, now),
            InMaster::OurAddress => self.log(LogLine::OurAddress),
            InMaster::Higher => {
                self.yield_to(
                    advert,
                    LogLine::HigherPriority {
                        source,
                        priority,
                        ours,
                    },
                    now,
                );
            }
            InMaster::HigherAddress => {
                self.yield_to(advert, LogLine::HigherAddress { source, priority }, now);
            }
        }
    }

    /// RFC 3768 6.4.3: a better master was heard. No advert of priority 0: nobody is to be hurried.
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
        let wait = self.timers.master_down(self.priority);
        self.enter(State::Backup, Some(now + wait));
    }

    fn answer_lower(&mut self, Advert { source, priority }: Advert, now: Instant) {
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
    }

    /// RFC 3768 6.4.2, `Master_Down_Timer`. The advert goes first, so that the old master lets go
    /// of the addresses before they are announced here; the gate opens before the network sends.
    fn become_master(&mut self, now: Instant) {
        // Whoever contested the ownership is silent.
        self.priority = self.settings.priority;
        self.advertise(now);
        self.act(Action::ArmGate);
        self.log(LogLine::AdvertTimeout);
        self.log(LogLine::EnteringMaster);
        self.log(LogLine::SettingVips);
        self.act(Action::AddAddresses);
        self.garp.handle_master(now);
        self.announce(now);
        self.enter(State::Master, self.deadline);
    }

    /// Sends an advert. Adverts keep their rhythm: one sent late does not shift the next, unless
    /// that would be late already.
    fn advertise(&mut self, now: Instant) {
        self.act(Action::SendAdvert {
            priority: self.priority,
        });
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

    /// RFC 3768 6.4.3: an advert of priority 0 lets the backups take over after their skew only.
    fn release(&mut self) {
        self.act(Action::SendAdvert {
            priority: PRIORITY_RELEASE,
        });
        self.log(LogLine::SentRelease);
        self.remove_addresses();
    }

    /// The gate closes last: in between the kernel would take the clients' packets for its own and
    /// reset their connections, which the next master could have carried on.
    fn remove_addresses(&mut self) {
        self.garp.clear();
        self.log(LogLine::RemovingVips);
        self.act(Action::RemoveAddresses);
        self.act(Action::DisarmGate);
    }

    fn note_interface(&mut self, interface: Interface) {
        let down = interface == Interface::Down && !self.settings.dont_track_primary;
        self.set_fault(Fault::InterfaceMissing, interface == Interface::Missing);
        self.set_fault(Fault::InterfaceDown, down);
    }

    fn note_source(&mut self, source: Option<IpAddr>) {
        self.source = source;
        self.set_fault(Fault::NoSourceAddress, source.is_none());
    }

    fn set_fault(&mut self, fault: Fault, present: bool) {
        if present {
            self.faults.insert(fault);
        } else {
            self.faults.remove(&fault);
        }
    }

    /// After a fault has come or gone.
    fn weigh_faults(&mut self, now: Instant) {
        match (self.state, self.faults.is_empty()) {
            (State::Backup, false) => self.enter_fault(),
            (State::Master, false) => {
                self.release();
                self.enter_fault();
            }
            (State::Fault, true) => self.leave_fault(now),
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
        self.enter(State::Backup, Some(now + wait));
    }

    fn log_fault_reason(&mut self) {
        // The others are said once for the interface, by who hears of it.
        if self.faults.contains(&Fault::NoSourceAddress)
            && !self.faults.contains(&Fault::InterfaceMissing)
        {
            self.log(LogLine::NoAddress);
        }
    }

    fn note_master(&mut self, advert: Advert) {
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

    fn announce(&mut self, now: Instant) {
        while let Some(announcement) = self.garp.poll(now) {
            if let Some(address) = self.settings.announced.get(announcement.address).copied() {
                self.act(Action::Announce {
                    address,
                    first: announcement.first,
                });
            }
        }
    }

    fn enter(&mut self, to: State, deadline: Option<Instant>) {
        let from = std::mem::replace(&mut self.state, to);
        self.deadline = deadline;
        self.preempt_at = None;
        self.conflict = Conflict::default();
        self.act(Action::Changed { from, to });
    }

    fn log(&mut self, line: LogLine) {
        self.act(Action::Log(line));
    }

    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    fn check_invariants(&self) {
        let takes_part = matches!(self.state, State::Backup | State::Master);
        debug_assert_eq!(
            self.deadline.is_some(),
            takes_part,
            "a timer runs iff it takes part"
        );
        debug_assert!(
            self.faults.is_empty() || !takes_part,
            "faults and takes part"
        );
        debug_assert!(
            self.state == State::Master || self.garp.poll_timeout().is_none(),
            "only a master announces"
        );
    }
}

#[cfg(test)]
pub(super) mod tests;
