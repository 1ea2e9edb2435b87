//! What services and servers have done, in 64 bits. Pure.

use crate::net::attribute::{self, attributes};

/// Counters since the start or the last `IPVS_CMD_ZERO`, and the kernel's estimate of the rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Since the start.
    pub totals: Figures,
    /// Per second, estimated over the last seconds.
    pub rates: Figures,
}

/// Traffic of a service or server. Bytes count from the IP header on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections scheduled.
    pub conns: u64,
    /// Packets towards the server.
    pub in_packets: u64,
    /// Packets back, of those that pass here (NAT).
    pub out_packets: u64,
    /// Bytes towards the server.
    pub in_bytes: u64,
    /// Bytes back, of those that pass here (NAT).
    pub out_bytes: u64,
}

impl Statistics {
    /// Reads `IPVS_*_ATTR_STATS64`; what is missing stays 0.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut statistics = Self::default();
        let Self { totals, rates } = &mut statistics;
        for (kind, value) in attributes(bytes) {
            // IPVS_STATS_ATTR_*.
            let figure = match kind {
                1 => &mut totals.conns,
                2 => &mut totals.in_packets,
                3 => &mut totals.out_packets,
                4 => &mut totals.in_bytes,
                5 => &mut totals.out_bytes,
                6 => &mut rates.conns,
                7 => &mut rates.in_packets,
                8 => &mut rates.out_packets,
                9 => &mut rates.in_bytes,
                10 => &mut rates.out_bytes,
                _ => continue,
            };
            *figure = attribute::u64(value).unwrap_or(0);
        }
        statistics
    }
}
