//! How the thread hears of what is tracked.

use std::io;
use std::sync::mpsc::Sender;

use tracing::error;

use crate::vrrp::settings::{Kind, Status};
use crate::vrrp::wait::Waker;

/// Tells the instances how tracked scripts, files, processes and BFD instances are. Clones tell
/// the same ones. Never blocks.
#[derive(Clone)]
pub struct Reporter {
    sender: Sender<Told>,
    waker: Waker,
}

/// What the thread is told beside reloads.
#[derive(Debug)]
pub(super) enum Told {
    /// How a tracked thing is.
    Report(Report),
    /// The program is attached for the instance of this name.
    Attached(String),
}

/// How a tracked thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of thing it is; an interface is nobody's to report, the thread sees it itself.
    pub kind: Kind,
    /// Its name in the configuration.
    pub name: String,
    /// How it is.
    pub status: Status,
}

impl Reporter {
    pub(super) const fn new(sender: Sender<Told>, waker: Waker) -> Self {
        Self { sender, waker }
    }

    pub(super) fn wake(&self) -> io::Result<()> {
        self.waker.wake()
    }

    /// Tells. After the end of the thread nobody listens.
    pub fn report(&self, report: Report) {
        self.tell(Told::Report(report));
    }

    /// The program is attached for the instance of this name: a MASTER that has waited for it
    /// (`xdp_attach master`) sets its addresses.
    pub fn attached(&self, instance: &str) {
        self.tell(Told::Attached(instance.to_owned()));
    }

    fn tell(&self, told: Told) {
        if self.sender.send(told).is_ok()
            && let Err(error) = self.waker.wake()
        {
            // It notices at its next timer: within an advertisement interval.
            error!("cannot wake the VRRP thread: {error}");
        }
    }
}
