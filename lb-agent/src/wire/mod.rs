//! Codecs: bytes on the wire to typed fields and back, nothing else.
//!
//! **Contract.** No decoder panics, whatever the bytes are; a decoder only says what stands in
//! the packet. Whether a packet is acceptable is decided elsewhere ([`crate::vrrp::receive`]), in
//! keepalived's order. Encoders append to a buffer of the caller and allocate only when it grows.
//! There is no socket and no clock here.

pub mod ah;
pub mod arp;
pub mod bfd;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod hmac;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;
pub mod path_mtu;
pub mod tcp;
pub mod vrrp;
