//! Generic netlink: one protocol for many families, each known by a name to which the kernel
//! gives a number when its module is loaded.
//!
//! ```text
//!  0               1               2               4
//!  +---------------+---------------+---------------+
//!  |    command    |    version    |   reserved    |   struct genlmsghdr
//!  +---------------+---------------+---------------+
//!  attributes
//! ```
//!
//! `include/uapi/linux/genetlink.h`; `Documentation/networking/generic_netlink.rst`.

use netlink_packet_core::NetlinkSerializable;
use nix::errno::Errno;

use super::attribute::{self, Writer, attributes};
use super::netlink::{Connection, NetlinkError};

/// Length of `struct genlmsghdr`.
const HEADER: usize = 4;

/// `GENL_ID_CTRL`: the family that knows the others.
const CONTROLLER: u16 = 16;

/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;

/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;

/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;

/// A request to a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The family's number.
    pub family: u16,
    /// What it is to do, by its own numbers.
    pub command: u8,
    /// Version of the family's interface.
    pub version: u8,
    /// With what.
    pub attributes: Writer,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        HEADER + self.attributes.bytes().len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let Some((header, rest)) = buffer.split_first_chunk_mut() else {
            return;
        };
        *header = [self.command, self.version, 0, 0];
        let attributes = self.attributes.bytes();
        if let Some(room) = rest.get_mut(..attributes.len()) {
            room.copy_from_slice(attributes);
        }
    }
}

/// The attributes of an answer; `None` if it is shorter than its header.
pub fn payload(message: &[u8]) -> Option<&[u8]> {
    message.get(HEADER..)
}

/// The number of a family; `None` if the kernel does not know it (now: a module may bring it).
pub fn family(connection: &mut Connection, name: &str) -> Result<Option<u16>, NetlinkError> {
    let mut attributes = Writer::default();
    attributes.string(FAMILY_NAME, name);
    let request = Message {
        family: CONTROLLER,
        command: GET_FAMILY,
        version: 1,
        attributes,
    };
    let what = format_args!("look up the generic netlink family {name}");
    match connection.query(request, &what, |_, message| family_id(message)) {
        Ok(number) => Ok(Some(number)),
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `CTRL_ATTR_FAMILY_ID` of the controller's answer.
fn family_id(message: &[u8]) -> Option<u16> {
    attributes(payload(message)?)
        .find(|(kind, _)| *kind == FAMILY_ID)
        .and_then(|(_, value)| attribute::u16(value))
}

#[cfg(test)]
mod tests;
