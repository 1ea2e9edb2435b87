//! BFD, started from the configuration: its thread tells the VRRP thread by itself, and the checkers
//! through the supervisor.

use tokio::sync::mpsc;
use tracing::error;

use crate::bfd::driver::{self, Handle};
use crate::config::model::{BfdInstance, Config};
use crate::vrrp::driver::{Report, Reporter};
use crate::vrrp::settings::{Kind, Status};
use crate::wire::bfd::State;

/// A neighbour is reached or not, for `BFD_CHECK`: the name of the session, and whether it is up.
pub(super) type Reached = (String, bool);

/// The running sessions; `None`: there are none. Dropped, they end.
pub(super) struct Sessions {
    handle: Option<Handle>,
    config: Vec<BfdInstance>,
    has_reporter: bool,
}

impl Sessions {
    /// Starts the sessions of `config`. Before the first packet nobody is reached, which is said of
    /// all of them; when BFD cannot start at all it stays so, and the log says why.
    pub(super) fn start(
        config: &Config,
        reporter: Option<&Reporter>,
        checkers: mpsc::UnboundedSender<Reached>,
    ) -> Self {
        let sessions = &config.bfd_instances;
        let tell = {
            let (sessions, reporter) = (sessions.clone(), reporter.cloned());
            move |session: usize, up: bool| {
                if let Some(session) = sessions.get(session) {
                    tell(session, up, reporter.as_ref(), &checkers);
                }
            }
        };
        for session in 0..sessions.len() {
            tell(session, false);
        }
        let spawn = || {
            let settings = sessions.iter().map(Into::into).collect();
            driver::spawn(settings, move |event| tell(event.session, event.up))
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
        }
    }

    /// Whether they are other ones than `config` has, or were started without VRRP.
    pub(super) fn are_stale(&self, config: &Config, reporter: Option<&Reporter>) -> bool {
        self.config != config.bfd_instances || self.has_reporter != reporter.is_some()
    }

    /// Tells VRRP again how every neighbour is, for instances that did not track it before.
    pub(super) fn tell_again(&self, reporter: &Reporter) {
        for status in self.handle.iter().flat_map(Handle::status) {
            let mut sessions = self.config.iter().filter(|it| it.vrrp);
            let known = sessions.any(|it| it.name == status.name);
            let up = status.state == State::Up.word();
            // A neighbour that its operator holds down counts as it did before.
            if known && (up || status.remote_state != State::AdminDown.word()) {
                reporter.report(report(&status.name, up));
            }
        }
    }

    /// Tells the neighbours, and ends.
    pub(super) fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
    }
}

fn tell(
    session: &BfdInstance,
    up: bool,
    reporter: Option<&Reporter>,
    checkers: &mpsc::UnboundedSender<Reached>,
) {
    let name = session.name.clone();
    if session.vrrp
        && let Some(reporter) = reporter
    {
        reporter.report(report(&name, up));
    }
    if session.checker {
        // The supervisor is gone only when the process is on its way out.
        checkers.send((name, up)).ok();
    }
}

fn report(name: &str, up: bool) -> Report {
    Report {
        kind: Kind::Bfd,
        name: name.to_owned(),
        status: if up { Status::Up } else { Status::Down },
    }
}
