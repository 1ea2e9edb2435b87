//! How a packet gets to the server past this host's own routing of the virtual address.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, MsgFlags, sendto};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::time::interval;

use super::outer::{Outer, is_ipv6};
use crate::health::probe::{NotProbed, ProbeResult, connect};
use crate::health::spec::{LvsMethod, Target, ViaTunnel};
use crate::net::neighbour;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::route::{self, Route};
use crate::vrrp::socket::link_address;
use crate::wire::{arp, ndisc};

/// How often a neighbour that was asked for is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// `IPPROTO_RAW` of `netinet/in.h`: whole packets are sent, nothing is received.
const RAW: i32 = 255;

/// What Ethernet says of its payload.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// The way to one server.
pub(super) struct Way {
    /// The address that the server answers, of the virtual address's family.
    pub(super) source: IpAddr,
    /// The interface that packets leave by.
    index: u32,
    /// The server, where it is on the link and its MAC address is known.
    pub(super) on_link: Option<OnLink>,
    by: By,
}

enum By {
    /// In a frame of its own, as in DR.
    Frame(OnLink),
    /// In a packet to the server, as in TUN.
    Tunnel { socket: Socket, outer: Outer },
}

/// A host on the link.
#[derive(Clone, Copy)]
pub(super) struct OnLink {
    interface: LinkAddr,
    own: [u8; 6],
    /// Its MAC address.
    pub(super) mac: [u8; 6],
    mark: u32,
}

impl Way {
    /// Finds it; as long as the server does not answer ARP or neighbour solicitations, this goes on.
    pub(super) async fn find(target: &Target, via: &ViaTunnel) -> Result<Self, ProbeResult> {
        let server = target.connect_ip;
        let mut netlink = Connection::open().map_err(|error| asked(&error))?;
        let route = route(&mut netlink, target, server)?;
        let source = source(target, &route, via.virtual_address.ip())?;
        let index = route.index;
        match via.lvs_method {
            LvsMethod::Dr => {
                if let Some(gateway) = route.gateway {
                    let why = format!(
                        "DR reaches servers on the link only, this one is behind {gateway}"
                    );
                    return Err(no_way(&why));
                }
                let mac = resolved(&mut netlink, index, server).await?;
                let on_link = OnLink::new(index, mac, target.fwmark)?;
                Ok(Self {
                    source,
                    index,
                    on_link: Some(on_link),
                    by: By::Frame(on_link),
                })
            }
            LvsMethod::Tun => {
                let outer = target.bindto.or(route.source);
                let outer = outer.and_then(|from| Outer::new(from, server));
                let outer = outer.ok_or_else(|| no_address(server))?;
                let socket = tunnel(target)?;
                // Not known before the first packet: then the next probe asks.
                let mac = match route.gateway {
                    Some(_) => None,
                    None => mac(&mut netlink, index, server)?,
                };
                let on_link = mac.map(|mac| OnLink::new(index, mac, target.fwmark));
                Ok(Self {
                    source,
                    index,
                    on_link: on_link.transpose()?,
                    by: By::Tunnel { socket, outer },
                })
            }
        }
    }

    /// [`Self::source`] with a port.
    pub(super) fn source_at(&self, port: u16) -> SocketAddr {
        on_interface(self.source, port, self.index)
    }

    /// Sends a packet of the client's.
    pub(super) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match &self.by {
            By::Frame(host) => host.send(packet),
            By::Tunnel { socket, outer } => {
                let to = on_interface(outer.server(), 0, self.index);
                socket.send_to(&outer.around(packet), &to.into()).map(drop)
            }
        }
    }
}

/// A link-local address means something with its interface only.
fn on_interface(address: IpAddr, port: u16, index: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, index).into()
        }
        address => SocketAddr::new(address, port),
    }
}

impl OnLink {
    fn new(index: u32, mac: [u8; 6], mark: u32) -> Result<Self, ProbeResult> {
        let found = link_address(index).map_err(|error| no_way(&error.to_string()))?;
        let interface = found.ok_or_else(|| no_way("its interface has gone"))?;
        let own = interface.addr();
        let own = own.ok_or_else(|| no_way("its interface is no Ethernet"))?;
        Ok(Self {
            interface,
            own,
            mac,
            mark,
        })
    }

    /// Asks this host alone whether it has `address`, which is of `source`'s family.
    pub(super) fn ask_for(&self, source: IpAddr, address: IpAddr) -> io::Result<()> {
        match (source, address) {
            (IpAddr::V4(source), IpAddr::V4(address)) => {
                self.send_frame(&arp::request_to(self.mac, self.own, source, address))
            }
            (IpAddr::V6(source), IpAddr::V6(address)) => {
                self.send_frame(&ndisc::solicitation_to(self.mac, self.own, source, address))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                Err(io::ErrorKind::InvalidInput.into())
            }
        }
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        let ethertype = if is_ipv6(packet) { IPV6 } else { IPV4 };
        let mut frame = Vec::with_capacity(packet.len().saturating_add(14));
        frame.extend_from_slice(&self.mac);
        frame.extend_from_slice(&self.own);
        frame.extend_from_slice(&ethertype.to_be_bytes());
        frame.extend_from_slice(packet);
        self.send_frame(&frame)
    }

