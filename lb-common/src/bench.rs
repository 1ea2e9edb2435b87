//! The benchmark's records: what `cargo xtask bench` asks of the harness program, and what that
//! answers. No part of the data plane's ABI: the maps live as long as one benchmark.

use bytemuck::{Pod, Zeroable};

/// 64-bit words that hold the headers of a frame of IPv6: Ethernet, IPv6 and TCP are 74 bytes.
pub const HEADER_WORDS: usize = 10;

/// The same of IPv4: 54 bytes. The words behind them are not written.
pub const HEADER_WORDS4: usize = 7;

/// Index into [`Tally::verdicts`] for packets whose tail call failed.
pub const NOT_CALLED: u32 = 7;

/// Value of [`Case::side`]: clients send, their address and port are the packet's source.
pub const SOURCE: u32 = 0;
/// Value of [`Case::side`]: clients receive, their address and port are the packet's destination.
pub const DESTINATION: u32 = 1;

/// What every packet of a run looks like: the single record of the map `CASE`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Case {
    /// The frame's first bytes, up to the end of the TCP header.
    pub headers: [u64; HEADER_WORDS],
    /// Length of the frame, bytes.
    pub length: u32,
    /// Bits of the packet's number that make the number of its flow: flows less one, a power of
    /// two less one. All bits: no flow comes twice.
    pub flows: u32,
    /// [`SOURCE`] or [`DESTINATION`].
    pub side: u32,
    /// Address of the first client, or the last four bytes of one of IPv6, network byte order; its
    /// last two bytes are zero.
    pub clients: u32,
}

/// One processor of `cargo xtask bench live`: the single record of the per-CPU map `SENDER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Sender {
    /// Number of its next packet.
    pub next: u64,
    /// Number of its first flow: as with a card of several queues, each processor has its own.
    pub first: u64,
}

/// What became of the packets: the single record of the map `TALLY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Tally {
    /// Number of the next packet.
    pub next: u64,
    /// Packets by verdict, or by [`NOT_CALLED`].
    pub verdicts: [u64; 8],
}

/// Address and port of the client of flow number `flow`, as they stand in the packet. No two
/// flows have the same, and neighbours have nothing in common.
#[inline(always)]
#[must_use]
pub const fn client(clients: u32, flow: u32) -> (u32, u16) {
    const LAST_BYTES: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);
    let spread = flow.wrapping_mul(0x9e37_79b1);
    (clients | spread & LAST_BYTES, spread as u16)
}
