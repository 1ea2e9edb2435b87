//! Writing netlink attributes (`struct nlattr`, include/uapi/linux/netlink.h). Pure.

use super::HEADER;

/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// Attributes in the making, each padded to a multiple of four.
///
/// A value of more than 65 531 bytes has no place in an attribute: it is left out whole. None of
/// ours comes near.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// The attributes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// An attribute of any bytes.
    pub fn put(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        if let Ok(length) = u16::try_from(HEADER + value.len()) {
            self.bytes.extend_from_slice(&length.to_ne_bytes());
            self.bytes.extend_from_slice(&kind.to_ne_bytes());
            self.bytes.extend_from_slice(value);
            self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        }
        self
    }

    /// An integer.
    pub fn u8(&mut self, kind: u16, value: u8) -> &mut Self {
        self.put(kind, &[value])
    }

    /// An integer of the host's byte order.
    pub fn u16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// An integer of the network's byte order: a port.
    pub fn be16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// An integer of the host's byte order.
    pub fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// A string with its closing zero.
    pub fn string(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.put(kind, &bytes)
    }

    /// Attributes within an attribute.
    pub fn nested(&mut self, kind: u16, attributes: &Self) -> &mut Self {
        self.put(kind | NESTED, &attributes.bytes)
    }
}
