//! Network interfaces. Read only: the agent changes no link here.

use lb_common::vlan::CUSTOMER;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use nix::errno::Errno;
use nix::libc::{
    AF_UNSPEC, ARPHRD_ETHER, ARPHRD_LOOPBACK, IFF_RUNNING, IFF_UP, IFLA_ADDRESS, IFLA_IFALIAS,
    IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINK_NETNSID, IFLA_LINKINFO,
    IFLA_MASTER, IFLA_MTU, IFNAMSIZ,
};
use serde::Serialize;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};
use super::virtual_link::{IFLA_IPVLAN_FLAGS, IpvlanFlags};

/// `IFLA_VLAN_ID` of `include/uapi/linux/if_link.h`.
const IFLA_VLAN_ID: u16 = 1;

/// `IFLA_VLAN_PROTOCOL` of the same: the `EtherType` of the tag, network byte order.
const IFLA_VLAN_PROTOCOL: u16 = 5;

/// `IFLA_VRF_TABLE` of the same.
const IFLA_VRF_TABLE: u16 = 1;

/// `IFLA_XDP` of the same.
const IFLA_XDP: u16 = 43;

/// `IFLA_XDP_ATTACHED` of the same: `XDP_ATTACHED_*`, one byte.
const IFLA_XDP_ATTACHED: u16 = 2;

/// `IFLA_XDP_PROG_ID` of the same, and those of the driver, of generic mode and of the card, which
/// stand there when there are several: four bytes each.
const IFLA_XDP_PROG_IDS: [u16; 4] = [4, 5, 6, 7];

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The interface's index, unique in its namespace, from 1.
    pub index: u32,
    /// The name.
    pub name: String,
    /// The Ethernet address; all zero where the medium has none.
    pub mac: [u8; 6],
    /// Administratively up and with a carrier (`IFF_UP` and `IFF_RUNNING`).
    pub up: bool,
    /// The MTU, bytes.
    pub mtu: u32,
    /// What kind of interface it is.
    pub kind: LinkKind,
    /// Index of the bond, bridge or VRF that this is a port of.
    pub master: Option<u32>,
    /// What somebody has written on it (`ip link set … alias …`).
    pub alias: Option<String>,
}

impl Link {
    /// Whether it is as `other`, whatever is written on them: nobody's packets depend on that.
    pub fn is_as(&self, other: &Self) -> bool {
        let Self {
            index,
            name,
            mac,
            up,
            mtu,
            kind,
            master,
            alias: _,
        } = other;
        (self.index, self.mac, self.up, self.mtu) == (*index, *mac, *up, *mtu)
            && (&self.name, &self.kind, &self.master) == (name, kind, master)
    }
}

/// What kind of interface a link is (`IFLA_INFO_KIND`).
///
/// A parent of 0 lives in another namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum LinkKind {
    /// A network card, or what looks like one.
    Ethernet,
    /// `lo`.
    Loopback,
    /// A VLAN of another interface.
    Vlan {
        /// Index of the interface that carries the tagged packets.
        parent: u32,
        /// The VLAN id, 0–4094.
        id: u16,
        /// `EtherType` of the tag: of 802.1Q or of 802.1ad.
        ether_type: u16,
    },
    /// A bond.
    Bond,
    /// A bridge.
    Bridge,
    /// A further Ethernet address of another interface.
    Macvlan {
        /// Index of the interface that carries the packets.
        parent: u32,
    },
    /// A further interface of the same Ethernet address.
    Ipvlan {
        /// Index of the interface that carries the packets.
        parent: u32,
        /// Whom it hears.
        flags: IpvlanFlags,
    },
    /// One end of a virtual cable.
    Veth,
    /// What stands for a routing table of its own (Documentation/networking/vrf.rst).
    Vrf {
        /// The table.
        table: u32,
    },
    /// The kernel's name of another kind, or `arphrd N` for a medium that is not Ethernet.
    Other(String),
}

/// How XDP programs are attached to an interface (`IFLA_XDP_ATTACHED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum XdpAttached {
    /// There is none.
    None,
    /// In the driver: native mode.
    Driver,
    /// In the network stack: generic mode.
    Generic,
    /// In the card.
    Hardware,
    /// In several of these ways at a time.
    Several,
}

