//! The VRRP thread: waits, and feeds [`Router`].
//!
//! ```text
//!   advert sockets ──┐                ┌──▶ addresses, adverts, ARP (in the same thread)
//!   netlink monitor ─┼─▶ thread vrrp ─┼──▶ Gate
//!   timer ───────────┤                ├──▶ listener(News)
//!   Reporter ────────┤                │
//!   Handle::stop ────┘                ├──▶ boards ◀── Handle::status
//!                                     └──▶ thread sysctl
//! ```
//!
//! The thread is its only owner: there is nothing to lock, and nobody to wait for. Its priority is
//! [`super::isolation`]'s.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tracing::{error, info};

use super::isolation::{Escalation, Isolation};
use super::kernel::System;
use super::router::Router;
use super::settings::{MAX_KEY_FILE, Setup, VirtualRouter};
use super::socket::FrameSocket;
use super::status::{Board, InstanceStatus, StaticCounters, StaticStats};
use super::sysctl::Sysctls;
use super::wait::Wait;
use super::{Gate, News};

use crate::net::monitor::{Group, Monitor};
use crate::net::netlink::{Connection, NetlinkError};
use crate::runtime::{clock, files};

mod answers;
mod pulse;
mod reload;
mod report;
mod residue;
mod thread;

use answers::AnswerSockets;
pub(super) use pulse::Pulse;
use reload::Order;
pub use reload::ReloadError;
pub use report::{Report, Reporter};
pub use residue::remove_residual;
use thread::Thread;

/// Token of the netlink monitor; those of the adverts are [`port_of`]'s.
const MONITOR: u64 = 1 << 48;

/// Longer than any advert: 255 addresses of IPv6 make 4128 bytes.
const BUFFER: usize = 8192;

/// Packets taken from one socket, or events from the monitor, before the timers are looked at
/// again: a flood must not delay our adverts.
const BURST: usize = 32;

/// How long the thread may be silent while it releases what it holds, which may be a lot.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How often it is looked whether it has, and how often in a row it must not have in time: after one
/// look at a machine that slept the thread deserves its turn.
const STOP_LOOK: Duration = Duration::from_millis(1);
const STOP_LOOKS: u32 = 1000;

/// How long kernel settings may take.
const RESTORE_WITHIN: Duration = Duration::from_secs(1);

