//! BFD, started from the configuration: its thread tells the VRRP thread by itself, and the checkers
//! through the supervisor.
//!
//! Before the first packet nobody is reached. VRRP takes that for down; so do checkers, but what was up
//! before a restart or a reload stays so while its session begins, for a time.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::error;

use crate::bfd::Settings;
use crate::bfd::driver::{self, Event, Handle, Status as SessionStatus};
use crate::config::model::{BfdInstance, Config};
use crate::health::schedule::Session;
use crate::runtime::clock;
use crate::runtime::priority::Priority;
use crate::vrrp::driver::{Report, Reporter};
use crate::vrrp::settings::{Kind, Status};
use crate::wire::bfd::State;

/// For `BFD_CHECK`: the name of a session, and how it is.
pub(super) type Reached = (String, Session);

/// The least interval of a neighbour whose session is not up (RFC 5880 section 6.8.3).
const LEAST_IDLE: Duration = Duration::from_secs(1);

/// The running sessions; `None`: there are none. Dropped, they end.
pub(super) struct Sessions {
    handle: Option<Handle>,
    config: Vec<BfdInstance>,
    has_reporter: bool,
    checkers: mpsc::UnboundedSender<Reached>,
    /// Sessions that have yet to begin, and when that counts as down.
    beginning: Vec<(String, Instant)>,
}

impl Sessions {
    /// Starts the sessions of `config`. Before the first packet nobody is reached, which is told of all
    /// of them; when BFD cannot start at all it stays so, and the log says why.
    pub(super) fn start(
        config: &Config,
        reporter: Option<&Reporter>,
        checkers: mpsc::UnboundedSender<Reached>,
    ) -> Self {
        let sessions = &config.bfd_instances;
        for session in sessions {
            tell_vrrp(session, false, reporter);
            tell_checkers(session, Session::Beginning, &checkers);
        }
        let spawn = || {
            let listener = listener(sessions, reporter, &checkers);
            let process = &config.global_defs.process;
            let priority = Priority {
                nice: process.bfd_priority,
                real_time: process.bfd_rt_priority,
            };
            driver::spawn(settings(sessions), priority, listener)
        };
        let handle = (!sessions.is_empty()).then(spawn).transpose();
        let handle = handle.unwrap_or_else(|error| {
            error!("{error}; every bfd_instance counts as down");
            None
        });
        Self {
            handle,
            config: config.bfd_instances.clone(),
            has_reporter: reporter.is_some(),
            checkers,
            beginning: beginning(sessions, clock::now()),
        }
    }

    /// Goes on with those of another configuration, and tells again how those are that stay: nobody
    /// notices that others come and go.
    pub(super) fn reload(&mut self, config: &Config, reporter: Option<&Reporter>) {
        if !self.are_stale(config, reporter) {
            return self.tell_again(reporter, &[]);
        }
        let sessions = &config.bfd_instances;
        let listener = listener(sessions, reporter, &self.checkers);
        let handle = self.handle.as_mut().filter(|_| !sessions.is_empty());
        let outcome = handle.map(|handle| handle.reload(settings(sessions), listener));
        if !matches!(outcome, Some(Ok(()))) {
            if let Some(Err(error)) = outcome {
                error!("{error}; all sessions begin anew");
            }
            self.stop();
            *self = Self::start(config, reporter, self.checkers.clone());
            return;
        }
        let before = std::mem::replace(&mut self.config, sessions.clone());
        self.has_reporter = reporter.is_some();
        let stays = |it: &&BfdInstance| {
            let mut same = before.iter().filter(|old| old.name == it.name);
            same.any(|old| Settings::from(old) == Settings::from(*it))
        };
        let (old, new): (Vec<&BfdInstance>, Vec<_>) = sessions.iter().partition(stays);
        self.beginning
            .retain(|(name, _)| old.iter().any(|it| it.name == *name));
        let new: Vec<BfdInstance> = new.into_iter().cloned().collect();
        self.beginning.extend(beginning(&new, clock::now()));
        for session in &new {
            tell_vrrp(session, false, reporter);
            tell_checkers(session, Session::Beginning, &self.checkers);
        }
        self.tell_again(reporter, &new);
    }

    /// Whether they are other ones than `config` has, or were started without VRRP.
    fn are_stale(&self, config: &Config, reporter: Option<&Reporter>) -> bool {
        self.config != config.bfd_instances || self.has_reporter != reporter.is_some()
    }

