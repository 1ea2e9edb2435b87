//! Interfaces on top of others: made, brought up, removed.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use nix::errno::Errno;
use nix::libc::{
    IFF_UP, IFLA_ADDRESS, IFLA_AF_SPEC, IFLA_GROUP, IFLA_IFALIAS, IFLA_IFNAME, IFLA_INFO_DATA,
    IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, RTM_DELLINK, RTM_NEWLINK, RTM_SETLINK,
};

use serde::Serialize;
use tracing::debug;

use super::netlink::{Connection, NetlinkError};
use super::request::Request;

/// What stands on every interface that an agent of this instance has brought up, for its next run: after a
/// kill it is known by that, whatever its Ethernet address and the interface below are. Those of other
/// instances on this host are somebody else's.
#[must_use]
pub fn alias(instance: &str) -> String {
    format!("lb-agent {instance}")
}

/// An interface to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualLink {
    /// Its name.
    pub name: String,
    /// Index of the interface below.
    pub parent: u32,
    /// `group` of ip-link(8).
    pub group: Option<u32>,
    /// What it is.
    pub kind: VirtualKind,
}

/// What kind of interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualKind {
    /// A further Ethernet address, in private mode: it does not hear its siblings.
    Macvlan([u8; 6]),
    /// A further interface of the same Ethernet address, in layer-2 mode.
    Ipvlan(IpvlanFlags),
}

/// Whom an ipvlan hears (`IPVLAN_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum IpvlanFlags {
    /// Its siblings, too.
    #[default]
    Bridge,
    /// Only others.
    Private,
    /// Its siblings by way of the switch.
    Vepa,
}

impl IpvlanFlags {
    /// As the kernel says it.
    #[must_use]
    pub const fn of_kernel(bits: u16) -> Self {
        if bits & IPVLAN_F_PRIVATE != 0 {
            Self::Private
        } else if bits & IPVLAN_F_VEPA != 0 {
            Self::Vepa
        } else {
            Self::Bridge
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Bridge => 0,
            Self::Private => IPVLAN_F_PRIVATE,
            Self::Vepa => IPVLAN_F_VEPA,
        }
    }
}

// include/uapi/linux/if_link.h
const IFLA_MACVLAN_MODE: u16 = 1;
const MACVLAN_MODE_PRIVATE: u32 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
pub(super) const IFLA_IPVLAN_FLAGS: u16 = 2;
const IPVLAN_F_PRIVATE: u16 = 1;
const IPVLAN_F_VEPA: u16 = 2;
const IPVLAN_MODE_L2: u16 = 0;
const AF_INET6: u16 = 10;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;

/// Makes the interface; it is down, and has no IPv6 address of its own when it comes up.
pub fn create(connection: &mut Connection, link: &VirtualLink) -> Result<(), NetlinkError> {
    let what = format_args!("make interface {}", link.name);
    connection.execute(encode(link), NLM_F_CREATE | NLM_F_EXCL, &what)?;
    let what = format_args!("keep interface {} from having an address", link.name);
    // A kernel without IPv6 gives it none anyway.
    if let Err(error) = connection.execute(no_address(&link.name), 0, &what) {
        debug!("{error}");
    }
    Ok(())
}

/// The kernel sets this for an interface that is there, not for one that is being made.
fn no_address(name: &str) -> Request {
    Request::new(RTM_SETLINK, &header(0, 0, 0))
        .with_string(IFLA_IFNAME, name)
        .with_nested(IFLA_AF_SPEC, |families| {
            families.with_nested(AF_INET6, |inet6| {
                inet6.with(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE])
            })
        })
}

/// Brings the interface up, and writes `alias` on it, also if it stays down.
pub fn bring_up(connection: &mut Connection, name: &str, alias: &str) -> Result<(), NetlinkError> {
    let what = format_args!("bring interface {name} up");
    connection.execute(up(name, alias), 0, &what)
}

/// The kernel takes the alias for an interface that is there, not for one that is being made, and before
/// the flags.
fn up(name: &str, alias: &str) -> Request {
    let up = IFF_UP.cast_unsigned();
    Request::new(RTM_NEWLINK, &header(0, up, up))
        .with_string(IFLA_IFNAME, name)
        .with_string(IFLA_IFALIAS, alias)
}

/// Removes the interface; false: it was gone.
pub fn remove(connection: &mut Connection, name: &str) -> Result<bool, NetlinkError> {
    let request = Request::new(RTM_DELLINK, &header(0, 0, 0)).with_string(IFLA_IFNAME, name);
    match connection.execute(request, 0, &format_args!("remove interface {name}")) {
        Ok(()) => Ok(true),
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `struct ifinfomsg`: family, pad, type (2), index (4), flags (4), change (4).
fn header(index: u32, flags: u32, change: u32) -> Vec<u8> {
    let words = [0, index, flags, change];
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn encode(link: &VirtualLink) -> Request {
    let request = Request::new(RTM_NEWLINK, &header(0, 0, 0))
        .with_string(IFLA_IFNAME, &link.name)
        .with(IFLA_LINK, &link.parent.to_ne_bytes())
        .with_some(IFLA_GROUP, link.group.map(u32::to_ne_bytes));
    let request = match link.kind {
        VirtualKind::Macvlan(mac) => request.with(IFLA_ADDRESS, &mac),
        VirtualKind::Ipvlan(_) => request,
    };
    request.with_nested(IFLA_LINKINFO, |info| match link.kind {
        VirtualKind::Macvlan(_) => info
            .with_string(IFLA_INFO_KIND, "macvlan")
            .with_nested(IFLA_INFO_DATA, |data| {
                data.with(IFLA_MACVLAN_MODE, &MACVLAN_MODE_PRIVATE.to_ne_bytes())
            }),
        VirtualKind::Ipvlan(flags) => {
            info.with_string(IFLA_INFO_KIND, "ipvlan")
                .with_nested(IFLA_INFO_DATA, |data| {
                    data.with(IFLA_IPVLAN_MODE, &IPVLAN_MODE_L2.to_ne_bytes())
                        .with(IFLA_IPVLAN_FLAGS, &flags.bits().to_ne_bytes())
                })
        }
    })
}

#[cfg(test)]
mod tests;