/// Why VRRP could not be started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// The kernel's interfaces and addresses are out of reach.
    #[error("cannot start VRRP: {0}")]
    Netlink(#[from] NetlinkError),
    /// Gratuitous ARP could not be sent.
    #[error("cannot start VRRP: cannot open a packet socket: {0}; are we root?")]
    PacketSocket(#[source] io::Error),
    /// The system has no descriptors or threads left.
    #[error("cannot start VRRP: cannot {what}: {source}")]
    Resources {
        /// What for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// The running instances. Dropped, it stops them as [`Self::stop`] does.
pub struct Handle {
    boards: Vec<Arc<Board>>,
    statics: Arc<StaticCounters>,
    stop: Arc<AtomicBool>,
    reports: Reporter,
    reloads: Sender<Order>,
    /// What they run with, and what they ran with before the last reload.
    instances: Vec<VirtualRouter>,
    before: Vec<VirtualRouter>,
    /// The thread hears of routes and rules.
    minds_routing: bool,
    /// Whether everything was released.
    thread: Option<JoinHandle<bool>>,
    pulse: Arc<Pulse>,
    sysctls: Option<(Sysctls, JoinHandle<()>)>,
}

impl Handle {
    /// Every instance now, in the order of the configuration. Does not wait for the thread.
    pub fn status(&self) -> Vec<InstanceStatus> {
        read(&self.boards)
    }

    /// What was put back of `static_ipaddress`, `static_routes` and `static_rules`.
    pub fn static_stats(&self) -> StaticStats {
        self.statics.read()
    }

    /// In `setups`, the last of which is what the instances run with and the one before it what they
    /// ran with before: VMACs are called as they really are.
    pub fn name_vmacs(&self, setups: &mut [Setup]) {
        let known = [&self.instances, &self.before];
        for (setup, instances) in setups.iter_mut().rev().zip(known) {
            setup.keep_names(instances);
        }
    }

    /// What shows the instances of now also after the end.
    pub fn view(&self) -> View {
        View(self.boards.clone())
    }

    /// For who watches what the instances track.
    pub fn reporter(&self) -> Reporter {
        self.reports.clone()
    }

    /// Whether the thread has ended without being told to. What it could release it has released;
    /// nobody advertises any more.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops: MASTERs send priority 0, gates close, addresses go. Returns when all is done; false:
    /// something of it may be left, for [`remove_residual`].
    #[must_use]
    pub fn stop(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        self.stop.store(true, Ordering::Release);
        if let Err(error) = self.reports.wake() {
            // It notices at its next timer: within an advertisement interval.
            error!("cannot wake the VRRP thread: {error}");
        }
        let Some(thread) = self.thread.take() else {
            return true;
        };
        let mut late = 0;
        while !thread.is_finished() {
            late = if self.overdue() > STOP_WITHIN {
                late + 1
            } else {
                0
            };
            if late >= STOP_LOOKS {
                error!("the VRRP thread does not end; what it holds is taken from it");
                self.leave();
                return false;
            }
            std::thread::sleep(STOP_LOOK);
        }
        let released = thread.join().unwrap_or(false);
        // It has heard of the end already.
        if let Some((sysctls, thread)) = self.sysctls.take() {
            drop(sysctls);
            thread.join().ok();
        }
        released
    }

    /// How long the thread has been due, as far as its last turn has said; zero: it waits for
    /// something, or works in time.
    pub fn overdue(&self) -> Duration {
        self.pulse.overdue(clock::now())
    }

    /// Leaves a thread that does not answer to itself: nobody waits for it. What it holds is for
    /// [`remove_residual`] to remove; kernel settings are what they were, if that can be done within
    /// a second.
    pub fn abandon(mut self) {
        drop(self.thread.take());
        self.leave();
    }

    fn leave(&mut self) {
        if let Some((sysctls, _thread)) = self.sysctls.take() {
            sysctls.restore_within(RESTORE_WITHIN);
        }
    }
}

/// The instances as they are, or were at the end of the thread.
#[derive(Debug)]
pub struct View(Vec<Arc<Board>>);

impl View {
    /// Every instance, in the order of the configuration.
    pub fn status(&self) -> Vec<InstanceStatus> {
        read(&self.0)
    }
}

fn read(boards: &[Arc<Board>]) -> Vec<InstanceStatus> {
    let now = clock::now();
    boards.iter().map(|board| board.read(now)).collect()
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Instances that have what they need from the system, and have not started.
pub struct Prepared {
    thread: Thread,
    isolation: Isolation,
    boards: Vec<Arc<Board>>,
    statics: Arc<StaticCounters>,
    reports: Reporter,
    reloads: Sender<Order>,
    instances: Vec<VirtualRouter>,
    minds_routing: bool,
    sysctls: (Sysctls, JoinHandle<()>),
}

/// Starts the instances, on a thread of their own, in the network namespace of the caller's.
///
/// `gate` and `listener` are called on that thread and must not block.
pub fn spawn(
    setup: Setup,
    gate: Box<dyn Gate>,
    listener: impl FnMut(News) + Send + 'static,
) -> Result<Handle, SpawnError> {
    prepare(setup, gate, listener)?.spawn()
}

/// The same without the start: whoever has no right to sockets hears of it before anything else is
/// changed.
pub fn prepare(
    mut setup: Setup,
    gate: Box<dyn Gate>,
    listener: impl FnMut(News) + Send + 'static,
) -> Result<Prepared, SpawnError> {
    for unread in setup.read_keys(|path| files::read(path, MAX_KEY_FILE)) {
        error!("{unread}");
    }
    let up = clock::since_boot().unwrap_or(Duration::MAX);
    let after_boot = setup.global.vrrp_delay_after_boot.saturating_sub(up);
    let delay = &mut setup.global.vrrp_startup_delay;
    *delay = after_boot.max(*delay);
    let wait = Wait::new().map_err(resources("prepare to wait"))?;
    // Opened before the first list is read: nothing falls between the two.
    info!("Registering Kernel netlink reflector");
    let minds_routing = Router::<System>::minds_routing(&setup);
    let monitor = listen_to(minds_routing)?;
    wait.registry()
        .add(&monitor, MONITOR)
        .map_err(resources("watch the interfaces"))?;
    info!("Registering Kernel netlink command channel");
    let connection = Connection::open()?;
    info!("Registering gratuitous ARP shared channel");
    let frames = FrameSocket::open().map_err(SpawnError::PacketSocket)?;

    let answers = AnswerSockets::open(&wait).map_err(SpawnError::PacketSocket)?;

    let (sysctls, setter) = Sysctls::start().map_err(resources("start a thread"))?;
    let pulse = Arc::new(Pulse::new(clock::now()));
    let system = System::new(
        connection,
        frames,
        wait.registry(),
        Some(sysctls.clone()),
        Arc::clone(&pulse),
    );
    let isolation = setup.global.isolation;
    let instances = setup.clone().complete();
    let router = Router::new(setup, system, gate, Box::new(listener), clock::now());
    let (boards, waker) = (router.boards(), wait.waker());
    let statics = router.static_counters();
    let (sender, reports) = channel();
    let (reloads, orders) = channel();
    Ok(Prepared {
        thread: Thread {
            router,
            monitor,
            answers,
            reports,
            orders,
            wait,
            stop: Arc::new(AtomicBool::new(false)),
            pulse,
            escalation: Escalation::new(isolation),
        },
        isolation,
        boards,
        statics,
        reports: Reporter::new(sender, waker),
        reloads,
        instances,
        minds_routing,
        sysctls: (sysctls, setter),
    })
}

impl Prepared {
    /// Starts them. Only a thread can be refused now.
    pub fn spawn(self) -> Result<Handle, SpawnError> {
        let Self {
            thread,
            isolation,
            boards,
            statics,
            reports,
            reloads,
            instances,
            minds_routing,
            sysctls,
        } = self;
        let (stop, pulse) = (Arc::clone(&thread.stop), Arc::clone(&thread.pulse));
        let thread = Builder::new()
            .name("vrrp".into())
            .spawn(move || {
                isolation.apply();
                thread.run()
            })
            .map_err(resources("start a thread"))?;
        Ok(Handle {
            boards,
            statics,
            stop,
            reports,
            reloads,
            instances,
            before: Vec::new(),
            minds_routing,
            thread: Some(thread),
            pulse,
            sysctls: Some(sysctls),
        })
    }
}

/// An error of the system, with what it was to be used for.
fn resources(what: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
    move |source| SpawnError::Resources { what, source }
}

/// Everything that the instances have to hear of. `routing`: routes and rules, too; not without
/// need: a router with a full table hears thousands of changes a second.
fn listen_to(routing: bool) -> Result<Monitor, NetlinkError> {
    let mut groups = vec![Group::Link, Group::Ipv4Address, Group::Ipv6Address];
    if routing {
        groups.extend([Group::Ipv4Route, Group::Ipv6Route]);
    }
    Monitor::open(&groups)
}
