//! The sockets of VRRP: a raw one for each interface, family and protocol, one packet socket for
//! all frames that are sent, two where answers to our questions are heard.
//!
//! They only carry bytes. What is in the packets is [`crate::wire`]'s.

use std::io::{self, IoSliceMut, Read as _};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::libc::{ETH_P_ARP, ETH_P_IPV6, MSG_DONTROUTE, in6_pktinfo};
use nix::sys::socket::sockopt::Ipv6RecvPacketInfo;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrIn6,
    recvfrom, recvmsg, sendto, setsockopt, socket,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockFilter, Socket, Type};

use super::effects::Channel;
use super::settings::Family;
use crate::net::link::Link;
use crate::wire::ipv6;
use crate::wire::vrrp::{PROTOCOL, PROTOCOL_AH};

/// `TC_PRIO_CONTROL` of `linux/pkt_sched.h`: adverts pass before the traffic they keep alive.
const TC_PRIO_CONTROL: u32 = 7;

/// Sends and receives adverts on one interface, of all its instances of one family.
#[derive(Debug)]
pub struct AdvertSocket {
    socket: Socket,
    family: Family,
    /// Room for what the kernel tells beside a packet (IPv6).
    beside: Vec<u8>,
    index: u32,
}

/// IP protocol number of what a channel carries.
pub const fn protocol(channel: Channel) -> u8 {
    if channel.ah { PROTOCOL_AH } else { PROTOCOL }
}

impl AdvertSocket {
    /// Opens a socket bound to the interface and joins the groups there.
    pub fn open(link: &Link, channel: Channel, groups: &[IpAddr]) -> io::Result<Self> {
        let number = Protocol::from(i32::from(protocol(channel)));
        let domain = match channel.family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, Type::RAW, Some(number))?;
        socket.set_nonblocking(true)?;
        // Unicast adverts are routed, but only ever by this interface (keepalived#1569).
        socket.bind_device(Some(link.name.as_bytes()))?;
        socket.set_priority(TC_PRIO_CONTROL)?;
        // Only the groups joined here, and not what we send ourselves.
        match channel.family {
            Family::V4 => {
                socket.set_header_included_v4(true)?;
                socket.set_multicast_all_v4(false)?;
                socket.set_multicast_loop_v4(false)?;
            }
            Family::V6 => {
                socket.set_header_included_v6(true)?;
                socket.set_multicast_all_v6(false)?;
                socket.set_multicast_loop_v6(false)?;
                // A raw IPv6 socket delivers no header: this is what stands in it.
                socket.set_recv_hoplimit_v6(true)?;
                setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
            }
        }
        for group in groups {
            match group {
                IpAddr::V4(group) => {
                    let interface = InterfaceIndexOrAddress::Index(link.index);
                    socket.join_multicast_v4_n(group, &interface)?;
                }
                IpAddr::V6(group) => socket.join_multicast_v6(group, link.index)?,
            }
        }
        Ok(Self {
            socket,
            family: channel.family,
            beside: nix::cmsg_space!(in6_pktinfo, i32),
            index: link.index,
        })
    }

    /// So many bytes may wait to be received; the kernel keeps to its own limit
    /// (`net.core.rmem_max`).
    pub fn set_receive_buffer(&self, bytes: u32) -> io::Result<()> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.socket.set_recv_buffer_size(bytes)
    }

    /// Sends a whole IP packet. Multicast never leaves the link, whatever the routes say.
    pub fn send(&self, destination: IpAddr, packet: &[u8]) -> io::Result<()> {
        let address = match destination {
            IpAddr::V4(address) => SocketAddr::from((address, 0)),
            IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, self.index).into(),
        };
        let flags = if destination.is_multicast() {
            MSG_DONTROUTE
        } else {
            0
        };
        self.socket
            .send_to_with_flags(packet, &address.into(), flags)
            .map(drop)
    }

    /// Receives one whole IP packet; `None`: there is none now. What does not fit into `buffer` is
    /// cut off.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let received = match self.family {
            Family::V4 => (&self.socket).read(buffer),
            Family::V6 => self.receive_v6(buffer),
        };
        match received {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the header in front again that the kernel took off.
    fn receive_v6(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let short = || io::Error::from(io::ErrorKind::InvalidInput);
        let (header, payload) = buffer
            .split_first_chunk_mut::<{ ipv6::HEADER_LEN }>()
            .ok_or_else(short)?;
        let mut pieces = [IoSliceMut::new(payload)];
        let message = recvmsg::<SockaddrIn6>(
            self.socket.as_raw_fd(),
            &mut pieces,
            Some(&mut self.beside),
            MsgFlags::empty(),
        )?;
        let source = message.address.map(|address| address.ip());
        let (mut hop_limit, mut destination) = (0, None);
        for beside in message.cmsgs()? {
            match beside {
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    destination = Some(info.ipi6_addr.s6_addr.into());
                }
                ControlMessageOwned::Ipv6HopLimit(hops) => {
                    hop_limit = u8::try_from(hops).unwrap_or(0);
                }
                _ => {}
            }
        }
        let (source, destination) = source.zip(destination).ok_or_else(short)?;
        *header = ipv6::Repr {
            traffic_class: 0,
            hop_limit,
            next_header: PROTOCOL,
            source,
            destination,
            payload_len: u16::try_from(message.bytes).unwrap_or(u16::MAX),
        }
        .to_bytes();
        Ok(ipv6::HEADER_LEN + message.bytes)
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

/// Which answers are listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// ARP replies.
    Arp,
    /// Neighbour advertisements.
    Ndisc,
}

/// Hears the answers of all interfaces. The kernel answers for us; this only listens.
#[derive(Debug)]
pub struct AnswerSocket {
    socket: Socket,
}

impl AnswerSocket {
    /// Opens the socket. The filter keeps everything but answers away.
    pub fn open(answers: Answers) -> io::Result<Self> {
        // BPF_LD | BPF_H or BPF_B | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
        const LOAD_HALF: u16 = 0x28;
        const LOAD_BYTE: u16 = 0x30;
        const IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        // The operation of ARP; the next header of IPv6, the type of ICMPv6.
        const ARP: &[SockFilter] = &[
            SockFilter::new(LOAD_HALF, 0, 0, 20),
            SockFilter::new(IF_EQUAL, 0, 1, 2),
            SockFilter::new(RETURN, 0, 0, 128),
            SockFilter::new(RETURN, 0, 0, 0),
        ];
        const NDISC: &[SockFilter] = &[
            SockFilter::new(LOAD_BYTE, 0, 0, 20),
            SockFilter::new(IF_EQUAL, 0, 3, 58),
            SockFilter::new(LOAD_BYTE, 0, 0, 54),
            SockFilter::new(IF_EQUAL, 0, 1, 136),
            SockFilter::new(RETURN, 0, 0, 128),
            SockFilter::new(RETURN, 0, 0, 0),
        ];
        let (ethertype, filter) = match answers {
            Answers::Arp => (ETH_P_ARP, ARP),
            Answers::Ndisc => (ETH_P_IPV6, NDISC),
        };
        let ethertype = u16::try_from(ethertype).unwrap_or_default().to_be();
        let protocol = Protocol::from(i32::from(ethertype));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(filter)?;
        Ok(Self { socket })
    }

    /// Receives the beginning of one frame, and the index of its interface; `None`: there is none
    /// now.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(u32, usize)>> {
        match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
            Ok((length, from)) => {
                let index = from.and_then(|from| u32::try_from(from.ifindex()).ok());
                Ok(Some((index.unwrap_or(0), length)))
            }
            Err(Errno::EAGAIN) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for AnswerSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
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
