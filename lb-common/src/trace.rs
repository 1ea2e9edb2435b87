//! What `lb-agent trace` asks for, and what it is told of a packet.
//!
//! The programs that are attached know nothing of this but one word, [`Control::trace`]: while it is
//! not zero they hand every packet to programs that do the same and watch themselves at it. Those are
//! in the kernel as long as somebody traces; should he be killed, until an agent notices.
//!
//! [`Control::trace`]: crate::control::Control::trace

use bytemuck::{Pod, Zeroable};

use crate::address6::Address6;
use crate::stats::Reason;

/// Bytes of the ring of events: some two thousand of them.
pub const RING: usize = 1 << 18;

/// Which packets, and how many of them. The single record of `TRACE_FILTER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Filter {
    /// The client's address, of IPv4 as [`mapped`]; zero: any.
    pub client: Address6,
    /// The virtual address, as above.
    pub vip: Address6,
    /// The virtual port, network byte order; 0: any.
    pub port: u16,
    /// Zero.
    pub pad: u16,
    /// As many packets of a CPU are told of in a second (by its clock) at most.
    pub rate: u32,
}

/// An IPv4 address in network byte order as one of IPv6 (RFC 4291 2.5.5.2).
#[inline(always)]
#[must_use]
pub const fn mapped(addr: u32) -> Address6 {
    let host = 0xffff_u64 << 32 | u32::from_be(addr) as u64;
    [0, host.to_be()]
}

/// Addresses of a packet, as it came or as it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Tuple {
    /// Source, of IPv4 as [`mapped`].
    pub source: Address6,
    /// Destination, as above.
    pub destination: Address6,
    /// Source port, network byte order; of ICMP type and code as they stand there. 0: none is known.
    pub source_port: u16,
    /// Destination port, network byte order.
    pub destination_port: u16,
    /// Of IPv4 the protocol, of IPv6 the first header behind the fixed one.
    pub protocol: u8,
    /// TCP flags; 0 of others.
    pub flags: u8,
    /// 4, 6, or 0: neither, and nothing else of this is set.
    pub version: u8,
    /// 1: a fragment, not the first one.
    pub fragment: u8,
}

/// How a server came to a packet; [`Event::decision`].
pub mod decision {
    /// No server was looked for.
    pub const NONE: u8 = 0;
    /// The flow is known.
    pub const FLOW: u8 = 1;
    /// A new flow, and the scheduler's choice, or that of another CPU at the same moment.
    pub const SCHEDULED: u8 = 2;
    /// A new flow, and the server of the client's earlier ones (`persistence_timeout`).
    pub const TEMPLATE: u8 = 3;
    /// A new flow that is not remembered: the service has `ops`, or there is no room.
    pub const UNREMEMBERED: u8 = 4;
    /// The middle of an unknown connection: the server that a hash or a template stands for.
    pub const UNKNOWN: u8 = 5;
}

/// [`Event::reason`] of a packet that was forwarded as usual, or is none of ours.
pub const NO_REASON: u8 = u8::MAX;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Event {
    /// When, nanoseconds of the monotonic clock.
    pub time: u64,
    /// As it came.
    pub before: Tuple,
    /// As it went, or was left.
    pub after: Tuple,
    /// Where it came in.
    pub ifindex: u32,
    /// Length of the frame as it came, bytes.
    pub length: u32,
    /// Packets of the filter that this CPU has not told of since the last event.
    pub omitted: u32,
    /// Slot of the server; 0: none.
    pub slot: u16,
    /// The verdict of XDP: 1 dropped, 2 to the kernel, 3 sent back by the interface it came by, 4 by
    /// another one.
    pub verdict: u8,
    /// Index of the [`Reason`], or [`NO_REASON`].
    pub reason: u8,
    /// How the server was found: [`decision`].
    pub decision: u8,
    /// Zero.
    pub pad: [u8; 7],
}

/// What a CPU knows of the packet in hand, and of those before it. The single record of
/// `TRACE_PACKET`, one for each CPU.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Notes {
    /// What will be told.
    pub event: Event,
    /// Its counters of reasons when the packet came.
    pub reasons: [u64; Reason::ALL.len()],
    /// The second that `told` belongs to.
    pub second: u64,
    /// Events of that second.
    pub told: u32,
    /// 1: a template has named the server.
    pub by_template: u32,
}

impl Filter {
    /// Whether a packet from `client` to the virtual address is asked for, or a reply to one.
    #[inline(always)]
    #[must_use]
    pub const fn wants(&self, packet: &Tuple) -> bool {
        self.is_between(packet.source, packet.destination, packet.destination_port)
            || self.is_between(packet.destination, packet.source, packet.source_port)
    }

    #[inline(always)]
    const fn is_between(&self, client: Address6, vip: Address6, port: u16) -> bool {
        is_or_any(self.client, client)
            && is_or_any(self.vip, vip)
            && (self.port == 0 || self.port == port)
    }
}

#[inline(always)]
const fn is_or_any(wanted: Address6, found: Address6) -> bool {
    wanted[0] == found[0] && wanted[1] == found[1] || wanted[0] | wanted[1] == 0
}

#[cfg(test)]
mod tests;
