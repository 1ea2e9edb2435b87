//! How a packet gets to the server past this host's own routing of the virtual address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, MsgFlags, sendto};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::time::interval;

use crate::health::probe::{NotProbed, ProbeResult, connect};
use crate::health::spec::{LvsMethod, Target, ViaTunnel};
use crate::net::neighbour;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::route::{self, Route};
use crate::vrrp::socket::link_address;
use crate::wire::{arp, ipv4};

/// How often a neighbour that was asked for is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// `IPPROTO_RAW` of `netinet/in.h`: whole packets are sent, nothing is received.
const RAW: i32 = 255;

/// IP protocol number of IPv4 in IPv4 (RFC 2003).
const IPIP: u8 = 4;

/// The way to one server.
pub(super) struct Way {
    /// The address that the server answers.
    pub(super) source: Ipv4Addr,
    /// The server, where it is on the link and its MAC address is known.
    pub(super) on_link: Option<OnLink>,
    by: By,
}

enum By {
    /// In a frame of its own, as in DR.
    Frame(OnLink),
    /// In a packet to the server, as in TUN.
    Tunnel { socket: Socket, server: Ipv4Addr },
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
    /// Finds it; as long as the server does not answer ARP, this goes on.
    pub(super) async fn find(target: &Target, via: &ViaTunnel) -> Result<Self, ProbeResult> {
        let IpAddr::V4(server) = target.connect_ip else {
            return Err(no_way("the server has no IPv4 address"));
        };
        let mut netlink = Connection::open().map_err(|error| asked(&error))?;
        let route = route(&mut netlink, target, server)?;
        let source = source(target, &route, *via.virtual_address.ip())?;
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
                    on_link: Some(on_link),
                    by: By::Frame(on_link),
                })
            }
            LvsMethod::Tun => {
                let socket = tunnel(target)?;
                // Not known before the first packet: then the next probe asks.
                let mac = match route.gateway {
                    Some(_) => None,
                    None => mac(&mut netlink, index, server)?,
                };
                let on_link = mac.map(|mac| OnLink::new(index, mac, target.fwmark));
                Ok(Self {
                    source,
                    on_link: on_link.transpose()?,
                    by: By::Tunnel { socket, server },
                })
            }
        }
    }

    /// Sends a packet of the client's.
    pub(super) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match &self.by {
            By::Frame(host) => host.send(0x0800, packet),
            By::Tunnel { socket, server } => {
                let outer = ipv4::Repr {
                    identification: 0,
                    ttl: 64,
                    protocol: IPIP,
                    source: self.source,
                    destination: *server,
                    // At most 44.
                    payload_len: u16::try_from(packet.len()).unwrap_or_default(),
                };
                let mut bytes = outer.to_bytes_of_client().to_vec();
                bytes.extend_from_slice(packet);
                let to = SocketAddr::from((*server, 0));
                socket.send_to(&bytes, &to.into()).map(drop)
            }
        }
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

    /// Asks this host alone whether it has `address`.
    pub(super) fn ask_for(&self, source: Ipv4Addr, address: Ipv4Addr) -> io::Result<()> {
        let frame = arp::request_to(self.mac, self.own, source, address);
        self.send_frame(&frame)
    }

    fn send(&self, ethertype: u16, packet: &[u8]) -> io::Result<()> {
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
fn route(
    netlink: &mut Connection,
    target: &Target,
    server: Ipv4Addr,
) -> Result<Route, ProbeResult> {
    let mut route = route::get(netlink, server.into()).map_err(|error| asked(&error))?;
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

fn source(
    target: &Target,
    route: &Route,
    virtual_address: Ipv4Addr,
) -> Result<Ipv4Addr, ProbeResult> {
    let source = target.bindto.or(route.source);
    match source {
        Some(IpAddr::V4(source)) if source == virtual_address => Err(no_way(
            "this host would ask from the virtual address itself; set `bindto` to another one",
        )),
        Some(IpAddr::V4(source)) => Ok(source),
        Some(IpAddr::V6(_)) | None => Err(no_way("this host has no IPv4 address there")),
    }
}

fn tunnel(target: &Target) -> Result<Socket, ProbeResult> {
    let not_probed = |error: io::Error| ProbeResult::NotProbed(connect::no_socket(&error));
    let kind = Type::RAW.nonblocking().cloexec();
    let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::from(RAW)));
    let socket = socket.map_err(not_probed)?;
    socket.set_header_included_v4(true).map_err(not_probed)?;
    connect::prepare(target, &SockRef::from(&socket)).map_err(ProbeResult::NotProbed)?;
    Ok(socket)
}

/// Its MAC address, once it answers ARP.
async fn resolved(
    netlink: &mut Connection,
    index: u32,
    server: Ipv4Addr,
) -> Result<[u8; 6], ProbeResult> {
    let mut asks = false;
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        if let Some(mac) = mac(netlink, index, server)? {
            return Ok(mac);
        }
        if !std::mem::replace(&mut asks, true) {
            let asked_for = neighbour::probe(netlink, index, server.into());
            asked_for.map_err(|error| asked(&error))?;
        }
    }
}

fn mac(
    netlink: &mut Connection,
    index: u32,
    server: Ipv4Addr,
) -> Result<Option<[u8; 6]>, ProbeResult> {
    let found = neighbour::get(netlink, index, server.into());
    let found = found.map_err(|error| asked(&error))?;
    Ok(found.and_then(|neighbour| neighbour.usable_mac()))
}

fn asked(error: &NetlinkError) -> ProbeResult {
    no_way(&error.to_string())
}

fn no_way(why: &str) -> ProbeResult {
    ProbeResult::NotProbed(NotProbed::NoWay(why.to_owned()))
}