    fn send_frame(&self, frame: &[u8]) -> io::Result<()> {
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new(Domain::PACKET, kind, None)?;
        if self.mark != 0 {
            socket.set_mark(self.mark)?;
        }
        let flags = MsgFlags::empty();
        sendto(socket.as_fd().as_raw_fd(), frame, &self.interface, flags)?;
        Ok(())
    }
}

/// The kernel's route, or the link of `bind_if`.
fn route(netlink: &mut Connection, target: &Target, server: IpAddr) -> Result<Route, ProbeResult> {
    let mut route = route::get(netlink, server).map_err(|error| asked(&error))?;
    if route.local {
        return Err(no_way("it is this host itself"));
    }
    if let Some(name) = &target.bind_if {
        let index = if_nametoindex(name.as_str()).map_err(|error| {
            ProbeResult::NotProbed(NotProbed::Interface {
                name: name.clone(),
                cause: error.desc().to_owned(),
            })
        })?;
        if index != route.index {
            route.index = index;
            route.gateway = None;
        }
    }
    Ok(route)
}

/// What is asked from, of the virtual address's family. Where the server is of another one, neither its route
/// nor `bindto` says it.
fn source(target: &Target, route: &Route, virtual_address: IpAddr) -> Result<IpAddr, ProbeResult> {
    let source = if target.connect_ip.is_ipv4() == virtual_address.is_ipv4() {
        target.bindto.or(route.source)
    } else {
        own_address(route.index, virtual_address)
    };
    match source {
        Some(source) if source == virtual_address => Err(no_way(
            "this host would ask from the virtual address itself; set `bindto` to another one",
        )),
        Some(source) if source.is_ipv4() == virtual_address.is_ipv4() => Ok(source),
        Some(_) | None => Err(no_address(virtual_address)),
    }
}

/// The first address of the interface that is of the family of `virtual_address`, and good beyond the link.
fn own_address(index: u32, virtual_address: IpAddr) -> Option<IpAddr> {
    let here = |name: &str| if_nametoindex(name).is_ok_and(|found| found == index);
    let addresses = getifaddrs().ok()?.filter(|it| here(&it.interface_name));
    let addresses = addresses.filter_map(|it| {
        let address = it.address?;
        let four = address.as_sockaddr_in().map(|it| IpAddr::from(it.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::from(it.ip())))
    });
    let mut of_use = addresses.filter(|address| match address {
        IpAddr::V4(_) => virtual_address.is_ipv4(),
        IpAddr::V6(address) => virtual_address.is_ipv6() && !address.is_unicast_link_local(),
    });
    of_use.find(|address| *address != virtual_address)
}

fn no_address(like: IpAddr) -> ProbeResult {
    let family = if like.is_ipv4() { "IPv4" } else { "IPv6" };
    no_way(&format!("this host has no {family} address there"))
}

/// Of the server's family. For IPv6 the protocol alone says that headers come with the packets (raw(7)).
fn tunnel(target: &Target) -> Result<Socket, ProbeResult> {
    let not_probed = |error: io::Error| ProbeResult::NotProbed(connect::no_socket(&error));
    let kind = Type::RAW.nonblocking().cloexec();
    let domain = Domain::for_address(SocketAddr::new(target.connect_ip, 0));
    let socket = Socket::new(domain, kind, Some(Protocol::from(RAW)));
    let socket = socket.map_err(not_probed)?;
    if target.connect_ip.is_ipv4() {
        socket.set_header_included_v4(true).map_err(not_probed)?;
    }
    connect::prepare(target, &SockRef::from(&socket)).map_err(ProbeResult::NotProbed)?;
    Ok(socket)
}

/// Its MAC address, once it answers ARP or neighbour solicitations.
async fn resolved(
    netlink: &mut Connection,
    index: u32,
    server: IpAddr,
) -> Result<[u8; 6], ProbeResult> {
    let mut asks = false;
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        if let Some(mac) = mac(netlink, index, server)? {
            return Ok(mac);
        }
        if !std::mem::replace(&mut asks, true) {
            let asked_for = neighbour::probe(netlink, index, server);
            asked_for.map_err(|error| asked(&error))?;
        }
    }
}

fn mac(
    netlink: &mut Connection,
    index: u32,
    server: IpAddr,
) -> Result<Option<[u8; 6]>, ProbeResult> {
    let found = neighbour::get(netlink, index, server);
    let found = found.map_err(|error| asked(&error))?;
    Ok(found.and_then(|neighbour| neighbour.usable_mac()))
}

fn asked(error: &NetlinkError) -> ProbeResult {
    no_way(&error.to_string())
}

fn no_way(why: &str) -> ProbeResult {
    ProbeResult::NotProbed(NotProbed::NoWay(why.to_owned()))
}
