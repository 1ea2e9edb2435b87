//! The machine of one instance. Inputs and the time in, actions out: no clock, no socket, no log.
//!
//! The driver feeds [`Instance::handle`], calls [`Instance::handle_timeout`] when
//! [`Instance::poll_timeout`] has come, and after either carries out every
//! [`Instance::poll_action`], in order. The order is part of the protocol: a new master is heard
//! before it takes the addresses, and the data plane is ready before the network sends to it.
//!
//! It does not judge packets ([`super::receive`] did), does not know which addresses were really
//! set ([`super::addresses`] does), and does not know the other members of its sync group
//! ([`super::group`] does).

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::State;
use super::election::{self, Advert, InBackup, InMaster, Preemption};
use super::garp::Schedule;
use super::log_line::LogLine;
use super::settings::{Status, VirtualRouter};
use super::timers::Timers;
use crate::config::model::InitialState;
use crate::wire::vrrp::{PRIORITY_OWNER, PRIORITY_RELEASE};

mod attach;
mod conflict;
mod fault;
mod hearing;
mod input;
mod reload;
mod role;
mod settings;
mod split;
mod tracking;

pub use attach::ATTACH_PATIENCE;
use conflict::{Conflict, Verdict};
pub use fault::Fault;
pub use input::{Action, Input, Interface};
pub use settings::Settings;
pub use split::Rival;
use split::Split;

/// One virtual router on this machine.
#[derive(Debug)]
pub struct Instance {
    settings: Settings,
    timers: Timers,
    state: State,
    /// Effective priority.
    priority: u8,
    /// Another owner has not yielded: our priority is 254 until it is gone.
    conceded: bool,
    /// BACKUP: when the master counts as gone. MASTER: when the next advert is due.
    deadline: Option<Instant>,
    preempt_at: Option<Instant>,
    /// Before this nobody becomes master (`vrrp_startup_delay`).
    not_before: Option<Instant>,
    master: Option<Advert>,
    source: Option<IpAddr>,
    faults: BTreeSet<Fault>,
    /// How each of `settings.tracked` is.
    tracked: Vec<Status>,
    /// Start was said, but something tracked is unknown yet.
    starting: bool,
    /// BACKUP, in a group: the down timer ran out; the others have to agree.
    wants_master: bool,
    conflict: Conflict,
    split: Split,
    /// MASTER, but the addresses wait for the data plane, until then at the latest.
    attaching: Option<Instant>,
    garp: Schedule,
    actions: VecDeque<Action>,
}

impl Instance {
    /// An instance that has not started, and knows of no interface and no source address yet.
    pub fn new(router: &VirtualRouter) -> Self {
        let settings = Settings::from(router);
        Self {
            timers: settings.timers,
            state: State::Init,
            priority: settings.priority,
            conceded: false,
            deadline: None,
            preempt_at: None,
            not_before: None,
            master: None,
            source: None,
            faults: faults_at_first(&settings),
            tracked: vec![Status::Unknown; settings.tracked.len()],
            starting: false,
            wants_master: false,
            conflict: Conflict::default(),
            split: Split::default(),
            attaching: None,
            garp: announcements(&settings),
            // What a take-over queues, so that nothing is allocated in the middle of one.
            actions: VecDeque::with_capacity(16),
            settings,
        }
    }

