//! The sockets of VRRP: one raw IPv4 socket for each interface, one packet socket for all frames.
//!
//! They only carry bytes. What is in the packets is [`crate::wire`]'s.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::ifaddrs::getifaddrs;
use nix::libc::MSG_DONTROUTE;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use crate::net::link::Link;
use crate::wire::vrrp::PROTOCOL;

/// `TC_PRIO_CONTROL` of `linux/pkt_sched.h`: adverts pass before the traffic they keep alive.
const TC_PRIO_CONTROL: u32 = 7;

/// Sends and receives adverts on one interface, of all its instances.
#[derive(Debug)]
pub struct AdvertSocket {
    socket: Socket,
}

impl AdvertSocket {
    /// Opens a socket bound to the interface and joins the groups there.
    pub fn open(link: &Link, groups: &[Ipv4Addr]) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(PROTOCOL));
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        // Unicast adverts are routed, but only ever by this interface (keepalived#1569).
        socket.bind_device(Some(link.name.as_bytes()))?;
        socket.set_header_included_v4(true)?;
        socket.set_priority(TC_PRIO_CONTROL)?;
        // Only the groups joined here, and not what we send ourselves.
        socket.set_multicast_all_v4(false)?;
        socket.set_multicast_loop_v4(false)?;
        for group in groups {
            socket.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(link.index))?;
        }
        Ok(Self { socket })
    }

    /// Sends a whole IP packet. Multicast never leaves the link, whatever the routes say.
    pub fn send(&self, destination: Ipv4Addr, packet: &[u8]) -> io::Result<()> {
        let address = SocketAddr::from((destination, 0)).into();
        let flags = if destination.is_multicast() {
            MSG_DONTROUTE
        } else {
            0
        };
        self.socket
            .send_to_with_flags(packet, &address, flags)
            .map(drop)
    }

    /// Receives one whole IP packet; `None`: there is none now. What does not fit into `buffer` is
    /// cut off.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match (&self.socket).read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for AdvertSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends whole Ethernet frames on any interface. Receives nothing: it has no protocol.
#[derive(Debug)]
pub struct FrameSocket {
    socket: OwnedFd,
}

impl FrameSocket {
    /// Opens the socket.
    pub fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        Ok(Self { socket })
    }

    /// Sends one frame from the interface of this address.
    pub fn send(&self, interface: &LinkAddr, frame: &[u8]) -> io::Result<()> {
        let flags = MsgFlags::empty();
        sendto(self.socket.as_raw_fd(), frame, interface, flags)
            .map(drop)
            .map_err(Into::into)
    }
}

/// The `sockaddr_ll` of an interface; `None` if there is no such interface.
pub fn link_address(index: u32) -> io::Result<Option<LinkAddr>> {
    let index = usize::try_from(index).map_err(io::Error::other)?;
    let addresses = getifaddrs()?.filter_map(|interface| interface.address);
    Ok(addresses
        .filter_map(|address| address.as_link_addr().copied())
        .find(|address| address.ifindex() == index))
}
