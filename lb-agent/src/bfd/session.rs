//! The machine of one session (RFC 5880 section 6.8). Inputs and the time in, actions out: no clock,
//! no socket, no log.
//!
//! The driver feeds [`Session::handle`], calls [`Session::handle_timeout`] when
//! [`Session::poll_timeout`] has come, and after either carries out every
//! [`Session::poll_action`], in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Settings;
use crate::log_line::LogLine;
use crate::wire::bfd::{Control, Diagnostic, State};

/// What happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A packet for this session, with acceptable TTL.
    Packet(Control),
    /// No packet for the Detection Time (section 6.8.4).
    Silence,
    /// End: the neighbour is told, and nothing else happens any more (section 6.8.16).
    Shutdown,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Send this to the neighbour.
    Send(Control),
    /// Write this line.
    Log(LogLine),
    /// The neighbour counts as reached or not from now on. A neighbour that is held down by its
    /// operator (`AdminDown`) counts as it did before (RFC 5882 section 3.2).
    Changed {
        /// Reached.
        up: bool,
    },
}

/// One session, in asynchronous mode. The names of RFC 5880 section 6.8.1 without `bfd.`
/// and, of `SessionState` and `RemoteSessionState`, the middle.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    remote_state: State,
    local_discr: u32,
    remote_discr: u32,
    local_diag: Diagnostic,
    remote_diag: Diagnostic,
    /// Microseconds, as on the wire.
    remote_min_rx: u32,
    remote_desired_min_tx: u32,
    remote_detect_mult: u8,
    remote_demand: bool,
    /// A Poll Sequence is under way (section 6.5).
    polling: bool,
    last_heard: Option<Instant>,
    next_tx: Option<Instant>,
    last_tx: Option<Instant>,
    /// The interval that `next_tx` was set for.
    interval: Option<Duration>,
    told: bool,
    random: u64,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session in Down, which counts as not reached, and that sends its first packet at once,
    /// unless it is passive. `discriminator` is not 0 and no other session's; `seed` is anything.
    pub fn new(settings: Settings, discriminator: u32, seed: u64, now: Instant) -> Self {
        let next_tx = (!settings.passive).then_some(now);
        Self {
            settings,
            state: State::Down,
            remote_state: State::Down,
            local_discr: discriminator,
            remote_discr: 0,
            local_diag: Diagnostic::NONE,
            remote_diag: Diagnostic::NONE,
            remote_min_rx: 1,
            remote_desired_min_tx: 0,
            remote_detect_mult: 0,
            remote_demand: false,
            polling: false,
            last_heard: None,
            next_tx,
            last_tx: None,
            interval: None,
            told: false,
            random: seed | 1,
            actions: VecDeque::with_capacity(8),
        }
    }

    /// Takes one input. Every (state, input) has its row.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match (self.state, input) {
            (State::Down | State::Init | State::Up, Input::Packet(packet)) => {
                self.receive(&packet, now);
            }
            // 6.8.6: "If bfd.SessionState is AdminDown, discard the packet".
            (State::AdminDown, Input::Packet(_) | Input::Silence | Input::Shutdown) => {}
            // 6.8.4: the state changes in Init and Up; 6.8.1: the discriminator goes in any.
            (State::Init | State::Up, Input::Silence) => self.expire(now),
            (State::Down, Input::Silence) => self.forget(now),
            // 6.8.16: the neighbour learns that it is no failure.
            (State::Down | State::Init | State::Up, Input::Shutdown) => {
                self.local_diag = Diagnostic::ADMIN_DOWN;
                self.enter(State::AdminDown, now);
                self.next_tx = None;
                self.last_heard = None;
            }
        }
    }

    /// Does what is due by `now`. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.silent_at().is_some_and(|at| at <= now) {
            self.handle(Input::Silence, now);
        }
        if self.next_tx.is_some_and(|at| at <= now) {
            self.transmit(now);
        }
    }

    /// When [`Self::handle_timeout`] must be called next. Ask again after every call of
    /// [`Self::handle`] and [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.next_tx, self.silent_at()].into_iter().flatten().min()
    }

    /// The next thing to do; ask until `None` after every call of a `handle` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// State of the session.
    pub const fn state(&self) -> State {
        self.state
    }

    /// State of the session, and of the neighbour's side as far as it was heard.
    pub const fn states(&self) -> (State, State) {
        (self.state, self.remote_state)
    }

    /// Our number for the session.
    pub const fn discriminator(&self) -> u32 {
        self.local_discr
    }

    /// As configured.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time without a packet after which the session is down (section 6.8.4); `None` before the
    /// first one.
    pub fn detection_time(&self) -> Option<Duration> {
        self.last_heard?;
        let interval = self
            .remote_desired_min_tx
            .max(microseconds(self.settings.min_rx));
        Some(Duration::from_micros(interval.into()) * self.remote_detect_mult.into())
    }

    /// The interval between our packets before jitter (section 6.8.7); `None`: none are wanted.
    pub fn transmit_interval(&self) -> Option<Duration> {
        if self.remote_min_rx == 0 {
            return None;
        }
        let interval = self.desired_min_tx().max(self.remote_min_rx);
        Some(Duration::from_micros(interval.into()))
    }

    fn silent_at(&self) -> Option<Instant> {
        self.last_heard?.checked_add(self.detection_time()?)
    }

    /// 6.8.3: at least a second while the session is not up.
    fn desired_min_tx(&self) -> u32 {
        microseconds(match self.state {
            State::Up => self.settings.min_tx,
            State::AdminDown | State::Down | State::Init => {
                self.settings.idle_tx.max(Duration::from_secs(1))
            }
        })
    }

    /// 6.8.6, from "set bfd.RemoteDiscr" on; the checks before it are done.
    fn receive(&mut self, packet: &Control, now: Instant) {
        self.remote_discr = packet.my_discriminator;
        self.remote_state = packet.state;
        self.remote_diag = packet.diagnostic;
        self.remote_demand = packet.demand;
        self.remote_min_rx = packet.required_min_rx;
        self.remote_desired_min_tx = packet.desired_min_tx;
        self.remote_detect_mult = packet.detect_mult;
        self.last_heard = Some(now);
        if packet.is_final {
            self.polling = false;
        }
        match (self.state, packet.state) {
            (State::Down, State::Down) => self.enter(State::Init, now),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                self.local_diag = Diagnostic::NONE;
                self.enter(State::Up, now);
            }
            (State::Up, State::Down) | (State::Init | State::Up, State::AdminDown) => {
                self.local_diag = Diagnostic::NEIGHBOR_DOWN;
                self.enter(State::Down, now);
            }
            (State::Down, State::AdminDown | State::Up)
            | (State::Init, State::Down)
            | (State::Up, State::Init | State::Up)
            // `handle` has discarded the packet.
            | (State::AdminDown, _) => {}
        }
        self.reschedule(now);
        if packet.poll {
            // 6.5: at once, and without regard to when the next packet is due.
            let answer = Control {
                poll: false,
                is_final: true,
                ..self.packet()
            };
            self.actions.push_back(Action::Send(answer));
        }
    }

    /// 6.8.4.
    fn expire(&mut self, now: Instant) {
        let silent = self
            .last_heard
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let overdue = silent.saturating_sub(self.detection_time().unwrap_or_default());
        let was_up = self.state == State::Up;
        if was_up {
            let (name, ms, us) = (&self.settings.name, silent.as_millis(), overdue.as_micros());
            let line = format!("({name}) Expired after {ms} ms ({us} usec overdue)");
            self.actions.push_back(Action::Log(LogLine::Warn(line)));
        }
        self.local_diag = Diagnostic::EXPIRED;
        // What it said last does not excuse its silence.
        self.remote_state = State::Down;
        self.forget(now);
        self.enter(State::Down, now);
    }

    /// 6.8.1: after a Detection Time of silence the neighbour's discriminator is not known any more;
    /// nor are its wishes, or it could have silenced us for good.
    fn forget(&mut self, now: Instant) {
        self.remote_discr = 0;
        self.remote_min_rx = 1;
        self.remote_demand = false;
        self.last_heard = None;
        self.reschedule(now);
    }

    fn enter(&mut self, state: State, now: Instant) {
        let from = self.state;
        self.state = state;
        let name = &self.settings.name;
        let word = state.word();
        let line = match state {
            State::Up | State::AdminDown => {
                Some(LogLine::Info(format!("({name}) Entering {word} state")))
            }
            State::Down if from == State::Up => Some(LogLine::Warn(format!(
                "({name}) Entering {word} state (Local diagnostic - {}, Remote diagnostic - {})",
                self.local_diag.words(),
                self.remote_diag.words()
            ))),
            State::Down | State::Init => None,
        };
        self.actions.extend(line.map(Action::Log));
        // 6.8.3: a change of our interval is made known by a Poll Sequence.
        self.polling = state == State::Up && self.settings.min_tx != self.settings.idle_tx;
        // 6.8.7: what would differ from the packet before is sent at once.
        self.transmit(now);
        self.tell();
    }

    /// Tells the trackers, if they do not know.
    fn tell(&mut self) {
        let up = match self.state {
            State::Up => true,
            // RFC 5882 section 3.2: the path is not what failed.
            State::Down if self.remote_state == State::AdminDown => return,
            State::Down => false,
            State::Init | State::AdminDown => return,
        };
        if std::mem::replace(&mut self.told, up) != up {
            self.actions.push_back(Action::Changed { up });
        }
    }

    /// Sends a periodic packet if one is allowed (6.8.7), and sets when the next is due.
    fn transmit(&mut self, now: Instant) {
        self.last_tx = Some(now);
        if self.may_transmit() {
            let packet = self.packet();
            self.actions.push_back(Action::Send(packet));
        }
        self.next_tx = self.due(now);
    }

    /// 6.8.7: the four reasons to say nothing.
    fn may_transmit(&self) -> bool {
        let demand =
            self.remote_demand && self.state == State::Up && self.remote_state == State::Up;
        let waits = self.settings.passive && self.remote_discr == 0;
        !waits && self.remote_min_rx != 0 && (!demand || self.polling)
    }

    /// An interval after the last packet, less the jitter.
    fn due(&mut self, now: Instant) -> Option<Instant> {
        self.interval = self.transmit_interval().filter(|_| self.may_transmit());
        let interval = self.interval?;
        let Some(last) = self.last_tx else {
            return Some(now);
        };
        // 6.8.7: 75 to 100 %; with a multiplier of 1 at most 90 %.
        let most = if self.settings.multiplier == 1 {
            15
        } else {
            25
        };
        let share = 75 + u32::try_from(self.next_random() % (most + 1)).unwrap_or_default();
        last.checked_add(interval * share / 100)
    }

    /// 6.8.7: another interval holds at once, for the packet that is due next, too.
    fn reschedule(&mut self, now: Instant) {
        if self.interval != self.transmit_interval().filter(|_| self.may_transmit()) {
            self.next_tx = self.due(now);
        }
    }

    fn packet(&self) -> Control {
        Control {
            diagnostic: self.local_diag,
            state: self.state,
            poll: self.polling,
            is_final: false,
            authenticated: false,
            demand: false,
            detect_mult: self.settings.multiplier.max(1),
            my_discriminator: self.local_discr,
            your_discriminator: self.remote_discr,
            desired_min_tx: self.desired_min_tx(),
            required_min_rx: microseconds(self.settings.min_rx),
            required_min_echo_rx: 0,
        }
    }

    /// Marsaglia's xorshift: nothing depends on it but that neighbours do not send in step.
    const fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn microseconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
