//! Gratuitous ARP and unsolicited neighbour advertisements.

use std::time::Duration;

use serde::Serialize;

/// The schedule of gratuitous ARPs of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Garp {
    /// `garp_master_delay`: the second burst comes so long after the first; zero: none.
    pub master_delay: Duration,
    /// `garp_master_repeat`: ARPs of one burst for each address.
    pub master_repeat: u32,
    /// `garp_master_refresh`: one refresh so often while MASTER; zero: none.
    pub master_refresh: Duration,
    /// `garp_master_refresh_repeat`.
    pub master_refresh_repeat: u32,
    /// `garp_lower_prio_delay`.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`.
    pub lower_prio_repeat: u32,
    /// `vrrp_garp_interval`: at least so long between two; zero: no pacing.
    pub interval: Duration,
    /// `vrrp_gna_interval`: the same for neighbour advertisements.
    pub gna_interval: Duration,
    /// `garp_extra_if`, else `vrrp_garp_extra_if`.
    pub extra_if: Option<ExtraIf>,
}

/// `garp_extra_if [all] SECONDS`: gratuitous ARPs on the interfaces of the addresses, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExtraIf {
    /// `all`: also on interfaces that are no VMAC.
    pub all: bool,
    /// So often.
    pub interval: Duration,
}

/// `garp_group`: one pace for several interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GarpGroup {
    /// `garp_interval`: at least so long between two; zero: no pacing.
    pub garp_interval: Duration,
    /// `gna_interval`: the same for neighbour advertisements.
    pub gna_interval: Duration,
    /// `interface`, `interfaces`.
    pub interfaces: Vec<String>,
}

impl Default for Garp {
    fn default() -> Self {
        Self {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            extra_if: None,
        }
    }
}
