//! The BFD thread: sockets and clock for all [`Session`]s.
//!
//! A thread of its own, because ten milliseconds are short: on the agent's thread the checks of ten
//! thousand servers would make a neighbour seem lost, and the VRRP thread must not wait for
//! anything but VRRP. It is started only if there are sessions. Trackers are told by a call, which
//! must not block.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use serde::Serialize;
use thiserror::Error;
use tracing::{debug, error, warn};

use super::Settings;
use super::session::{Action, Input, Session};
use crate::runtime::clock;
use crate::runtime::priority::Priority;
use crate::wire::bfd::{Control, State};

mod socket;

use socket::{Receiver, Sender};

/// Packets taken from one socket before the timers are looked at again.
const BURST: usize = 64;

/// A neighbour is reached, or no longer. Before the first event it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `bfd_instance`, by its place in the configuration.
    pub session: usize,
    /// Reached.
    pub up: bool,
}

/// A session now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The neighbour.
    pub neighbor: IpAddr,
    /// `Up`, `Init`, `Down` or `AdminDown`.
    pub state: &'static str,
    /// The same of the neighbour's side.
    pub remote_state: &'static str,
    /// Microseconds of silence after which it goes down; `None` before the first packet.
    pub detection_time: Option<u128>,
}

/// Why BFD could not be started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// Another BFD, or no right to the port.
    #[error(
        "cannot start BFD: cannot receive on UDP port {port}: {source}; is another BFD daemon running?"
    )]
    Receive {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no descriptors or threads left.
    #[error("cannot start BFD: {0}")]
    Resources(#[from] io::Error),
}

/// The running sessions. Dropped, it stops them as [`Self::stop`] does.
#[derive(Debug)]
pub struct Handle {
    board: Arc<Mutex<Vec<Status>>>,
    orders: mpsc::Sender<Order>,
    wake: Arc<EventFd>,
    /// Where packets are received.
    addresses: Vec<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

/// Who is told of a change.
type Listener = Box<dyn FnMut(Event) + Send>;

/// What the thread is told.
enum Order {
    /// Other sessions.
    Reload {
        sessions: Vec<Settings>,
        /// Sockets for addresses that it has none for.
        receivers: Vec<Receiver>,
        /// All that it needs from now on.
        addresses: Vec<SocketAddr>,
        changed: Listener,
    },
    /// The end.
    Stop,
}

impl Handle {
    /// Every session now, in the order given. Waits for no longer than copying takes.
    pub fn status(&self) -> Vec<Status> {
        let board = self.board.lock();
        board.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other sessions from now on. Those that stay as they are go on as if nothing had happened; who
    /// goes is told. Events are those of the new places, and [`Self::status`] follows a moment later.
    ///
    /// An error: everything goes on as it was.
    pub fn reload(
        &mut self,
        sessions: Vec<Settings>,
        changed: impl FnMut(Event) + Send + 'static,
    ) -> Result<(), SpawnError> {
        let addresses = addresses(&sessions);
        let new = addresses.iter().filter(|it| !self.addresses.contains(it));
        let receivers = open(new.copied())?;
        let order = Order::Reload {
            sessions,
            receivers,
            addresses: addresses.clone(),
            changed: Box::new(changed),
        };
        let gone = || io::Error::other("the BFD thread has ended");
        self.orders.send(order).map_err(|_ended| gone())?;
        self.wake.write(1).map_err(io::Error::from)?;
        self.addresses = addresses;
        Ok(())
    }

    /// Tells the neighbours that it is our operator's wish (`AdminDown`), and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        // Gone already: there is nothing to tell.
        self.orders.send(Order::Stop).ok();
        if let Err(errno) = self.wake.write(1) {
            return error!("cannot stop the BFD thread: {}", errno.desc());
        }
        if thread.join().is_err() {
            error!("the BFD thread had died");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the sessions on a thread of their own, which runs with `priority`, in the network namespace of the caller's.
/// `changed` is called on that thread and must not block.
pub fn spawn(
    sessions: Vec<Settings>,
    priority: Priority,
    changed: impl FnMut(Event) + Send + 'static,
) -> Result<Handle, SpawnError> {
    let addresses = addresses(&sessions);
    let receivers = open(addresses.iter().copied())?;
    let peers = peers(sessions, &mut Vec::new());
    let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
    let wake = Arc::new(wake.map_err(io::Error::from)?);
    let board = Arc::new(Mutex::new(status(&peers)));
    let (orders, inbox) = mpsc::channel();
    let driver = Driver {
        peers,
        receivers,
        orders: inbox,
        wake: Arc::clone(&wake),
        board: Arc::clone(&board),
        shown: Vec::new(),
        changed: Box::new(changed),
    };
    let thread = thread::Builder::new().name("bfd".into()).spawn(move || {
        priority.apply("bfd");
        driver.run();
    })?;
    Ok(Handle {
        board,
        orders,
        wake,
        addresses,
        thread: Some(thread),
    })
}

/// Where packets for these sessions come: one address for each family and port.
fn addresses(sessions: &[Settings]) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for settings in sessions {
        let any: IpAddr = match settings.neighbor {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let address = SocketAddr::new(any, socket::port(settings));
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn open(addresses: impl Iterator<Item = SocketAddr>) -> Result<Vec<Receiver>, SpawnError> {
    let open = addresses.map(|address| {
        Receiver::open(address).map_err(|source| SpawnError::Receive {
            port: address.port(),
            source,
        })
    });
    open.collect()
}

/// A peer for each session: of those `before` those that have the same settings, which leave it.
fn peers(sessions: Vec<Settings>, before: &mut Vec<Peer>) -> Vec<Peer> {
    let (now, mut random) = (clock::now(), socket::random());
    let mut peers: Vec<Peer> = Vec::with_capacity(sessions.len());
    for settings in sessions {
        let same = |peer: &Peer| *peer.session.settings() == settings;
        if let Some(place) = before.iter().position(same) {
            peers.push(before.swap_remove(place));
            continue;
        }
        let taken = || peers.iter().chain(before.iter());
        let discriminator = unused_discriminator(taken, random);
        let session = Session::new(settings, discriminator, random, now);
        random = random.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        peers.push(Peer {
            session,
            sender: None,
            random,
            failed: false,
        });
    }
    peers
}

fn unused_discriminator<'a, I: Iterator<Item = &'a Peer>>(
    peers: impl Fn() -> I,
    random: u64,
) -> u32 {
    let [a, b, c, d, ..] = random.to_ne_bytes();
    let mut number = u32::from_ne_bytes([a, b, c, d]).max(1);
    while peers().any(|peer| peer.session.discriminator() == number) {
        number = number.wrapping_add(1).max(1);
    }
    number
}

fn status(peers: &[Peer]) -> Vec<Status> {
    let status = peers.iter().map(|peer| Status {
        name: peer.session.settings().name.clone(),
        neighbor: peer.session.settings().neighbor,
        state: peer.session.state().word(),
        remote_state: peer.session.states().1.word(),
        detection_time: peer.session.detection_time().map(|time| time.as_micros()),
    });
    status.collect()
}

#[derive(Debug)]
struct Peer {
    session: Session,
    /// `None`: not opened yet, or its source address is not there yet.
    sender: Option<Sender>,
    /// Where to begin to look for a port.
    random: u64,
    /// The last packet could not be sent, and that was said.
    failed: bool,
}

struct Driver {
    peers: Vec<Peer>,
    receivers: Vec<Receiver>,
    orders: mpsc::Receiver<Order>,
    wake: Arc<EventFd>,
    board: Arc<Mutex<Vec<Status>>>,
    /// The states on the board.
    shown: Vec<(State, State)>,
    changed: Listener,
}

impl Driver {
    fn run(mut self) {
        loop {
            let now = clock::now();
            for peer in &mut self.peers {
                peer.session.handle_timeout(now);
            }
            self.act();
            let woken = match self.wait(now) {
                Ok(woken) => woken,
                Err(error) => {
                    error!("BFD cannot go on: {error}; the neighbours are told");
                    break;
                }
            };
            if woken && !self.follow_orders() {
                break;
            }
            self.receive();
            self.act();
        }
        dismiss(&mut self.peers);
        self.act();
    }

    /// Whether to go on.
    fn follow_orders(&mut self) -> bool {
        // Non-blocking, and written to: this reads the count away.
        self.wake.read().ok();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Reload {
                    sessions,
                    receivers,
                    addresses,
                    changed,
                } => {
                    let mut gone = std::mem::take(&mut self.peers);
                    self.peers = peers(sessions, &mut gone);
                    dismiss(&mut gone);
                    self.receivers
                        .retain(|it| addresses.contains(&it.address()));
                    self.receivers.extend(receivers);
                    self.changed = changed;
                    self.publish();
                }
                Order::Stop => return false,
            }
        }
        true
    }

    /// Waits for a packet, a timer or an order; whether it was an order.
    fn wait(&self, now: Instant) -> io::Result<bool> {
        let due = self.peers.iter();
        let due = due.filter_map(|peer| peer.session.poll_timeout()).min();
        let timeout = due.map(|due| TimeSpec::from_duration(due.saturating_duration_since(now)));
        let wake = PollFd::new(self.wake.as_fd(), PollFlags::POLLIN);
        let sockets = self.receivers.iter();
        let sockets = sockets.map(|it| PollFd::new(it.socket().as_fd(), PollFlags::POLLIN));
        let mut descriptors: Vec<PollFd<'_>> = std::iter::once(wake).chain(sockets).collect();
        match ppoll(&mut descriptors, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let wake = descriptors.first().and_then(PollFd::any);
        Ok(wake == Some(true))
    }

    fn receive(&mut self) {
        for receiver in &self.receivers {
            for _ in 0..BURST {
                match receiver.receive() {
                    Ok(Some(packet)) => hear(&mut self.peers, receiver.port(), &packet),
                    Ok(None) => break,
                    Err(error) => {
                        warn!("recvmsg() error ({error})");
                        break;
                    }
                }
            }
        }
    }

    fn act(&mut self) {
        let mut events = Vec::new();
        for (place, peer) in self.peers.iter_mut().enumerate() {
            while let Some(action) = peer.session.poll_action() {
                match action {
                    Action::Send(packet) => peer.send(&packet),
                    Action::Log(line) => line.write(),
                    Action::Changed { up } => events.push(Event { session: place, up }),
                }
            }
        }
        self.show();
        // Whoever hears of a change finds it on the board.
        for event in events {
            (self.changed)(event);
        }
    }

    /// What [`Handle::status`] answers from now on.
    fn show(&mut self) {
        let states = self.peers.iter().map(|peer| peer.session.states());
        if !states.eq(self.shown.iter().copied()) {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let states = self.peers.iter().map(|peer| peer.session.states());
        self.shown = states.collect();
        let status = status(&self.peers);
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

impl Peer {
    fn send(&mut self, packet: &Control) {
        let result = self.try_to_send(packet);
        if let Err(error) = &result
            && !self.failed
        {
            let name = &self.session.settings().name;
            warn!("({name}) Error sending packet ({error}); trying again with the next one");
        }
        self.failed = result.is_err();
    }

    /// The socket is opened for the first packet, and anew after a failure: its address may come
    /// later than we, or go and come back.
    fn try_to_send(&mut self, packet: &Control) -> io::Result<()> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => Sender::open(self.session.settings(), self.random)?,
        };
        sender.send(&packet.to_bytes())?;
        self.sender = Some(sender);
        Ok(())
    }

    /// RFC 5880 section 6.8.6: by our discriminator or, if the neighbour does not know it yet, by the
    /// addresses (RFC 5881 section 3).
    fn is_meant(&self, port: u16, packet: &Control, addresses: (IpAddr, Option<IpAddr>)) -> bool {
        let settings = self.session.settings();
        if socket::port(settings) != port {
            return false;
        }
        if packet.your_discriminator != 0 {
            return packet.your_discriminator == self.session.discriminator();
        }
        let (from, to) = addresses;
        let to_us = match (settings.source, to) {
            (Some(ours), Some(to)) => ours == to,
            (None, _) | (_, None) => true,
        };
        settings.neighbor == from && to_us
    }
}

/// Tells the neighbours that it is our operator's wish. What their sessions say of it concerns
/// nobody any more.
fn dismiss(peers: &mut [Peer]) {
    for peer in peers {
        peer.session.handle(Input::Shutdown, clock::now());
        while let Some(action) = peer.session.poll_action() {
            match action {
                Action::Send(packet) => peer.send(&packet),
                Action::Log(line) => line.write(),
                Action::Changed { .. } => {}
            }
        }
    }
}

/// Gives a packet to its session, if it may have it.
fn hear(peers: &mut [Peer], port: u16, received: &socket::Received) {
    let from = received.from;
    let packet = match Control::parse(&received.bytes) {
        Ok(packet) => packet,
        Err(error) => return debug!("Discarding bogus packet from {from}: {error}"),
    };
    let mut peers = peers.iter_mut();
    let meant = peers.find(|peer| peer.is_meant(port, &packet, (from, received.to)));
    let Some(peer) = meant else {
        return debug!(
            "Discarding packet from {from} (session is not found - your discriminator field is \
             {:#010x})",
            packet.your_discriminator
        );
    };
    let settings = peer.session.settings();
    if let (Some(ttl), Some(hops)) = (received.ttl, settings.max_hops) {
        // RFC 5881 section 5: whoever is further away is not our neighbour.
        let least = settings.ttl.saturating_sub(hops);
        if ttl < least {
            return debug!("Packet ttl({ttl}) < {least} from {from} - discarding");
        }
    }
    if packet.authenticated {
        return debug!(
            "Discarding packet from {from} (auth bit is set, but no authentication is in use)"
        );
    }
    if peer.session.state() == State::AdminDown {
        return debug!("Discarding packet from {from} (session is in AdminDown state)");
    }
    peer.session.handle(Input::Packet(packet), clock::now());
}

#[cfg(test)]
mod tests;