/// Every interface of the namespace.
pub fn list(connection: &mut Connection) -> Result<Vec<Link>, NetlinkError> {
    let request = RouteNetlinkMessage::GetLink(request());
    connection.dump(&request, &"list the interfaces", |_, payload| {
        decode(payload)
    })
}

/// The interface of this name; `None` if there is none.
pub fn by_name(connection: &mut Connection, name: &str) -> Result<Option<Link>, NetlinkError> {
    // No interface has such a name; the kernel would complain about the attribute, or read it up
    // to the zero.
    if name.is_empty() || name.len() >= IFNAMSIZ || name.contains('\0') {
        return Ok(None);
    }
    let mut request = request();
    request.attributes.push(LinkAttribute::IfName(name.into()));
    one(
        connection,
        request,
        &format_args!("look up interface {name}"),
        decode,
    )
}

/// The interface of this index; `None` if there is none.
pub fn by_index(connection: &mut Connection, index: u32) -> Result<Option<Link>, NetlinkError> {
    let mut request = request();
    request.header.index = index;
    one(
        connection,
        request,
        &format_args!("look up interface number {index}"),
        decode,
    )
}

/// The kernel's number of the XDP program on an interface, of several the driver's; `None` if there is
/// no program, or no such interface.
pub fn xdp_program(connection: &mut Connection, index: u32) -> Result<Option<u32>, NetlinkError> {
    let mut request = request();
    request.header.index = index;
    let what = format_args!("look up the XDP program of interface number {index}");
    let id = one(connection, request, &what, decode_xdp_program)?;
    Ok(id.filter(|id| *id != 0))
}

/// How XDP programs are attached to an interface now; `None` if there is no such interface.
pub fn xdp_attached(
    connection: &mut Connection,
    index: u32,
) -> Result<Option<XdpAttached>, NetlinkError> {
    let mut request = request();
    request.header.index = index;
    let what = format_args!("look up the XDP program of interface number {index}");
    one(connection, request, &what, decode_xdp)
}

fn one<T>(
    connection: &mut Connection,
    request: LinkMessage,
    what: &dyn std::fmt::Display,
    decode: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, NetlinkError> {
    let request = RouteNetlinkMessage::GetLink(request);
    match connection.query(request, what, |_, payload| decode(payload)) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A request that spares the kernel the counters, half of every answer.
fn request() -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message
}

/// `struct ifinfomsg` and its attributes; `None` for what a bridge says about its ports
/// (`AF_BRIDGE`), wireless events and other messages that do not describe a whole interface.
///
/// ```text
///  family (1) pad (1) type (2) index (4) flags (4) change (4)
/// ```
pub(super) fn decode(payload: &[u8]) -> Option<Link> {
    let (header, rest) = payload.split_at_checked(16)?;
    if i32::from(*header.first()?) != AF_UNSPEC {
        return None;
    }
    let medium = attribute::u16(header.get(2..)?)?;
    let index = attribute::u32(header.get(4..)?)?;
    let flags = attribute::u32(header.get(8..)?)?;
    let found = Found::read(rest);
    let both = (IFF_UP | IFF_RUNNING).cast_unsigned();
    Some(Link {
        index,
        kind: found.kind(medium),
        name: found.name?,
        mac: found.mac,
        up: flags & both == both,
        mtu: found.mtu,
        master: found.master,
        alias: found.alias,
    })
}

/// `IFLA_XDP` of a link: the number of its program. 0: there is none.
fn decode_xdp_program(payload: &[u8]) -> Option<u32> {
    let (header, rest) = payload.split_at_checked(16)?;
    if i32::from(*header.first()?) != AF_UNSPEC {
        return None;
    }
    let xdp = attributes(rest).find(|(kind, _)| *kind == IFLA_XDP);
    let id = xdp.and_then(|(_, nested)| {
        IFLA_XDP_PROG_IDS.into_iter().find_map(|wanted| {
            let (_, value) = attributes(nested).find(|(kind, _)| *kind == wanted)?;
            Some(u32::from_ne_bytes(value.try_into().ok()?))
        })
    });
    Some(id.unwrap_or(0))
}

/// `IFLA_XDP` of a link: how its program is attached.
fn decode_xdp(payload: &[u8]) -> Option<XdpAttached> {
    let (header, rest) = payload.split_at_checked(16)?;
    if i32::from(*header.first()?) != AF_UNSPEC {
        return None;
    }
    let xdp = attributes(rest).find(|(kind, _)| *kind == IFLA_XDP);
    let how = xdp.and_then(|(_, nested)| {
        let mut nested = attributes(nested);
        nested
            .find(|(kind, _)| *kind == IFLA_XDP_ATTACHED)?
            .1
            .first()
    });
    Some(match how {
        None | Some(0) => XdpAttached::None,
        Some(1) => XdpAttached::Driver,
        Some(2) => XdpAttached::Generic,
        Some(3) => XdpAttached::Hardware,
        Some(_) => XdpAttached::Several,
    })
}

/// The attributes that matter, as they come.
#[derive(Default)]
struct Found<'a> {
    name: Option<String>,
    mac: [u8; 6],
    mtu: u32,
    master: Option<u32>,
    alias: Option<String>,
    parent: u32,
    parent_elsewhere: bool,
    info_kind: Option<String>,
    info_data: &'a [u8],
}

