//! `global_defs`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::{Dumps, GlobalNotify, LvsDefaults, Mail, Processes, Reload, ScriptDefaults};

/// `global_defs`. The defaults of instances (`vrrp_garp_*`, `vrrp_version` …) stand in the
/// instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GlobalDefs {
    /// Default: the host name.
    pub router_id: Option<String>,
    /// Default group of the instances, 224.0.0.18.
    pub vrrp_mcast_group4: Ipv4Addr,
    /// Default group of the instances of IPv6, `ff02::12`.
    pub vrrp_mcast_group6: Ipv6Addr,
    /// Where and when the XDP program is attached (`xdp_attach start|master`).
    pub xdp_attach: XdpAttach,
    /// `xdp_mode auto|native|generic|off`.
    pub xdp_mode: XdpMode,
    /// `xdp_required`: without a data plane for every virtual server the agent does not start.
    pub xdp_required: bool,
    /// `xdp_interfaces IF…`; empty: the interfaces follow from the virtual servers.
    pub xdp_interfaces: Vec<String>,
    /// `xdp_deadman SEC`: after so long without the agent nothing is forwarded; zero: never.
    pub xdp_deadman: Duration,
    /// `xdp_flow_table_size`: room for flows.
    pub xdp_flow_table_size: FlowTableSize,
    /// `xdp_share_checks`: equal checks are made once.
    pub xdp_share_checks: bool,
    /// VRRP as a whole.
    pub vrrp: VrrpDefaults,
    /// Mail.
    pub mail: Mail,
    /// `enable_traps`.
    pub enable_traps: bool,
    /// FIFOs.
    pub notify: GlobalNotify,
    /// Scripts.
    pub scripts: ScriptDefaults,
    /// IPVS.
    pub lvs: LvsDefaults,
    /// Processes.
    pub process: Processes,
    /// Reloading.
    pub reload: Reload,
    /// Dump files.
    pub dump: Dumps,
}

impl Default for GlobalDefs {
    fn default() -> Self {
        Self {
            router_id: None,
            vrrp_mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            vrrp_mcast_group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            xdp_attach: XdpAttach::Start,
            xdp_mode: XdpMode::Auto,
            xdp_required: true,
            xdp_interfaces: Vec::new(),
            xdp_deadman: Duration::from_mins(1),
            xdp_flow_table_size: FlowTableSize::default(),
            xdp_share_checks: true,
            vrrp: VrrpDefaults::default(),
            mail: Mail::default(),
            enable_traps: false,
            notify: GlobalNotify::default(),
            scripts: ScriptDefaults::default(),
            lvs: LvsDefaults::default(),
            process: Processes::default(),
            reload: Reload::default(),
            dump: Dumps::default(),
        }
    }
}

/// `xdp_flow_table_size FLOWS [FLOWS OF IPV6]`: powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FlowTableSize {
    /// Flows of IPv4 that there is room for, 16 bytes each.
    pub ipv4: u32,
    /// Flows of IPv6, 32 bytes each.
    pub ipv6: u32,
}

impl FlowTableSize {
    /// Flows of one family that can be asked for: a table of IPv4 takes 16 KiB to 1 GiB.
    pub const RANGE: RangeInclusive<u32> = 1 << 10..=1 << 26;

    /// Room for so many flows, or somewhat more. Without a number for IPv6 it has a quarter of the
    /// room, as by default.
    #[must_use]
    pub fn of(ipv4: u32, ipv6: Option<u32>) -> Self {
        let ipv6 = ipv6.unwrap_or(ipv4 / 4).max(*Self::RANGE.start());
        Self {
            ipv4: ipv4.next_power_of_two(),
            ipv6: ipv6.next_power_of_two(),
        }
    }
}

impl Default for FlowTableSize {
    fn default() -> Self {
        Self::of(1 << 22, None)
    }
}

/// What concerns VRRP as a whole, not one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct VrrpDefaults {
    /// `vrrp_iptables [IN [OUT]]`: names of the chains.
    pub vrrp_iptables: Option<(String, Option<String>)>,
    /// `vrrp_ipsets NAME …`.
    pub vrrp_ipsets: Vec<String>,
    /// `nftables [TABLE]`.
    pub nftables: Option<String>,
    /// `nftables_priority`; `None`: -1.
    pub nftables_priority: Option<i32>,
    /// `nftables_ifindex`: rules name interfaces by number.
    pub nftables_ifindex: bool,
    /// `nftables_counters`.
    pub nftables_counters: bool,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `vrrp_startup_delay`: no instance becomes MASTER earlier.
    pub vrrp_startup_delay: Duration,
    /// `vrrp_delay_after_boot`: counted from the boot of the host.
    pub vrrp_delay_after_boot: Duration,
    /// `dynamic_interfaces`: an interface may come later.
    pub dynamic_interfaces: bool,
    /// `dynamic_interfaces allow_if_changes`: and be of another kind then.
    pub allow_if_changes: bool,
    /// `disable_local_igmp`: the host does not report its groups.
    pub disable_local_igmp: bool,
    /// `vmac_prefix`; `None`: `vrrp`.
    pub vmac_prefix: Option<String>,
    /// `vmac_addr_prefix`.
    pub vmac_addr_prefix: Option<String>,
    /// `vrrp_rx_bufs_policy`.
    pub vrrp_rx_bufs_policy: Option<RxBufs>,
    /// `vrrp_rx_bufs_multiplier`; `None`: 3.
    pub vrrp_rx_bufs_multiplier: Option<u32>,
}

/// `vrrp_rx_bufs_policy MTU|ADVERT|BYTES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RxBufs {
    /// `MTU`.
    Mtu,
    /// `ADVERT`.
    Advert,
    /// Bytes.
    Bytes(u32),
}

/// `xdp_attach`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum XdpAttach {
    /// Once, at start; a BACKUP's program lets everything pass.
    #[default]
    Start,
    /// At the first MASTER, detached when no instance is MASTER any more.
    Master,
}

/// `xdp_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum XdpMode {
    /// Native; generic where the driver refuses; the kernel's IPVS where XDP cannot serve.
    #[default]
    Auto,
    /// Native or not at all.
    Native,
    /// Generic or not at all.
    Generic,
    /// The kernel's IPVS.
    Off,
}
