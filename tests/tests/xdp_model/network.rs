//! The director's surroundings: what `bpf_fib_lookup` needs to know the way back to clients.
//!
//! ```text
//!                       ┌──────────┐
//!  192.0.2.0/24 ──front─┤ director ├─back── 10.0.0.0/24, the servers
//!  203.0.113.0/24 and   └────┬─────┘
//!  172.16.0.0/12 behind      │
//!  192.0.2.254             aside── 10.9.0.0/24, not in EGRESS
//! ```
//!
//! All of it has an image in IPv6 ([`crate::six`]), address by address and prefix by prefix, with the same
//! neighbours.
//!
//! Nothing is ever sent: the program runs under `BPF_PROG_TEST_RUN`.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use lb_tests::Namespace;

use crate::six::image;

/// The gateway to the clients that are not on the link.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);

/// MTU of the interfaces.
const MTU: u16 = 1500;

/// MTU of the route to 203.0.113.128/25.
const NARROW: u16 = 600;
/// The same of its image: less no link of IPv6 may have.
const NARROW6: u16 = 1280;

/// Clients that a way leads back to, the colliding ones of [`crate::world`] apart.
pub(crate) const REACHABLE: [[u8; 4]; 8] = [
    [192, 0, 2, 10],
    [192, 0, 2, 11],
    [192, 0, 2, 12],
    [203, 0, 113, 7],
    [203, 0, 113, 8],
    [203, 0, 113, 200],
    [10, 0, 0, 50],
    [10, 9, 0, 5],
];

/// Clients without a way back: on the link, but silent; and without a route.
pub(crate) const UNREACHABLE: [[u8; 4]; 2] = [[192, 0, 2, 99], [100, 64, 0, 1]];

/// One interface of the director.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) mac: [u8; 6],
}

/// Where a reply goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WayBack {
    pub(crate) ifindex: u32,
    pub(crate) src_mac: [u8; 6],
    /// `None`: the next hop does not say.
    pub(crate) dst_mac: Option<[u8; 6]>,
}

/// Why a reply goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWay {
    /// No route.
    NoRoute,
    /// It does not fit the path.
    TooNarrow,
}

/// The director and the other ends of its cables.
pub(crate) struct Network {
    pub(crate) director: Namespace,
    pub(crate) front: Interface,
    pub(crate) back: Interface,
    pub(crate) aside: Interface,
    /// The other ends.
    pub(crate) wire: Namespace,
}

impl Network {
    pub(crate) fn new() -> Result<Self> {
        let (director, wire) = (Namespace::new("director")?, Namespace::new("wire")?);
        wire.sysctl("ipv6.conf.default.disable_ipv6", "1")?;
        for (name, value) in [("accept_dad", "0"), ("accept_ra", "0"), ("forwarding", "1")] {
            director.sysctl(&format!("ipv6.conf.default.{name}"), value)?;
        }
        director.sysctl("ipv4.ip_forward", "1")?;
        director.sysctl("ipv6.conf.all.forwarding", "1")?;
        let front = plug(&director, &wire, "front", 1, [192, 0, 2, 1])?;
        let back = plug(&director, &wire, "back", 2, [10, 0, 0, 1])?;
        let aside = plug(&director, &wire, "aside", 3, [10, 9, 0, 1])?;
        for (network, prefix, narrow) in [
            ([203, 0, 113, 0], 25, None),
            ([203, 0, 113, 128], 25, Some((NARROW, NARROW6))),
            ([172, 16, 0, 0], 12, None),
        ] {
            let lock = |mtu| format!("mtu lock {mtu}");
            let (ours, theirs) = narrow.map_or_else(Default::default, |(ours, theirs)| {
                (lock(ours), lock(theirs))
            });
            let network = Ipv4Addr::from(network);
            director.ip(&format!(
                "route add {network}/{prefix} via {GATEWAY} {ours}"
            ))?;
            let (network, prefix) = (image(network), 32 + prefix);
            let gateway = image(GATEWAY);
            director.ip(&format!(
                "route add {network}/{prefix} via {gateway} {theirs}"
            ))?;
        }
        for (address, interface) in [
            (GATEWAY.octets(), "front"),
            (REACHABLE[0], "front"),
            (REACHABLE[1], "front"),
            (REACHABLE[2], "front"),
            (REACHABLE[6], "back"),
            (REACHABLE[7], "aside"),
        ] {
            let mac = neighbour(address)
                .map(|byte| format!("{byte:02x}"))
                .join(":");
            let address = Ipv4Addr::from(address);
            for address in [address.into(), IpAddr::from(image(address))] {
                director.ip(&format!(
                    "neighbour add {address} lladdr {mac} dev {interface} nud permanent"
                ))?;
            }
        }
        Ok(Self {
            director,
            front,
            back,
            aside,
            wire,
        })
    }

    /// The interfaces that packets may be redirected to.
    pub(crate) const fn egress(&self) -> [u32; 2] {
        [self.front.index, self.back.index]
    }

    /// The way to `client` for a packet of `length` bytes, by the tables above.
    pub(crate) fn way_back(&self, client: Ipv4Addr, length: u16) -> Result<WayBack, NoWay> {
        let (interface, hop, mtu) = match client.octets() {
            [192, 0, 2, 10..=12] => (self.front, Some(client), MTU),
            [192, 0, 2, _] => (self.front, None, MTU),
            [203, 0, 113, 0..=127] | [172, 16..=31, ..] => (self.front, Some(GATEWAY), MTU),
            [203, 0, 113, 128..=255] => (self.front, Some(GATEWAY), NARROW),
            [10, 0, 0, 50] => (self.back, Some(client), MTU),
            [10, 9, 0, 5] => (self.aside, Some(client), MTU),
            _ => return Err(NoWay::NoRoute),
        };
        if length > mtu {
            return Err(NoWay::TooNarrow);
        }
        Ok(WayBack {
            ifindex: interface.index,
            src_mac: interface.mac,
            dst_mac: hop.map(|hop| neighbour(hop.octets())),
        })
    }
}

/// The MAC address of a neighbour.
const fn neighbour([_, _, c, d]: [u8; 4]) -> [u8; 6] {
    [0x02, 0, 0, 0xbb, c, d]
}

fn plug(
    director: &Namespace,
    wire: &Namespace,
    name: &str,
    number: u8,
    address: [u8; 4],
) -> Result<Interface> {
    let mac = [0x02, 0, 0, 0xaa, 0, number];
    director.ip(&format!(
        "link add name {name} address 02:00:00:aa:00:{number:02x} type veth peer name {name} netns {}",
        wire.name()
    ))?;
    let address = Ipv4Addr::from(address);
    director.ip(&format!("address add {address}/24 dev {name}"))?;
    director.ip(&format!(
        "address add {}/56 dev {name} nodad",
        image(address)
    ))?;
    director.ip(&format!("link set dev {name} up"))?;
    wire.ip(&format!("link set dev {name} up"))?;
    let index = director.enter(|| {
        nix::net::if_::if_nametoindex(name).with_context(|| format!("{name} has no index"))
    })?;
    Ok(Interface { index, mac })
}
