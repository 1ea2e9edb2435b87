//! What a card does to frames by itself: the kernel's generic netlink family `ethtool`
//! (Documentation/networking/ethtool-netlink.rst, since Linux 5.6). Read only.

use lb_common::vlan::{self, Tag};
use netlink_sys::protocols::NETLINK_GENERIC;
use nix::errno::Errno;

use super::attribute::{self, Writer, attributes};
use super::generic::{self, Message};
use super::netlink::{Connection, NetlinkError};

/// `ETHTOOL_MSG_FEATURES_GET`.
const GET_FEATURES: u8 = 11;
/// `ETHTOOL_A_FEATURES_HEADER`.
const REQUEST_HEADER: u16 = 1;
/// `ETHTOOL_A_HEADER_DEV_INDEX`.
const INTERFACE: u16 = 1;
/// `ETHTOOL_A_FEATURES_ACTIVE`.
const ACTIVE: u16 = 4;
/// `ETHTOOL_A_BITSET_BITS`.
const BITS: u16 = 3;
/// `ETHTOOL_A_BITSET_BITS_BIT`.
const BIT: u16 = 1;
/// `ETHTOOL_A_BITSET_BIT_NAME`.
const NAME: u16 = 2;

/// By which a card takes tags of 802.1Q off frames that it receives (`net/ethtool/common.c`).
const STRIPS_CUSTOMERS: &str = "rx-vlan-hw-parse";
/// The same of tags of 802.1ad.
const STRIPS_PROVIDERS: &str = "rx-vlan-stag-hw-parse";

/// What `ethtool -K` calls the feature by which a card takes tags of this kind off.
pub fn stripping(tag: Tag) -> &'static str {
    if tag.ether_type() == vlan::SERVICE {
        STRIPS_PROVIDERS
    } else {
        "rxvlan"
    }
}

/// A connection to the family `ethtool`.
pub struct Ethtool {
    connection: Connection,
    family: u16,
}

impl Ethtool {
    /// Opens a connection; `None`: this kernel does not have the family.
    pub fn open() -> Result<Option<Self>, NetlinkError> {
        let mut connection = Connection::with_protocol(NETLINK_GENERIC)?;
        let family = generic::family(&mut connection, "ethtool")?;
        Ok(family.map(|family| Self { connection, family }))
    }

    /// Whether the card of an interface takes tags like this one, the outer one of a frame, off the frames
    /// that it receives, so that a program in its driver does not see them. `None`: the interface is
    /// gone.
    pub fn strips(&mut self, index: u32, tag: Tag) -> Result<Option<bool>, NetlinkError> {
        let feature = match tag.ether_type() {
            vlan::SERVICE => STRIPS_PROVIDERS,
            _ => STRIPS_CUSTOMERS,
        };
        let mut header = Writer::default();
        header.u32(INTERFACE, index);
        let mut request = Writer::default();
        request.nested(REQUEST_HEADER, &header);
        let request = Message {
            family: self.family,
            command: GET_FEATURES,
            version: 1,
            attributes: request,
        };
        let what = format_args!("ask what the card of interface number {index} does to VLAN tags");
        let asked = |_, payload: &[u8]| has(payload, feature);
        match self.connection.query(request, &what, asked) {
            Ok(strips) => Ok(Some(strips)),
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether `feature` is among those that are on.
fn has(payload: &[u8], feature: &str) -> Option<bool> {
    let (_, active) = attributes(generic::payload(payload)?).find(|(kind, _)| *kind == ACTIVE)?;
    let lists = attributes(active).filter(|(kind, _)| *kind == BITS);
    let bits = lists
        .flat_map(|(_, bits)| attributes(bits))
        .filter(|(kind, _)| *kind == BIT);
    let mut names = bits
        .flat_map(|(_, bit)| attributes(bit))
        .filter(|(kind, _)| *kind == NAME);
    Some(names.any(|(_, name)| attribute::string(name) == feature))
}

#[cfg(test)]
mod tests;
