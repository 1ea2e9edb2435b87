//! A virtual server, as the program sees it and as `dump` prints it.

pub mod place;

use core::net::{IpAddr, Ipv4Addr};

use bytemuck::{Pod, Zeroable};

use crate::address6::{self, Address6};
use crate::limits::{SERVICE_BUCKETS, SERVICE_BUCKETS6};

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;
/// IP protocol number of SCTP.
pub const SCTP: u8 = 132;

/// Address, port and protocol: the key of `SERVICES4` (a virtual server), and what the filter
/// knows of real servers in NAT mode. Eight bytes: one word to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceKey4 {
    /// Address, network byte order.
    pub addr: u32,
    /// Port, network byte order; 0: every port that has no service of its own.
    pub port: u16,
    /// [`TCP`], [`UDP`] or [`SCTP`].
    pub proto: u8,
    /// Zero.
    pub pad: u8,
}

impl ServiceKey4 {
    /// The key of `address`:`port` (host byte order).
    #[must_use]
    pub const fn new(address: Ipv4Addr, port: u16, proto: u8) -> Self {
        Self {
            addr: u32::from_ne_bytes(address.octets()),
            port: port.to_be(),
            proto,
            pad: 0,
        }
    }

    /// The key as one word; 0 is no key, since no protocol is 0.
    #[inline(always)]
    #[must_use]
    pub const fn word(&self) -> u64 {
        self.addr as u64 | (self.port as u64) << 32 | (self.proto as u64) << 48
    }

    /// The key that is this word.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            addr: word as u32,
            port: (word >> 32) as u16,
            proto: (word >> 48) as u8,
            pad: 0,
        }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        address4(self.addr)
    }

    /// The port in host byte order.
    #[must_use]
    pub const fn port(&self) -> u16 {
        u16::from_be(self.port)
    }
}

/// Address, port and protocol of IPv6: the key of `SERVICES6`. In [`ServiceInfo`] it stands for both
/// families, an IPv4 address as the IPv6 one that is mapped to it (RFC 4291 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceKey6 {
    /// Address.
    pub address: Address6,
    /// Port, network byte order; 0: every port that has no service of its own.
    pub port: u16,
    /// [`TCP`], [`UDP`] or [`SCTP`].
    pub proto: u8,
    /// Zero.
    pub pad: [u8; 5],
}

impl ServiceKey6 {
    /// The key of `address`:`port` (host byte order).
    #[must_use]
    pub const fn new(address: IpAddr, port: u16, proto: u8) -> Self {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        Self {
            address: address6::words(address),
            port: port.to_be(),
            proto,
            pad: [0; 5],
        }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        address6::address(self.address).to_canonical()
    }

    /// The port in host byte order.
    #[must_use]
    pub const fn port(&self) -> u16 {
        u16::from_be(self.port)
    }

    /// The key of an address and of what [`Self::word`] was.
    #[must_use]
    pub const fn from_words(address: Address6, word: u64) -> Self {
        Self {
            address,
            port: word as u16,
            proto: (word >> 16) as u8,
            pad: [0; 5],
        }
    }

    /// Port and protocol as one word; 0 is none, since no protocol is 0.
    #[inline(always)]
    #[must_use]
    pub const fn word(&self) -> u64 {
        self.port as u64 | (self.proto as u64) << 16
    }
}

/// An address field of a record as an address.
#[must_use]
pub const fn address4(addr: u32) -> Ipv4Addr {
    let [a, b, c, d] = addr.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// What a packet of a service needs to know at once. One word, so that it changes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct ServiceEntry {
    /// `1..MAX_SERVICES`: of this address and port alone, so that a client's flows to two of them are two
    /// flows; also the index into `SERVICE_INFO`.
    pub id: u16,
    /// `1..MAX_SERVICES`: of its `virtual_server`, which a `virtual_server_group` gives many addresses
    /// and ports; also the index into `POLICIES`, `SCHEDULES`, `CURSORS` and all that these share.
    pub pool: u16,
    /// Index of the gate in [`crate::control::Control::armed`].
    pub gate: u16,
    /// 1: it has a `persistence_timeout`; else 0.
    pub persistent: u16,
}

impl ServiceEntry {
    /// The entry that is this word.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            id: word as u16,
            pool: (word >> 16) as u16,
            gate: (word >> 32) as u16,
            persistent: (word >> 48) as u16,
        }
    }

    /// The entry as one word.
    #[inline(always)]
    #[must_use]
    pub const fn word(&self) -> u64 {
        self.id as u64
            | (self.pool as u64) << 16
            | (self.gate as u64) << 32
            | (self.persistent as u64) << 48
    }
}

