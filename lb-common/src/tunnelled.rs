//! A packet on its way into a tunnel, for the program that makes it one: the value of `TUNNELLED`. As
//! [`crate::asked`]: nothing comes between the two programs on their CPU.

use bytemuck::{Pod, Zeroable};

/// Instead of a sum, which is never so large.
pub const UNKNOWN: u64 = u64::MAX;

/// A packet that has a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct Tunnelled {
    /// Slot of the server.
    pub slot: u16,
    /// [`crate::backend::Backend::generation`] when it was chosen.
    pub generation: u16,
    /// [`crate::backend::flags::TURN`] of the slot, as it stood then.
    pub turn: u16,
    /// 1: the packet opens a connection.
    pub new: u8,
    /// 1: nobody is told if it cannot go on: it is an ICMP error, or a fragment of IPv4 without ports.
    pub untold: u8,
    /// Id of the service.
    pub service: u16,
    /// Zero.
    pub pad: [u16; 3],
    /// What the program itself notes of the packet.
    pub inner: Inner,
}

/// What the headers in front of a packet take from the packet itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Inner {
    /// Sum of its words, if the tunnel has a checksum; not folded. [`UNKNOWN`]: they have to be read.
    pub sum: u64,
    /// Hash of its flow.
    pub hash: u32,
    /// Its length, bytes.
    pub length: u16,
    /// Identification of an outer header of IPv4, network byte order.
    pub id: u16,
    /// Flags of an outer header of IPv4 ("don't fragment"), network byte order.
    pub fragment: u16,
    /// IP protocol number of the packet within another one.
    pub protocol: u8,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Time to live or hop limit that is left of it.
    pub ttl: u8,
    /// Zero.
    pub pad: [u8; 3],
}