    /// Tells again how every neighbour is: for instances that did not track it before, and checkers
    /// that are new. Not of `new` sessions: the thread may not have followed a reload yet, and what it
    /// shows is that of the ones before, of which it will tell no end.
    fn tell_again(&self, reporter: Option<&Reporter>, new: &[BfdInstance]) {
        let status: Vec<SessionStatus> = self.handle.iter().flat_map(Handle::status).collect();
        let stays = |it: &&BfdInstance| new.iter().all(|new| new.name != it.name);
        for session in self.config.iter().filter(stays) {
            let mut status = status.iter().filter(|it| it.name == session.name);
            // Without a thread there is no status, and nobody is reached.
            let up = status.next().map_or(Some(false), reached);
            if let Some(up) = up {
                tell_vrrp(session, up, reporter);
            }
            // Who knows nothing yet takes what its operator holds down for what is not up.
            let state = match up {
                Some(true) => Session::Up,
                Some(false) if !self.is_beginning(&session.name) => Session::Down,
                Some(false) | None => Session::Beginning,
            };
            tell_checkers(session, state, &self.checkers);
        }
    }

    /// A second has passed: sessions that should have begun and have not are told to the checkers.
    pub(super) fn beat(&mut self, now: Instant) {
        let (late, beginning) = std::mem::take(&mut self.beginning)
            .into_iter()
            .partition(|(_, until)| *until <= now);
        self.beginning = beginning;
        for (name, _) in late {
            let known = self.handle.iter().flat_map(Handle::status);
            let mut known = known.filter(|it| it.name == name);
            // Without a thread there is no status, and nobody is reached.
            let up = known.next().map_or(Some(false), |status| reached(&status));
            let mut sessions = self.config.iter().filter(|it| it.name == name);
            if let Some((session, false)) = sessions.next().zip(up) {
                tell_checkers(session, Session::Down, &self.checkers);
            }
        }
    }

    fn is_beginning(&self, name: &str) -> bool {
        self.beginning.iter().any(|(session, _)| session == name)
    }

    /// Tells the neighbours, and ends.
    pub(super) fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
    }
}

/// Whether the neighbour is reached; `None`: its operator holds it down, so it counts as it did before.
fn reached(status: &SessionStatus) -> Option<bool> {
    let up = status.state == State::Up.word();
    (up || status.remote_state != State::AdminDown.word()).then_some(up)
}

/// How long each session may take to begin. Until it is up its packets come `idle_tx` apart, from
/// both sides.
fn beginning(sessions: &[BfdInstance], now: Instant) -> Vec<(String, Instant)> {
    let until = |session: &BfdInstance| {
        let patience = session.idle_tx.max(LEAST_IDLE) * u32::from(session.multiplier.max(3));
        now.checked_add(patience)
    };
    let sessions = sessions.iter().filter(|it| it.checker);
    sessions
        .filter_map(|it| Some((it.name.clone(), until(it)?)))
        .collect()
}

fn settings(sessions: &[BfdInstance]) -> Vec<Settings> {
    sessions.iter().map(Into::into).collect()
}

/// What the thread calls.
fn listener(
    sessions: &[BfdInstance],
    reporter: Option<&Reporter>,
    checkers: &mpsc::UnboundedSender<Reached>,
) -> impl FnMut(Event) + Send + use<> {
    let (told, reporter, to) = (sessions.to_vec(), reporter.cloned(), checkers.clone());
    move |event| {
        if let Some(session) = told.get(event.session) {
            tell_vrrp(session, event.up, reporter.as_ref());
            let state = if event.up { Session::Up } else { Session::Down };
            tell_checkers(session, state, &to);
        }
    }
}

fn tell_vrrp(session: &BfdInstance, up: bool, reporter: Option<&Reporter>) {
    if let Some(reporter) = reporter.filter(|_| session.vrrp) {
        reporter.report(Report {
            kind: Kind::Bfd,
            name: session.name.clone(),
            status: if up { Status::Up } else { Status::Down },
        });
    }
}

fn tell_checkers(session: &BfdInstance, state: Session, checkers: &mpsc::UnboundedSender<Reached>) {
    if session.checker {
        // The supervisor is gone only when the process is on its way out.
        checkers.send((session.name.clone(), state)).ok();
    }
}
