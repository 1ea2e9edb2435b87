//! Hears of processes from the kernel and reads /proc; a task on the agent's runtime.
//!
//! The kernel drops messages when nobody reads them in time. Then, or when their numbers have a gap,
//! everything is read anew once the storm is over. Where the kernel tells nothing (no
//! `CONFIG_PROC_EVENTS`, a network or process namespace that is not the first one), /proc is read
//! once a second instead.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use serde::Serialize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::{debug, info, warn};

use super::connector::{self, Event as Told};
use super::identity::{self, Identity};
use super::{Action, Input, Settings, Tracker};
use crate::net::netlink::frame::frames;
use crate::runtime::clock;
use crate::track::wait_for;

/// `process_monitor_rcv_bufs` where it is not given, bytes: some ten thousand events.
pub const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// After lost messages the storm is given so long; also the time between two looks at /proc where
/// the kernel tells nothing, and the time it has to say that it will.
const SETTLE: Duration = Duration::from_secs(1);

/// Messages taken before the timers are looked at again.
const BURST: usize = 64;

/// A message is 76 bytes; there may be several in a datagram.
const DATAGRAM: usize = 4096;

/// As many processes run as should, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `track_process`, by its place in the configuration.
    pub process: usize,
    /// Up or down.
    pub up: bool,
}

/// A `track_process` now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether there are as many as there should be.
    pub up: bool,
    /// How many there are.
    pub count: usize,
}

/// The tracked processes. Dropped, they are tracked no more.
#[derive(Debug)]
pub struct Handle {
    status: watch::Receiver<Vec<Status>>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Every `track_process` now, in the order given. Waits for nobody.
    pub fn status(&self) -> Vec<Status> {
        self.status.borrow().clone()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tracks `processes` on the runtime of the caller, whose thread must be in the first network
/// namespace to hear the kernel. `buffer`: `process_monitor_rcv_bufs`, [`RECEIVE_BUFFER`] if not
/// given. `changed` is first told the state of each, before this returns, and must not block.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(
    processes: Vec<Settings>,
    buffer: usize,
    changed: impl Fn(Event) + Send + 'static,
) -> Handle {
    let (board, status) = watch::channel(Vec::new());
    let socket = listen(buffer).map_err(|error| {
        info!("track_process not available - is CONFIG_PROC_EVENTS enabled in kernel config? ({error})");
    });
    let mut driver = Driver {
        trackers: processes.into_iter().map(Tracker::new).collect(),
        socket: socket.ok(),
        told: false,
        sequences: HashMap::new(),
        scan_at: None,
        board,
        changed,
    };
    // After the socket: nothing falls between the two.
    driver.scan(clock::now());
    driver.act();
    let task = tokio::spawn(driver.run());
    Handle { status, task }
}

fn listen(buffer: usize) -> io::Result<AsyncFd<Socket>> {
    let mut socket = Socket::new(connector::PROTOCOL)?;
    // Beyond the system's limit only with CAP_NET_ADMIN; less is not fatal, only overruns sooner.
    if setsockopt(&socket, sockopt::RcvBufForce, &buffer).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &buffer)?;
    }
    // Any port: another program may be listening under our process id.
    socket.bind(&SocketAddr::new(0, connector::GROUP))?;
    socket.set_non_blocking(true)?;
    socket.send_to(
        &connector::listen(std::process::id()),
        &SocketAddr::new(0, 0),
        0,
    )?;
    wait_for(socket)
}

struct Driver<F> {
    trackers: Vec<Tracker>,
    /// `None`: the kernel tells nothing.
    socket: Option<AsyncFd<Socket>>,
    /// It has told something.
    told: bool,
    /// The last number of each processor's messages.
    sequences: HashMap<u32, u32>,
    scan_at: Option<Instant>,
    board: watch::Sender<Vec<Status>>,
    changed: F,
}

