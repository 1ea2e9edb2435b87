//! The signals that the agent takes.

use std::io;

use nix::sys::signal::{SigSet, Signal as NixSignal};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::dumps::{Dump, Dumps};

/// Taken from the first moment on: whoever stops us while we start gets a clean stop as well, and
/// none of the others ends the process.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    pub(super) dumps: Dumps,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// One of those that keepalived writes files at.
    Dump(Dump),
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        // Whoever started us may have blocked them, and we have inherited that.
        let signals = [NixSignal::SIGTERM, NixSignal::SIGINT, NixSignal::SIGHUP];
        let signals = SigSet::from_iter(signals);
        signals.thread_unblock()?;
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            dumps: Dumps::new()?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            dump = self.dumps.next() => Asked::Dump(dump),
        }
    }

    /// The agent is to stop.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
