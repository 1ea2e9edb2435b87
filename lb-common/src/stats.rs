//! Counters: per server on the hot path, per reason off it.

use bytemuck::{Pod, Zeroable};

/// Traffic of one backend slot (`BACKEND_STATS`, per CPU) or what removed servers of a service
/// have carried (`RETIRED_STATS`). A service's figures are the sum of its slots and this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Traffic {
    /// Connections given to the server.
    pub conns: u64,
    /// Packets towards the server.
    pub in_packets: u64,
    /// Their bytes, from the IP header on.
    pub in_bytes: u64,
    /// Packets back (NAT only).
    pub out_packets: u64,
    /// Their bytes.
    pub out_bytes: u64,
}

impl Traffic {
    /// Adds `other` to `self`.
    pub const fn add(&mut self, other: &Self) {
        self.conns = self.conns.wrapping_add(other.conns);
        self.in_packets = self.in_packets.wrapping_add(other.in_packets);
        self.in_bytes = self.in_bytes.wrapping_add(other.in_bytes);
        self.out_packets = self.out_packets.wrapping_add(other.out_packets);
        self.out_bytes = self.out_bytes.wrapping_add(other.out_bytes);
    }
}

/// Why a packet of a service was not forwarded as usual; the index into `REASONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Passed: the instance of the address is not MASTER.
    NotMaster,
    /// Passed: the agent has been silent for `xdp_deadman` seconds.
    AgentSilent,
    /// Passed: no server with weight is left.
    NoServer,
    /// Passed: the MAC of the server's next hop is not known.
    NoNeighbour,
    /// Passed: the server is this host.
    LocalServer,
    /// Passed: a fragment.
    Fragment,
    /// Passed: the time to live has run out.
    TimeToLive,
    /// Passed: the packet does not fit the path to the server.
    TooBig,
    /// Dropped: there is no way back to the client of a NAT flow.
    NoWayBack,
    /// Passed: the lengths in the headers contradict each other.
    Malformed,
}

impl Reason {
    /// Every reason, in the order of the index.
    pub const ALL: [Self; 10] = [
        Self::NotMaster,
        Self::AgentSilent,
        Self::NoServer,
        Self::NoNeighbour,
        Self::LocalServer,
        Self::Fragment,
        Self::TimeToLive,
        Self::TooBig,
        Self::NoWayBack,
        Self::Malformed,
    ];

    /// The XDP verdict that goes with the reason: 2 is `XDP_PASS`, 1 is `XDP_DROP`.
    #[inline(always)]
    #[must_use]
    pub const fn verdict(self) -> u32 {
        match self {
            Self::NoWayBack => 1,
            _ => 2,
        }
    }

    /// The name in `dump` and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotMaster => "not_master",
            Self::AgentSilent => "agent_silent",
            Self::NoServer => "no_server",
            Self::NoNeighbour => "no_neighbour",
            Self::LocalServer => "local_server",
            Self::Fragment => "fragment",
            Self::TimeToLive => "time_to_live",
            Self::TooBig => "too_big",
            Self::NoWayBack => "no_way_back",
            Self::Malformed => "malformed",
        }
    }
}

#[cfg(test)]
mod tests;
