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
/// IPv6, packets of servers in NAT mode.
pub const IPV6_REPLIES: u32 = 7;
/// [`IPV6_REPLIES`], watched.
pub const TRACE_IPV6_REPLIES: u32 = 8;
/// IPv6, packets to servers in NAT mode.
pub const IPV6_NAT: u32 = 9;
/// [`IPV6_NAT`], watched.
pub const TRACE_IPV6_NAT: u32 = 10;
/// IPv6, replies of servers in NAT mode that [`IPV6_REPLIES`] has found the server of.
pub const IPV6_WAY_BACK: u32 = 11;
/// [`IPV6_WAY_BACK`], watched.
pub const TRACE_IPV6_WAY_BACK: u32 = 12;
/// Places of the map.
pub const COUNT: u32 = 13;
