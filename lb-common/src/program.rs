//! The programs that the one on the interface hands packets to: indexes into `PROGRAMS`.
//!
//! Each has a stack of its own, and as many instructions as a kernel verifies for one program. A place
//! that is empty means that the kernel gets the packet.

/// IPv6.
pub const IPV6: u32 = 0;
/// IPv6, packets of flows that are not known by the first look.
pub const IPV6_ADMISSION: u32 = 1;
/// IPv6, what has no ports of its own and follows a flow: ICMP errors and later fragments.
pub const IPV6_RELATED: u32 = 2;
/// IPv4, watched ([`crate::trace`]).
pub const TRACE: u32 = 3;
/// [`IPV6`], watched.
pub const TRACE_IPV6: u32 = 4;
/// [`IPV6_ADMISSION`], watched.
pub const TRACE_IPV6_ADMISSION: u32 = 5;
/// [`IPV6_RELATED`], watched.
pub const TRACE_IPV6_RELATED: u32 = 6;
/// Both families: what leaves in a tunnel, but for IPv4 in IPv4 without anything between.
pub const TUNNEL: u32 = 7;
/// [`TUNNEL`], watched.
pub const TRACE_TUNNEL: u32 = 8;
/// Both families: what leaves in a tunnel whose checksum nothing in the packet tells.
pub const TUNNEL_SUM: u32 = 9;
/// [`TUNNEL_SUM`], watched.
pub const TRACE_TUNNEL_SUM: u32 = 10;
/// SCTP over IPv4.
pub const SCTP: u32 = 11;
/// SCTP over IPv6.
pub const SCTP_IPV6: u32 = 12;
/// SCTP over IPv6, packets of flows that are not known by the first look.
pub const SCTP_IPV6_ADMISSION: u32 = 13;
/// [`SCTP`], watched.
pub const TRACE_SCTP: u32 = 14;
/// [`SCTP_IPV6`], watched.
pub const TRACE_SCTP_IPV6: u32 = 15;
/// [`SCTP_IPV6_ADMISSION`], watched.
pub const TRACE_SCTP_IPV6_ADMISSION: u32 = 16;
/// Frames with VLAN tags.
pub const VLAN: u32 = 17;
/// The one on the interface, for frames whose tags have been taken off.
pub const BALANCE: u32 = 18;
/// IPv6, packets of servers in NAT mode.
pub const IPV6_REPLIES: u32 = 19;
/// [`IPV6_REPLIES`], watched.
pub const TRACE_IPV6_REPLIES: u32 = 20;
/// IPv6, packets to servers in NAT mode.
pub const IPV6_NAT: u32 = 21;
/// [`IPV6_NAT`], watched.
pub const TRACE_IPV6_NAT: u32 = 22;
/// IPv6, replies of servers in NAT mode that [`IPV6_REPLIES`] has found the server of.
pub const IPV6_WAY_BACK: u32 = 23;
/// [`IPV6_WAY_BACK`], watched.
pub const TRACE_IPV6_WAY_BACK: u32 = 24;
/// Places of the map.
pub const COUNT: u32 = 25;