/// Services of one bucket of `SERVICES4`.
pub const SERVICE_WAYS: usize = 4;

/// One service in `SERVICES4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceSlot {
    /// [`ServiceKey4::word`]; 0: free.
    pub key: u64,
    /// All zero while the slot is free.
    pub entry: ServiceEntry,
}

/// One cache line of `SERVICES4`: a table that the agent fills and the program looks up without a
/// call, unlike the kernel's hash maps.
///
/// A service stands in one of the two buckets of [`buckets`], and in which order its place is read and
/// written says [`place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct ServiceBucket {
    /// The services, in no order.
    pub ways: [ServiceSlot; SERVICE_WAYS],
}

/// The two buckets that the service of a key ([`ServiceKey4::word`]) may stand in.
#[inline(always)]
#[must_use]
pub const fn buckets(key: u64) -> [u32; 2] {
    // 2^64 divided by the golden ratio. The upper bits of the product depend on all of the key;
    // nobody outside chooses services, so there is no secret in it.
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mask = (SERVICE_BUCKETS - 1) as u64;
    [(hash >> 48 & mask) as u32, (hash >> 32 & mask) as u32]
}

/// Services of one bucket of `SERVICES6`.
pub const SERVICE_WAYS6: usize = 4;

/// One service in `SERVICES6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceSlot6 {
    /// [`ServiceKey6::word`]; 0: free.
    pub key: u64,
    /// All zero while the slot is free.
    pub entry: ServiceEntry,
    /// [`ServiceKey6::address`].
    pub address: Address6,
}

/// Two cache lines of `SERVICES6`. The rules are those of [`ServiceBucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct ServiceBucket6 {
    /// The services, in no order.
    pub ways: [ServiceSlot6; SERVICE_WAYS6],
}

/// The two buckets that the service of a key ([`ServiceKey6::word`] and its address) may stand in.
#[inline(always)]
#[must_use]
pub const fn buckets6(address: Address6, key: u64) -> [u32; 2] {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    const MASK: u64 = SERVICE_BUCKETS6 as u64 - 1;
    let prefix = address[0].wrapping_mul(FACTOR);
    let host = (address[1] ^ prefix ^ prefix >> 32).wrapping_mul(FACTOR);
    let hash = (key ^ host ^ host >> 32).wrapping_mul(FACTOR);
    [(hash >> 48 & MASK) as u32, (hash >> 32 & MASK) as u32]
}

/// `lb_algo` as it stands in [`crate::policy::Policy::scheduler`].
pub mod scheduler {
    /// Round robin.
    pub const RR: u8 = 1;
    /// Weighted round robin.
    pub const WRR: u8 = 2;
    /// Least connections.
    pub const LC: u8 = 3;
    /// Least connections by weight.
    pub const WLC: u8 = 4;
    /// Shortest expected delay.
    pub const SED: u8 = 5;
    /// Never queue.
    pub const NQ: u8 = 6;
    /// Hash of the source.
    pub const SH: u8 = 7;
    /// Hash of the destination.
    pub const DH: u8 = 8;
    /// Maglev.
    pub const MH: u8 = 9;
    /// Least connections by locality.
    pub const LBLC: u8 = 10;
    /// The same with several servers.
    pub const LBLCR: u8 = 11;
    /// Failover by weight.
    pub const FO: u8 = 12;
    /// Overflow by weight.
    pub const OVF: u8 = 13;
    /// The better one of two.
    pub const TWOS: u8 = 14;
    /// Names, by number.
    pub const NAMES: [&str; 15] = [
        "?", "rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf",
        "twos",
    ];
}

/// A service by its id, the value of `SERVICE_INFO`: in whose name servers in NAT mode reply, and whether
/// they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceInfo {
    /// The service; all zero: this id is free.
    pub key: ServiceKey6,
    /// Its pool; 0: this id is free. A flow of a service that has gone is known by the pool of its
    /// server, which is another one.
    pub pool: u16,
    /// Gate of the service.
    pub gate: u16,
    /// Zero.
    pub pad: u32,
}

impl ServiceInfo {
    /// The address of a service of IPv4, network byte order.
    #[inline(always)]
    #[must_use]
    pub const fn addr(&self) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.key.address[1].to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }
}

#[cfg(test)]
mod tests;
