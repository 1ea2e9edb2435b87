//! A real server of one virtual server, a member of its pool: where its packets go and how they are rewritten.

use core::net::IpAddr;

use bytemuck::{Pod, Zeroable};

use crate::address6::{self, Address6};
use crate::service::address4;

/// Bits of [`Backend::flags`].
pub mod flags {
    /// The next hop's MAC and interface are known. Without it packets are dropped.
    pub const READY: u16 = 1 << 0;
    /// The address is one of this host: packets go to the kernel, which serves them.
    pub const LOCAL: u16 = 1 << 1;
    /// The slot belongs to a server of the configuration (it may have weight 0).
    pub const IN_USE: u16 = 1 << 2;
    /// It is the service's sorry server.
    pub const SORRY: u16 = 1 << 3;
    /// Server or virtual server have an IPv6 address: those behind the first cache line, where one of
    /// IPv4 is mapped.
    pub const IPV6: u16 = 1 << 4;
    /// In TUN mode: what stands in front of a packet is made by a program of its own, as [`super::tunnel`]
    /// says. Without it that is a header of IPv4, and the packet is of IPv4 as well.
    pub const TUNNEL: u16 = 1 << 5;
    /// A number that goes round whenever the next hop changes; see [`super::Backend`].
    pub const TURN: u16 = 0x3f << TURN_SHIFT;
    /// Position of [`TURN`].
    pub const TURN_SHIFT: u32 = 10;
    /// `lb_kind`: these two bits hold one of the values below.
    pub const METHOD: u16 = 3 << 8;
    /// Direct routing: only the MAC addresses change.
    pub const DR: u16 = 1 << 8;
    /// A tunnel.
    pub const TUN: u16 = 2 << 8;
    /// Destination address and port are rewritten, and the source of the replies.
    pub const NAT: u16 = 3 << 8;
}

/// Bits of [`Backend::tunnel`]: what stands in front of a packet with [`flags::TUNNEL`].
pub mod tunnel {
    /// `type`: these two bits hold one of the three values below.
    pub const TYPE: u8 = 3;
    /// `ipip`: an outer header and nothing else (RFC 2003, 2473, 4213).
    pub const IPIP: u8 = 0;
    /// `gre`: an outer header and that of GRE (RFC 2784).
    pub const GRE: u8 = 1;
    /// `gue`: an outer header, UDP, and that of GUE, version 0 (draft-ietf-intarea-gue).
    pub const GUE: u8 = 2;
    /// `csum`: the checksum of GRE, or of UDP, covers the packet.
    pub const CHECKSUM: u8 = 1 << 2;
    /// The outer header is one of IPv6.
    pub const IPV6: u8 = 1 << 3;

    /// Bytes in front of the packet.
    #[inline(always)]
    #[must_use]
    pub const fn overhead(tunnel: u8) -> u16 {
        let outer = if tunnel & IPV6 == 0 { 20 } else { 40 };
        outer
            + match tunnel & TYPE {
                GRE if tunnel & CHECKSUM != 0 => 8,
                GRE => 4,
                GUE => 8 + 4,
                _ => 0,
            }
    }
}

/// One slot of `BACKENDS`.
///
/// ```text
///  word 0  dst_mac[6] generation     word 4  vip     tunnel_source
///  word 1  src_mac[6] flags          word 5  weight  proto gate
///  word 2  ifindex pool mtu          word 6  tunnel tunnel_port; word 7 spare
///  word 3  addr port vport           words 8 to 15 of IPv6: addr6, vip6, tunnel_source6, spare
/// ```
///
/// The first cache line is all that forwarding needs, but for the addresses of IPv6.
///
/// The agent changes a live slot word by word, `READY` going first and coming last, with the next
/// `TURN`. The program reads word 1 before and after the others: if it has not changed, they are
/// of one hop ([`Head`]). So a packet never leaves with half of an old hop and half of a new one. Only the
/// outer source of a tunnel of IPv4 is read by itself: while the hop changes, a packet may carry the one of the
/// other hop, which is an address of this host as well. That of IPv6 changes like an interface does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct Backend {
    /// MAC of the next hop towards the server.
    pub dst_mac: [u8; 6],
    /// Bumped when the slot's server goes: its flows are scheduled anew on their next packet.
    pub generation: u16,
    /// MAC of the interface the packet leaves by.
    pub src_mac: [u8; 6],
    /// [`flags`].
    pub flags: u16,
    /// Interface the packet leaves by.
    pub ifindex: u32,
    /// The pool that the server is in.
    pub pool: u16,
    /// MTU of the interface, bytes.
    pub mtu: u16,
    /// Address of the server, network byte order.
    pub addr: u32,
    /// Port of the server, network byte order.
    pub port: u16,
    /// Port of the virtual server, network byte order; of a group the first one. It is for people, as
    /// the other fields of the virtual server are: replies go by [`crate::service::ServiceInfo`].
    pub vport: u16,
    /// Address of the virtual server, network byte order.
    pub vip: u32,
    /// Source of the outer header in TUN mode, network byte order.
    pub tunnel_source: u32,
    /// `weight` in force, for `dump`; the program goes by the schedule.
    pub weight: u32,
    /// Protocol of the virtual server.
    pub proto: u8,
    /// Zero.
    pub pad: u8,
    /// Gate of the virtual server.
    pub gate: u16,
    /// With [`flags::TUNNEL`]: [`tunnel`].
    pub tunnel: u8,
    /// Zero.
    pub pad2: u8,
    /// Port of the tunnel's other end (GUE), network byte order.
    pub tunnel_port: u16,
    /// Zero.
    pub pad3: u32,
    /// Zero.
    pub spare: u64,
    /// Address of a server of IPv6.
    pub addr6: Address6,
    /// Address of its virtual server.
    pub vip6: Address6,
    /// Source of an outer header of IPv6.
    pub tunnel_source6: Address6,
    /// Zero.
    pub spare6: [u64; 2],
}

impl Backend {
    /// Address of the server.
    #[must_use]
    pub const fn server(&self) -> IpAddr {
        if self.has(flags::IPV6) {
            address6::address(self.addr6).to_canonical()
        } else {
            IpAddr::V4(address4(self.addr))
        }
    }

    /// Address of the virtual server.
    #[must_use]
    pub const fn service_address(&self) -> IpAddr {
        if self.has(flags::IPV6) {
            address6::address(self.vip6).to_canonical()
        } else {
            IpAddr::V4(address4(self.vip))
        }
    }

    /// Whether every bit of `bits` is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, bits: u16) -> bool {
        self.flags & bits == bits
    }
}

/// Words 0 and 1 of a slot. Both the decision and the rewrite go by what has been loaded once: the
/// agent may be writing another hop meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// `dst_mac` and `generation`.
    pub first: u64,
    /// `src_mac` and `flags`.
    pub second: u64,
}

impl Head {
    /// [`Backend::generation`].
    #[inline(always)]
    #[must_use]
    pub const fn generation(&self) -> u16 {
        (self.first >> 48) as u16
    }

    /// [`Backend::flags`].
    #[inline(always)]
    #[must_use]
    pub const fn flags(&self) -> u16 {
        (self.second >> 48) as u16
    }

    /// Whether every bit of `bits` is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, bits: u16) -> bool {
        self.flags() & bits == bits
    }

    /// Whether the way is known, and no other program has to make a tunnel first.
    #[inline(always)]
    #[must_use]
    pub const fn is_at_hand(&self) -> bool {
        self.flags() & (flags::READY | flags::TUNNEL) == flags::READY
    }
}

#[cfg(test)]
mod tests;
