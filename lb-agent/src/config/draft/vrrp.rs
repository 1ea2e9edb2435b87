//! `global_defs` and `vrrp_instance` as written.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::{Broadcast, InitialState, XdpAttach, XdpMode};
use crate::config::text::Spanned;

/// `global_defs`; each field is the keyword of its name.
#[derive(Debug, Default)]
pub(crate) struct GlobalDraft {
    pub(crate) router_id: Option<Spanned<String>>,
    pub(crate) default_interface: Option<Spanned<String>>,
    pub(crate) vrrp_mcast_group4: Option<Spanned<Ipv4Addr>>,
    pub(crate) vrrp_version: Option<Spanned<u8>>,
    pub(crate) vrrp_skip_check_adv_addr: Option<Spanned<bool>>,
    pub(crate) vrrp_lower_prio_no_advert: Option<Spanned<bool>>,
    pub(crate) vrrp_higher_prio_send_advert: Option<Spanned<bool>>,
    pub(crate) vrrp_down_timer_adverts: Option<Spanned<u8>>,
    pub(crate) vrrp_min_garp: Option<Spanned<bool>>,
    pub(crate) vrrp_garp_interval: Option<Spanned<Duration>>,
    /// `vrrp_garp_*`
    pub(crate) garp: GarpDraft,
    pub(crate) checker_log_all_failures: Option<Spanned<bool>>,
    pub(crate) xdp_attach: Option<Spanned<XdpAttach>>,
    pub(crate) xdp_mode: Option<Spanned<XdpMode>>,
    pub(crate) xdp_interfaces: Option<Spanned<Vec<String>>>,
    pub(crate) xdp_deadman: Option<Spanned<Duration>>,
}

/// The keywords that stand in `global_defs` as `vrrp_garp_*` and in an instance as `garp_*`.
#[derive(Debug, Default)]
pub(crate) struct GarpDraft {
    pub(crate) master_delay: Option<Spanned<Duration>>,
    pub(crate) master_repeat: Option<Spanned<u32>>,
    pub(crate) master_refresh: Option<Spanned<Duration>>,
    pub(crate) master_refresh_repeat: Option<Spanned<u32>>,
    pub(crate) lower_prio_delay: Option<Spanned<Duration>>,
    pub(crate) lower_prio_repeat: Option<Spanned<u32>>,
}

/// `vrrp_instance`; each field is the keyword of its name.
#[derive(Debug, Default)]
pub(crate) struct InstanceDraft {
    /// The name, or the keyword's place.
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) state: Option<Spanned<InitialState>>,
    pub(crate) interface: Option<Spanned<String>>,
    pub(crate) virtual_router_id: Option<Spanned<u8>>,
    pub(crate) priority: Option<Spanned<u8>>,
    pub(crate) advert_int: Option<Spanned<Duration>>,
    pub(crate) version: Option<Spanned<u8>>,
    pub(crate) authentication: AuthenticationDraft,
    pub(crate) virtual_ipaddress: Vec<AddressDraft>,
    pub(crate) virtual_ipaddress_excluded: Vec<AddressDraft>,
    pub(crate) no_virtual_ipaddress: Option<Spanned<bool>>,
    /// `nopreempt`, undone by `preempt`.
    pub(crate) nopreempt: Option<Spanned<bool>>,
    pub(crate) preempt_delay: Option<Spanned<Duration>>,
    /// `mcast_src_ip` or `unicast_src_ip`: keepalived keeps them in one place, too.
    pub(crate) source: Option<Spanned<Ipv4Addr>>,
    pub(crate) unicast_peer: Vec<Spanned<Ipv4Addr>>,
    pub(crate) unicast_ttl: Option<Spanned<u8>>,
    pub(crate) mcast_dst_ip: Option<Spanned<Ipv4Addr>>,
    pub(crate) skip_check_adv_addr: Option<Spanned<bool>>,
    pub(crate) dont_track_primary: Option<Spanned<bool>>,
    pub(crate) lower_prio_no_advert: Option<Spanned<bool>>,
    pub(crate) higher_prio_send_advert: Option<Spanned<bool>>,
    pub(crate) down_timer_adverts: Option<Spanned<u8>>,
    /// `garp_*`
    pub(crate) garp: GarpDraft,
}

/// `authentication`
#[derive(Debug, Default)]
pub(crate) struct AuthenticationDraft {
    pub(crate) auth_type: Option<Spanned<AuthType>>,
    pub(crate) auth_pass: Option<Spanned<String>>,
}

/// `auth_type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthType {
    /// `PASS`
    Pass,
    /// `AH`
    Ah,
}

/// A line of `virtual_ipaddress`.
#[derive(Debug)]
pub(crate) struct AddressDraft {
    pub(crate) address: Spanned<IpNet>,
    pub(crate) dev: Option<Spanned<String>>,
    pub(crate) label: Option<Spanned<String>>,
    pub(crate) scope: Option<Spanned<u8>>,
    pub(crate) brd: Option<Spanned<Broadcast>>,
}