impl<'a> Found<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut found = Self::default();
        for (kind, value) in attributes(bytes) {
            match kind {
                IFLA_IFALIAS => found.alias = Some(attribute::string(value)),
                IFLA_IFNAME => found.name = Some(attribute::string(value)),
                IFLA_ADDRESS => found.mac = attribute::mac(value).unwrap_or_default(),
                IFLA_MTU => found.mtu = attribute::u32(value).unwrap_or_default(),
                IFLA_MASTER => found.master = attribute::u32(value),
                IFLA_LINK => found.parent = attribute::u32(value).unwrap_or_default(),
                IFLA_LINK_NETNSID => found.parent_elsewhere = true,
                IFLA_LINKINFO => found.read_info(value),
                _ => {}
            }
        }
        found
    }

    fn read_info(&mut self, bytes: &'a [u8]) {
        for (kind, value) in attributes(bytes) {
            match kind {
                IFLA_INFO_KIND => self.info_kind = Some(attribute::string(value)),
                IFLA_INFO_DATA => self.info_data = value,
                _ => {}
            }
        }
    }

    /// `medium` is an `ARPHRD_*`.
    fn kind(&self, medium: u16) -> LinkKind {
        let parent = if self.parent_elsewhere {
            0
        } else {
            self.parent
        };
        match self.info_kind.as_deref() {
            Some("vlan") => LinkKind::Vlan {
                parent,
                id: self.vlan_id(),
                ether_type: self.vlan_ether_type(),
            },
            Some("bond") => LinkKind::Bond,
            Some("bridge") => LinkKind::Bridge,
            Some("macvlan") => LinkKind::Macvlan { parent },
            Some("ipvlan") => LinkKind::Ipvlan {
                parent,
                flags: IpvlanFlags::of_kernel(
                    self.info(IFLA_IPVLAN_FLAGS)
                        .and_then(attribute::u16)
                        .unwrap_or_default(),
                ),
            },
            Some("veth") => LinkKind::Veth,
            Some("vrf") => LinkKind::Vrf {
                table: self
                    .info(IFLA_VRF_TABLE)
                    .and_then(attribute::u32)
                    .unwrap_or_default(),
            },
            Some(other) => LinkKind::Other(other.into()),
            None if medium == ARPHRD_LOOPBACK => LinkKind::Loopback,
            None if medium == ARPHRD_ETHER => LinkKind::Ethernet,
            None => LinkKind::Other(format!("arphrd {medium}")),
        }
    }

    fn vlan_id(&self) -> u16 {
        let id = self.info(IFLA_VLAN_ID).and_then(attribute::u16);
        id.unwrap_or_default()
    }

    /// Kernels before 3.10 have one kind of tag and do not say which.
    fn vlan_ether_type(&self) -> u16 {
        let value = self.info(IFLA_VLAN_PROTOCOL);
        let bytes = value.and_then(|it| it.first_chunk());
        bytes.map_or(CUSTOMER, |it| u16::from_be_bytes(*it))
    }

    /// A property of its kind.
    fn info(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut info = attributes(self.info_data);
        info.find_map(|(kind, value)| (kind == wanted).then_some(value))
    }
}

#[cfg(test)]
mod tests;
