//! Sockets of BFD (RFC 5881 sections 4 and 5).

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::super::Settings;
use crate::wire::bfd::{FIRST_SOURCE_PORT, PORT, PORT_MULTIHOP};
use crate::wire::ipv4::TOS_INTERNETWORK_CONTROL;

/// Longer than any Control packet.
const BUFFER: usize = 256;

/// The port that packets of a session come to.
pub(super) const fn port(settings: &Settings) -> u16 {
    if settings.multihop {
        PORT_MULTIHOP
    } else {
        PORT
    }
}

/// Any number: the standard library's hasher starts from the system's randomness.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Hears all neighbours of one family.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: UdpSocket,
    address: SocketAddr,
}

/// A packet.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) from: IpAddr,
    pub(super) to: Option<IpAddr>,
    pub(super) ttl: Option<u8>,
}

impl Receiver {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = udp(address.ip())?;
        match address.ip() {
            IpAddr::V4(_) => {
                setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            }
            IpAddr::V6(_) => {
                socket.set_only_v6(true)?;
                setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
        }
        socket.bind(&address.into())?;
        Ok(Self {
            socket: socket.into(),
            address,
        })
    }

    pub(super) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Where packets come.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next packet; `None`: nothing for now.
    pub(super) fn receive(&self) -> io::Result<Option<Received>> {
        let mut bytes = vec![0; BUFFER];
        let mut space = cmsg_space!(in_pktinfo, in6_pktinfo, i32, i32);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
        let message = match recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut space), flags) {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let Some(from) = message.address.as_ref().and_then(address) else {
            return Ok(None);
        };
        let (mut to, mut ttl) = (None, None);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    to = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                ControlMessageOwned::Ipv4Ttl(value) | ControlMessageOwned::Ipv6HopLimit(value) => {
                    ttl = u8::try_from(value).ok();
                }
                // Another crate's enum; we have asked for nothing else.
                _ => {}
            }
        }
        let length = message.bytes;
        bytes.truncate(length);
        Ok(Some(Received {
            bytes,
            from,
            to,
            ttl,
        }))
    }
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(v4.ip().into());
    }
    Some(storage.as_sockaddr_in6()?.ip().into())
}

/// Speaks to one neighbour.
#[derive(Debug)]
pub(super) struct Sender(UdpSocket);

impl Sender {
    pub(super) fn open(settings: &Settings, random: u64) -> io::Result<Self> {
        let socket = udp(settings.neighbor)?;
        let ttl = i32::from(settings.ttl);
        match settings.neighbor {
            IpAddr::V4(_) => {
                setsockopt(&socket, sockopt::Ipv4Ttl, &ttl)?;
                socket.set_tos_v4(TOS_INTERNETWORK_CONTROL.into())?;
            }
            IpAddr::V6(_) => {
                setsockopt(&socket, sockopt::Ipv6Ttl, &ttl)?;
                socket.set_tclass_v6(TOS_INTERNETWORK_CONTROL.into())?;
            }
        }
        bind(&socket, settings, random)?;
        socket.connect(&SocketAddr::new(settings.neighbor, port(settings)).into())?;
        Ok(Self(socket.into()))
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.0.send(bytes) {
            // The neighbour's answer to the packet before: there is nobody yet.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.0.send(bytes).map(drop)
            }
            result => result.map(drop),
        }
    }
}

/// To a port of the range that RFC 5881 section 4 asks for, and that no other session has.
fn bind(socket: &Socket, settings: &Settings, random: u64) -> io::Result<()> {
    let source = settings.source.unwrap_or_else(|| match settings.neighbor {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    });
    let ports = u64::from(u16::MAX - FIRST_SOURCE_PORT) + 1;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for attempt in 0..64 {
        let offset = u16::try_from(random.wrapping_add(attempt) % ports).unwrap_or_default();
        let address = SocketAddr::new(source, FIRST_SOURCE_PORT.saturating_add(offset));
        match socket.bind(&address.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            result => return result,
        }
    }
    Err(last)
}

fn udp(family: IpAddr) -> io::Result<Socket> {
    let domain = match family {
        IpAddr::V4(_) => Domain::IPV4,
        IpAddr::V6(_) => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
