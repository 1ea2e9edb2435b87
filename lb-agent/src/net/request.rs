//! A netlink request, put together attribute by attribute (`struct nlattr`): the counterpart of
//! [`super::attribute`]. It knows nothing of what the attributes mean.

use std::net::IpAddr;

use netlink_packet_core::NetlinkSerializable;

/// `NLA_F_NESTED` of include/uapi/linux/netlink.h.
const NESTED: u16 = 0x8000;

/// A message: its type, the header of its protocol, attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    kind: u16,
    body: Vec<u8>,
}

impl Request {
    /// A message of this type (`RTM_*` …) without attributes.
    pub fn new(kind: u16, header: &[u8]) -> Self {
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(header);
        Self { kind, body }
    }

    /// What follows the netlink header.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Adds an attribute. A value beyond 64 KiB is left out: no attribute can hold it.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let Ok(length) = u16::try_from(value.len() + 4) else {
            return self;
        };
        self.body.extend_from_slice(&length.to_ne_bytes());
        self.body.extend_from_slice(&kind.to_ne_bytes());
        self.body.extend_from_slice(value);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an attribute if there is a value.
    #[must_use]
    pub fn with_some<V: AsRef<[u8]>>(self, kind: u16, value: Option<V>) -> Self {
        match value {
            Some(value) => self.with(kind, value.as_ref()),
            None => self,
        }
    }

    /// Adds a string with its closing zero.
    #[must_use]
    pub fn with_string(self, kind: u16, value: &str) -> Self {
        let bytes: Vec<u8> = value.bytes().chain([0]).collect();
        self.with(kind, &bytes)
    }

    /// Adds an address.
    #[must_use]
    pub fn with_address(self, kind: u16, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.with(kind, &address.octets()),
            IpAddr::V6(address) => self.with(kind, &address.octets()),
        }
    }

    /// Adds an attribute made of attributes: what `inside` adds to an empty message.
    #[must_use]
    pub fn with_nested(self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let inner = inside(Self::new(0, &[]));
        self.with(kind | NESTED, &inner.body)
    }
}

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        if let Some(place) = buffer.get_mut(..self.body.len()) {
            place.copy_from_slice(&self.body);
        }
    }
}

#[cfg(test)]
mod tests;
