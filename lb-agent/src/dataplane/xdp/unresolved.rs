//! Replies in NAT mode whose next hop has not told its MAC: the program hands them over, the
//! kernel asks for the MAC and sends them.
//!
//! A MASTER that has just become one knows nobody's MAC. Its clients' requests come all the same,
//! and without this the first reply to each client of its own link would be lost, and the client
//! would wait until the server sends it again, a second later. So the reply, translated already,
//! is sent through a raw socket: the kernel has a queue for packets that wait for an answer to ARP.
//! The next reply finds the MAC known and does not come here.
//!
//! A thread of its own waits for them ([`Replies`]): milliseconds count, and whatever else the
//! agent has to do may take longer. How many there may be the program limits. Not here: the way of
//! replies whose next hop is known, all of which the program goes alone.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use aya::maps::perf::{PerfBufferError, PerfEvent, PerfEventArray, PerfEventArrayBuffer};
use aya::maps::{Map, MapData, MapError};
use aya::util::online_cpus;
use lb_common::unresolved::Unresolved;
use nix::libc::{IPPROTO_RAW, in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{
    ControlMessage, MsgFlags, SockaddrIn, SockaddrIn6, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tracing::{debug, warn};

use super::pins::Pins;

/// Name of the map.
const MAP: &str = "UNRESOLVED";
/// Room for replies of one CPU, in pages: forty full ones at 4 KiB a page.
const PAGES: usize = 16;
/// Room for replies of all clients of a family that wait for ARP or a neighbour, which the kernel gives up after three
/// seconds: clients that there are not must not take it from those that there are.
const WAITING: usize = 8 << 20;

/// Why replies cannot be taken over.
#[derive(Debug, Error)]
pub enum RepliesError {
    /// The map.
    #[error("cannot open the map {MAP}")]
    Map(#[from] MapError),
    /// A CPU's buffer.
    #[error("cannot open the buffer of CPU {cpu}")]
    Buffer {
        /// Which.
        cpu: u32,
        /// Why.
        #[source]
        source: PerfBufferError,
    },
    /// Socket, event or thread.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The thread that sends them; it ends with this.
pub struct Replies {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Replies {
    /// Takes over the replies of the program whose maps are pinned there, of all CPUs that are
    /// online now, and sends them from the network namespace of the calling thread.
    pub fn start(pins: &Pins) -> Result<Self, RepliesError> {
        let system = |what| move |source| RepliesError::System { what, source };
        let mut buffers = Vec::new();
        let mut map = open(pins)?;
        for cpu in online_cpus().map_err(|(_, source)| system("list the CPUs")(source))? {
            let buffer = map.open(cpu, Some(PAGES));
            buffers.push(buffer.map_err(|source| RepliesError::Buffer { cpu, source })?);
        }
        let sockets = Sockets::open().map_err(system("open a raw socket"))?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let stop =
            EventFd::from_flags(flags).map_err(|errno| system("create an event")(errno.into()))?;
        let stop = Arc::new(stop);
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("replies".to_owned())
            .spawn(move || run(buffers, &sockets, &stopped))
            .map_err(system("start a thread"))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        // A counter that is too high to be written to has been written to.
        let _told = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The map itself, which everybody may open who holds a buffer in it.
fn open(pins: &Pins) -> Result<PerfEventArray<MapData>, MapError> {
    Map::from_map_data(MapData::from_pin(pins.map(MAP))?)?.try_into()
}

/// Sockets for packets with their own IP header.
struct Sockets {
    ipv4: Socket,
    /// `None`: the kernel has no IPv6.
    ipv6: Option<Socket>,
}

impl Sockets {
    fn open() -> io::Result<Self> {
        let open = |domain| {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))?;
            setsockopt(&socket, sockopt::SndBufForce, &WAITING)?;
            io::Result::Ok(socket)
        };
        Ok(Self {
            ipv4: open(Domain::IPV4)?,
            ipv6: open(Domain::IPV6).ok(),
        })
    }
}

fn run(mut buffers: Vec<PerfEventArrayBuffer<MapData>>, sockets: &Sockets, stop: &EventFd) {
    loop {
        match wait(&buffers, stop) {
            Ok(true) => return,
            Ok(false) => {}
            Err(errno) => {
                warn!(
                    "cannot wait for replies without a next hop ({errno}): until the agent is \
                     restarted the first reply to some clients is lost"
                );
                return;
            }
        }
        for buffer in &mut buffers {
            buffer.for_each(|event| match event {
                PerfEvent::Sample { head, tail } => pass_on(sockets, &[head, tail].concat()),
                PerfEvent::Lost { count } => debug!("{count} replies without a next hop are lost"),
            });
        }
    }
}

/// Waits for replies; `true`: to the end.
fn wait(buffers: &[PerfEventArrayBuffer<MapData>], stop: &EventFd) -> nix::Result<bool> {
    let mut waiting: Vec<PollFd<'_>> = buffers
        .iter()
        .map(|buffer| PollFd::new(buffer.as_fd(), PollFlags::POLLIN))
        .collect();
    waiting.push(PollFd::new(stop.as_fd(), PollFlags::POLLIN));
    match poll(&mut waiting, PollTimeout::NONE) {
        Ok(_) => Ok(waiting.last().and_then(PollFd::any).unwrap_or(false)),
        Err(nix::Error::EINTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn pass_on(sockets: &Sockets, event: &[u8]) {
    let Some(reply) = Reply::parse(event) else {
        debug!("the program has handed over what is no reply: {event:02x?}");
        return;
    };
    if let Err(errno) = send(sockets, &reply) {
        // The server sends it again; more than that nobody can do.
        debug!("cannot send a reply to {}: {errno}", reply.client());
    }
}

/// Address of the service, in whose name a reply goes, and the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6.
    V6(Ipv6Addr, Ipv6Addr),
}

/// One reply as the program hands it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Interface it is to leave by.
    pub ifindex: u32,
    /// Who sends it and who gets it.
    pub addresses: Addresses,
    /// The IP packet.
    pub packet: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads what stands in the map; `None` if that is no whole packet.
    pub fn parse(event: &'a [u8]) -> Option<Self> {
        let (record, frame) = event.split_at_checked(size_of::<Unresolved>())?;
        let record: Unresolved = bytemuck::pod_read_unaligned(record);
        let packet = frame.get(usize::try_from(record.ip).ok()?..)?;
        let (addresses, length) = if packet.first()? >> 4 == 6 {
            let addresses = Addresses::V6(
                Ipv6Addr::from(bytes::<16>(packet, 8)?),
                Ipv6Addr::from(bytes::<16>(packet, 24)?),
            );
            // Without the header (RFC 8200 3).
            (addresses, 40 + usize::from(length(packet, 4)?))
        } else {
            let addresses = Addresses::V4(
                Ipv4Addr::from(bytes::<4>(packet, 12)?),
                Ipv4Addr::from(bytes::<4>(packet, 16)?),
            );
            (addresses, usize::from(length(packet, 2)?))
        };
        Some(Self {
            ifindex: record.ifindex,
            addresses,
            // The frame may be padded, and so is what stands in the map.
            packet: packet.get(..length)?,
        })
    }

    /// Who gets it.
    pub const fn client(&self) -> IpAddr {
        match self.addresses {
            Addresses::V4(_, client) => IpAddr::V4(client),
            Addresses::V6(_, client) => IpAddr::V6(client),
        }
    }
}

fn bytes<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..at + N)?.try_into().ok()
}

/// A field of two bytes.
fn length(packet: &[u8], at: usize) -> Option<u16> {
    bytes(packet, at).map(u16::from_be_bytes)
}

/// Sends the packet as it is, by the way that the program has asked the kernel for.
fn send(sockets: &Sockets, reply: &Reply<'_>) -> nix::Result<()> {
    let bytes = [IoSlice::new(reply.packet)];
    let flags = MsgFlags::MSG_DONTWAIT;
    match reply.addresses {
        Addresses::V4(service, client) => {
            let way = in_pktinfo {
                ipi_ifindex: i32::try_from(reply.ifindex).unwrap_or(0),
                ipi_spec_dst: in_addr {
                    s_addr: u32::from_ne_bytes(service.octets()),
                },
                ipi_addr: in_addr { s_addr: 0 },
            };
            let way = [ControlMessage::Ipv4PacketInfo(&way)];
            let client = SockaddrIn::from(SocketAddrV4::new(client, 0));
            sendmsg(sockets.ipv4.as_raw_fd(), &bytes, &way, flags, Some(&client))?;
        }
        Addresses::V6(_, client) => {
            let socket = sockets.ipv6.as_ref().ok_or(nix::Error::EAFNOSUPPORT)?;
            // The kernel would not take the service's address, which need be none of this host.
            let way = in6_pktinfo {
                ipi6_ifindex: reply.ifindex,
                ipi6_addr: in6_addr { s6_addr: [0; 16] },
            };
            let way = [ControlMessage::Ipv6PacketInfo(&way)];
            let client = SockaddrIn6::from(SocketAddrV6::new(client, 0, 0, 0));
            sendmsg(socket.as_raw_fd(), &bytes, &way, flags, Some(&client))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