    /// Takes one input. Every (state, input) has its row.
    pub fn handle(&mut self, input: Input, now: Instant) {
        use State::{Backup, Fault, Init, Master};
        match (self.state, input) {
            // RFC 9568 6.4.1; keepalived removes what a crash has left before anything else.
            (Init, Input::Start) => self.start(now),
            // RFC 9568 6.4.2: adverts received, Active_Down_Timer fired.
            (Backup, Input::Advert(advert)) => self.hear_as_backup(advert, now),
            (Backup, Input::Timeout) => self.down_timer_fired(now),
            // RFC 9568 6.4.3: adverts received, Adver_Timer fired.
            (Master, Input::Advert(advert)) => self.hear_as_master(advert, now),
            (Master, Input::Timeout) => self.adver_timer_fired(now),
            // keepalived's FAULT: any reason leads in, the absence of all leads out.
            (Init | Backup | Master | Fault, Input::Interface(interface)) => {
                self.note_interface(interface);
                self.weigh_faults(now);
            }
            (Init | Backup | Master | Fault, Input::Source(source)) => {
                self.note_source(source);
                self.weigh_faults(now);
            }
            (Init | Backup | Master | Fault, Input::VmacNameTaken(taken)) => {
                self.set_fault(fault::Fault::VmacNameTaken, taken);
                self.weigh_faults(now);
            }
            (Init | Backup | Master | Fault, Input::Tracked { place, status }) => {
                self.note_tracked(place, status);
                self.weigh_priority(now);
                self.weigh_faults(now);
            }
            (Init | Backup | Master | Fault, Input::GroupFault(faulty)) => {
                self.set_fault(fault::Fault::Group, faulty);
                self.weigh_faults(now);
            }
            // keepalived's sync groups: all members at once.
            (Backup, Input::GroupMaster) => self.become_master(now),
            (Master, Input::GroupBackup) => self.fall_back(now),
            (Master, Input::GroupAnnounce) => {
                self.garp.handle_lower_prio(now);
                self.announce(now);
            }
            // `xdp_attach master`: the program is where it belongs.
            (Master, Input::Attached) => self.finish_attaching(now),
            // Somebody else answers for an address of ours.
            (Master, Input::Rival(rival)) => self.note_rival(rival, now),
            // RFC 9568 6.4.2 and 6.4.3: Shutdown.
            (Backup | Fault, Input::Shutdown) => self.enter(Init, None),
            (Master, Input::Shutdown) => {
                self.release();
                self.enter(Init, None);
            }
            (Init, Input::Shutdown) => self.starting = false,
            // RFC 9568 6.4.1: nothing but Start leads out of Init. A FAULT instance takes no part
            // in the protocol. A second Start changes nothing. Only a MASTER has something to
            // hand back to its group or to share with somebody else.
            (Init | Fault, Input::Advert(_) | Input::Timeout | Input::GroupMaster)
            | (Backup | Master | Fault, Input::Start)
            | (Master, Input::GroupMaster)
            | (
                Init | Backup | Fault,
                Input::GroupBackup | Input::GroupAnnounce | Input::Attached | Input::Rival(_),
            ) => {}
        }
        self.check_invariants();
    }

    /// Does what is due by `now`. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.handle(Input::Timeout, now);
        }
        if self.attaching.is_some_and(|at| at <= now) {
            self.log(LogLine::NotAttached);
            self.finish_attaching(now);
        }
        self.announce(now);
        self.heal(now);
    }

    /// When [`Self::handle_timeout`] must be called next. Ask again after every call of
    /// [`Self::handle`] and [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let healed = self.split.heals_at(&self.timers);
        // What is to be announced waits with the addresses.
        let announces = self.attaching.or_else(|| self.garp.poll_timeout());
        [self.deadline, announces, healed]
            .into_iter()
            .flatten()
            .min()
    }

    /// When a MASTER's next advert is due.
    pub const fn advert_due(&self) -> Option<Instant> {
        match self.state {
            State::Master => self.deadline,
            State::Init | State::Backup | State::Fault => None,
        }
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

    /// How often the master advertises: we, or who was heard last.
    pub const fn master_adver_int(&self) -> Duration {
        self.timers.master_adver_int
    }

    /// The master, as far as this instance knows: itself, or whom it heard last.
    pub fn master(&self) -> Option<Advert> {
        match self.state {
            State::Master => self.source.map(|source| Advert {
                source,
                priority: self.priority,
                adver_int: self.timers.adver_int,
            }),
            State::Init | State::Backup | State::Fault => self.master,
        }
    }

    /// What keeps the instance from taking part.
    pub const fn faults(&self) -> &BTreeSet<Fault> {
        &self.faults
    }

    /// Whether it would take part if its group did.
    pub fn has_own_fault(&self) -> bool {
        self.faults.iter().any(|fault| *fault != Fault::Group)
    }

    /// Whether [`Input::Start`] is enough: what it tracks and whose failure is a fault is known.
    pub fn may_begin(&self) -> bool {
        self.is_everything_known()
    }

    /// Whether it has the addresses, or is about to set them.
    pub const fn holds_addresses(&self) -> bool {
        matches!(self.state, State::Master) && self.attaching.is_none()
    }

    /// Whether its down timer has run out and only its group holds it back.
    pub const fn wants_master(&self) -> bool {
        self.wants_master
    }

    /// Who else is master beside us, if somebody is.
    pub const fn rival(&self) -> Option<Rival> {
        self.split.rival()
    }

    /// How each tracked thing is, in the order of the settings.
    pub fn tracked(&self) -> &[Status] {
        &self.tracked
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
        debug_assert!(
            self.state == State::Master || self.split.rival().is_none(),
            "only a master has a rival"
        );
        debug_assert!(
            self.state == State::Master || self.attaching.is_none(),
            "only a master waits for the data plane"
        );
    }
}

/// With nothing due.
fn announcements(settings: &Settings) -> Schedule {
    Schedule::new(settings.garp, settings.addresses).with_extra(settings.extra_addresses.clone())
}

/// Until it is told of an interface and an address there is none.
fn faults_at_first(settings: &Settings) -> BTreeSet<Fault> {
    let mut faults = BTreeSet::from([Fault::InterfaceMissing, Fault::NoSourceAddress]);
    if settings.lacks_peer {
        faults.insert(Fault::NoPeer);
    }
    faults
}

#[cfg(test)]
pub(super) mod tests;
