//! A virtual server, as the program sees it and as `dump` prints it.

use core::net::Ipv4Addr;

use bytemuck::{Pod, Zeroable};

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// Address, port and protocol: the key of `SERVICES4` (a virtual server) and of `REALS4` (a real
/// server in NAT mode). Eight bytes, because the hash costs about 0.7 ns a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceKey4 {
    /// Address, network byte order.
    pub addr: u32,
    /// Port, network byte order.
    pub port: u16,
    /// [`TCP`] or [`UDP`].
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

/// An address field of a record as an address.
#[must_use]
pub const fn address4(addr: u32) -> Ipv4Addr {
    let [a, b, c, d] = addr.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// What a packet of a service needs to know at once: the value of `SERVICES4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceEntry {
    /// `1..=MAX_SERVICES`; also the index into `SCHEDULES`, `CURSORS` and `SERVICE_INFO`.
    pub id: u16,
    /// Index of the gate in [`crate::control::Control::armed`].
    pub gate: u16,
    /// `persistence_granularity` as a mask in network byte order.
    pub affinity_mask: u32,
    /// `persistence_timeout` in ticks; 0 = no persistence.
    pub affinity_ticks: u32,
}

/// `lb_algo` as it stands in [`ServiceInfo::scheduler`].
pub mod scheduler {
    /// Round robin.
    pub const RR: u8 = 1;
    /// Weighted round robin.
    pub const WRR: u8 = 2;
}

/// What only people want to know of a service: the value of `SERVICE_INFO`, by service id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ServiceInfo {
    /// The service; all zero: this id is free.
    pub key: ServiceKey4,
    /// One of [`scheduler`].
    pub scheduler: u8,
    /// Zero.
    pub pad: [u8; 3],
    /// `persistence_timeout` in seconds; 0 = none.
    pub persistence_timeout: u32,
    /// `persistence_granularity` as a mask in network byte order.
    pub persistence_granularity: u32,
    /// Gate of the service.
    pub gate: u16,
    /// Zero.
    pub pad2: u16,
}

#[cfg(test)]
mod tests;