impl<F: Fn(Event) + Send + 'static> Driver<F> {
    async fn run(mut self) {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        loop {
            let now = clock::now();
            if self.scan_at.is_some_and(|at| at <= now) {
                self.scan(now);
            }
            for tracker in &mut self.trackers {
                tracker.handle_timeout(now);
            }
            self.act();
            let due = self.trackers.iter().filter_map(Tracker::poll_timeout);
            let due = due.chain(self.scan_at).min();
            tokio::select! {
                () = readable(self.socket.as_ref()) => self.receive(&mut datagram),
                () = wait_until(due) => {}
            }
        }
    }

    /// Reads what is there, but not for ever.
    fn receive(&mut self, datagram: &mut Vec<u8>) {
        for _ in 0..BURST {
            let Some(socket) = &self.socket else {
                return;
            };
            datagram.clear();
            let received = socket.try_io(Interest::READABLE, |it| it.recv_from(datagram, 0));
            match received {
                // Only the kernel's word counts.
                Ok((_, sender)) if sender.port_number() == 0 => self.read(datagram),
                Ok(_) => {}
                Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                    // tokio's own "not ready" has no number.
                    None | Some(Errno::EAGAIN) => return,
                    Some(Errno::EINTR) => {}
                    Some(Errno::ENOBUFS) => self.lost("messages were dropped"),
                    Some(_) => {
                        warn!("process monitor netlink recv error: {error}; reading /proc instead");
                        self.socket = None;
                        self.scan_at = Some(clock::now());
                        return;
                    }
                },
            }
        }
    }

    fn read(&mut self, datagram: &[u8]) {
        for frame in frames(datagram) {
            let Some(message) = frame.ok().and_then(|frame| connector::parse(frame.payload)) else {
                continue;
            };
            let Some(input) = self.note(message) else {
                continue;
            };
            let now = clock::now();
            for tracker in &mut self.trackers {
                match &input {
                    Heard::Fork { parent, child } => {
                        let (parent, child) = (*parent, *child);
                        tracker.handle(&Input::Fork { parent, child }, now);
                    }
                    Heard::Changed(pid, identity) => {
                        let identity = identity.as_ref();
                        tracker.handle(
                            &Input::Changed {
                                pid: *pid,
                                identity,
                            },
                            now,
                        );
                    }
                    Heard::Exit(pid) => tracker.handle(&Input::Exit { pid: *pid }, now),
                }
            }
        }
    }

    fn note(&mut self, message: connector::Message) -> Option<Heard> {
        if !self.told {
            debug!("proc_events has confirmed it is configured");
            self.told = true;
            self.scan_at = None;
        }
        let connector::Message {
            sequence,
            cpu,
            event,
        } = message;
        // The answer to our request has the request's number.
        if !matches!(event, Told::Listening(_)) {
            let before = self.sequences.insert(cpu, sequence);
            let missed = before.map_or(0, |before| sequence.wrapping_sub(before).wrapping_sub(1));
            if missed != 0 {
                self.lost(&format!("Missed {missed} messages on CPU {cpu}"));
            }
        }
        match event {
            Told::Fork { parent, child } => Some(Heard::Fork { parent, child }),
            Told::Changed(pid) => Some(Heard::Changed(pid, Identity::read(pid))),
            Told::Exit(pid) => Some(Heard::Exit(pid)),
            Told::Listening(0) | Told::Other => None,
            Told::Listening(errno) => {
                let errno = Errno::from_raw(errno.cast_signed());
                warn!(
                    "the kernel does not tell of processes: {}; reading /proc",
                    errno.desc()
                );
                self.socket = None;
                self.scan_at = Some(clock::now());
                None
            }
        }
    }

    fn lost(&mut self, what: &str) {
        self.sequences.clear();
        // Where messages are lost again and again, the first of them decides when: it must come.
        if self.scan_at.is_none() {
            info!("{what}; reading /proc anew");
            self.scan_at = clock::now().checked_add(SETTLE);
        }
    }

    fn scan(&mut self, now: Instant) {
        let all = identity::all();
        for tracker in &mut self.trackers {
            let all = all.iter().map(|(pid, identity)| (*pid, identity));
            tracker.handle_scan(all, now);
        }
        // Until the kernel says that it tells, do without.
        self.scan_at = if self.told && self.socket.is_some() {
            None
        } else {
            now.checked_add(SETTLE)
        };
    }

    fn act(&mut self) {
        let mut acted = false;
        for (process, tracker) in self.trackers.iter_mut().enumerate() {
            while let Some(action) = tracker.poll_action() {
                match action {
                    Action::Log(line) => line.write(),
                    Action::Changed { up } => (self.changed)(Event { process, up }),
                }
                acted = true;
            }
        }
        let status = || self.trackers.iter().map(status);
        if acted
            || !self
                .board
                .borrow()
                .iter()
                .map(|it| it.count)
                .eq(status().map(|it| it.count))
        {
            self.board.send_replace(status().collect());
        }
    }
}

/// An event, with what /proc says about it.
enum Heard {
    Fork { parent: u32, child: u32 },
    Changed(u32, Option<Identity>),
    Exit(u32),
}

fn status(tracker: &Tracker) -> Status {
    Status {
        name: tracker.settings().name.clone(),
        up: tracker.is_up(),
        count: tracker.count(),
    }
}

async fn readable(socket: Option<&AsyncFd<Socket>>) {
    let ready = match socket {
        // The guard is dropped: it stays ready until `try_io` has found it empty.
        Some(socket) => socket.readable().await.map(drop).is_ok(),
        None => false,
    };
    if !ready {
        std::future::pending::<()>().await;
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
