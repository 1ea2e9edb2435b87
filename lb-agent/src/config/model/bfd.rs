//! `bfd_instance`.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::Weight;

/// `bfd_instance NAME`: a session with one neighbour (RFC 5880, 5881).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct BfdInstance {
    /// The name, at most 31 characters.
    pub name: String,
    /// `neighbor_ip` (`neighbour_ip`).
    pub neighbor_ip: IpAddr,
    /// `source_ip`, of the neighbour's family.
    pub source_ip: Option<IpAddr>,
    /// `min_rx`: the shortest interval we can receive in.
    pub min_rx: Duration,
    /// `min_tx`: the shortest interval we send in.
    pub min_tx: Duration,
    /// `idle_tx`: while the session is down; at least a second.
    pub idle_tx: Duration,
    /// `multiplier`: packets that may be lost.
    pub multiplier: u8,
    /// `passive`: waits for the neighbour's first packet.
    pub passive: bool,
    /// `ttl` (`hoplimit`): 255 over one hop, 64 over several.
    pub ttl: u8,
    /// `max_hops`: hops that an arriving packet may have made.
    pub max_hops: u8,
    /// `multihop`: the neighbour is not on our link (RFC 5883).
    pub multihop: bool,
    /// `weight`, for those that track it without one of their own.
    pub weight: Weight,
    /// `vrrp`: instances may track it.
    pub vrrp: bool,
    /// `checker`: `BFD_CHECK` may use it.
    pub checker: bool,
}

impl BfdInstance {
    /// A session of which nothing more is known.
    pub fn new(name: impl Into<String>, neighbor_ip: IpAddr) -> Self {
        Self {
            name: name.into(),
            neighbor_ip,
            source_ip: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: 255,
            max_hops: 0,
            multihop: false,
            weight: Weight::default(),
            vrrp: false,
            checker: false,
        }
    }
}
