//! What the driver of an interface can do for XDP: the kernel's generic netlink family `netdev`
//! (Documentation/netlink/specs/netdev.yaml, since Linux 6.3). Read only.
//!
//! Generic netlink in two sentences: a family has a name and, while the kernel runs, a number,
//! which the family `nlctrl` knows; the number is the type of the family's messages, and these
//! begin with a command of one byte, a version of one byte and two bytes of padding.

use netlink_packet_core::NetlinkSerializable;
use netlink_sys::protocols::NETLINK_GENERIC;
use nix::errno::Errno;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};

/// `GENL_ID_CTRL`: the family `nlctrl`.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;

/// `NETDEV_CMD_DEV_GET`.
const GET_DEVICE: u8 = 1;
/// `NETDEV_A_DEV_IFINDEX`.
const INTERFACE: u16 = 1;
/// `NETDEV_A_DEV_XDP_FEATURES`.
const XDP_FEATURES: u16 = 3;

/// `NETDEV_XDP_ACT_NDO_XMIT`.
const TAKES_FRAMES: u64 = 1 << 2;

/// `struct genlmsghdr`.
const HEADER: usize = 4;

/// A connection to the family `netdev`.
pub struct Netdev {
    connection: Connection,
    family: u16,
}

impl Netdev {
    /// Opens a connection; `None`: this kernel does not have the family.
    pub fn open() -> Result<Option<Self>, NetlinkError> {
        let mut connection = Connection::with_protocol(NETLINK_GENERIC)?;
        let request = Request::new(CONTROL, GET_FAMILY, FAMILY_NAME, b"netdev\0");
        let what = "look up the netlink family netdev";
        match connection.query(request, &what, |_, payload| family(payload)) {
            Ok(family) => Ok(Some(Self { connection, family })),
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the driver of an interface takes frames that an XDP program on another interface
    /// sends there, as things are now: with most drivers that depends on a program of their own,
    /// with a veth on its other end. `None`: the interface is gone.
    pub fn takes_frames(&mut self, index: u32) -> Result<Option<bool>, NetlinkError> {
        let request = Request::new(self.family, GET_DEVICE, INTERFACE, &index.to_ne_bytes());
        let what = format_args!("ask what the driver of interface number {index} can do for XDP");
        let asked = |_, payload: &[u8]| features(payload);
        match self.connection.query(request, &what, asked) {
            Ok(features) => Ok(Some(features & TAKES_FRAMES != 0)),
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The number of the family.
fn family(payload: &[u8]) -> Option<u16> {
    let (_, value) = attributes(payload.get(HEADER..)?).find(|(kind, _)| *kind == FAMILY_ID)?;
    attribute::u16(value)
}

/// `NETDEV_XDP_ACT_*`.
fn features(payload: &[u8]) -> Option<u64> {
    let (_, value) = attributes(payload.get(HEADER..)?).find(|(kind, _)| *kind == XDP_FEATURES)?;
    Some(u64::from_ne_bytes(*value.first_chunk()?))
}

/// A command with one attribute.
struct Request {
    kind: u16,
    bytes: Vec<u8>,
}

impl Request {
    fn new(kind: u16, command: u8, attribute: u16, value: &[u8]) -> Self {
        // The header of an attribute is as long as that of a command.
        let length = u16::try_from(HEADER + value.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![command, 1, 0, 0];
        bytes.extend(length.to_ne_bytes());
        bytes.extend(attribute.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Self { kind, bytes }
    }
}

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes);
    }
}

#[cfg(test)]
mod tests;
