//! Reading netlink attributes (`struct nlattr`, include/uapi/linux/netlink.h) without trusting
//! them: a wrong length gives `None` or ends the walk, never a panic. [`Writer`] writes them.

mod writer;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use self::writer::Writer;

/// `struct nlattr`: length with this header (2), type (2).
const HEADER: usize = 4;

/// `NLA_TYPE_MASK`: the upper two bits say "nested" and "network byte order".
const TYPE: u16 = 0x3fff;

/// The attributes in `bytes`, as (type without the flag bits, value).
///
/// The walk ends at the first attribute whose length contradicts the bytes there are.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16(rest)?);
        let kind = u16(rest.get(2..)?)? & TYPE;
        let value = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The values of the attributes with a type below `N`, each at the place of its type. The last of
/// a type counts, as it does in the kernel (`nla_parse`).
pub fn values<const N: usize>(bytes: &[u8]) -> [Option<&[u8]>; N] {
    let mut values = [None; N];
    for (kind, value) in attributes(bytes) {
        if let Some(place) = values.get_mut(usize::from(kind)) {
            *place = Some(value);
        }
    }
    values
}

/// An integer of the host's byte order.
pub fn u16(value: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*value.first_chunk()?))
}

/// An integer of the host's byte order.
pub fn u32(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*value.first_chunk()?))
}

/// An integer of the host's byte order.
pub fn u64(value: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(*value.first_chunk()?))
}

/// A string with or without its closing zero; what is not UTF-8 is replaced by U+FFFD.
pub fn string(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// An Ethernet address; `None` for the link-layer addresses of other media.
pub fn mac(value: &[u8]) -> Option<[u8; 6]> {
    value.try_into().ok()
}

/// An IPv4 or IPv6 address, told apart by the length.
pub fn address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(value)
        .ok()
        .map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

#[cfg(test)]
mod tests;
