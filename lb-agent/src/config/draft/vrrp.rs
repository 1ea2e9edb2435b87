//! `global_defs` and `vrrp_instance` as written.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{
    AddressDraft, Given, HasNotify, HasTracking, NotifyDraft, PeerDraft, RouteDraft, RuleDraft,
    TrackingDraft,
};
use crate::config::model::{
    AuthHmac, ExtraIf, FlowTableSize, GlobalDefs, InitialState, LvsSyncDaemon, NftablesIpvs,
    VrrpInstance, XdpAttach, XdpMode,
};
use crate::config::text::Spanned;

/// `global_defs`; each field is the keyword of its name.
#[derive(Debug, Default)]
pub(crate) struct GlobalDraft {
    pub(crate) given: Given,
    /// What is not handed down.
    pub(crate) value: GlobalDefs,
    pub(crate) vrrp_strict: Option<Spanned<bool>>,
    pub(crate) vrrp_check_unicast_src: Option<Spanned<bool>>,
    pub(crate) vrrp_owner_ignore_adverts: Option<Spanned<bool>>,
    pub(crate) v3_checksum_as_v2: Option<Spanned<bool>>,
    pub(crate) vrrp_notify_priority_changes: Option<Spanned<bool>>,
    pub(crate) vrrp_gna_interval: Option<Spanned<Duration>>,
    pub(crate) startup_script_timeout: Option<Spanned<Duration>>,
    pub(crate) shutdown_script_timeout: Option<Spanned<Duration>>,
    /// `nftables_ipvs_*` without `nftables_ipvs` have no effect.
    pub(crate) nftables_ipvs: NftablesIpvs,
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
    pub(crate) xdp_required: Option<Spanned<bool>>,
    pub(crate) xdp_interfaces: Option<Spanned<Vec<String>>>,
    pub(crate) xdp_deadman: Option<Spanned<Duration>>,
    pub(crate) xdp_flow_table_size: Option<FlowTableSize>,
    pub(crate) xdp_share_checks: Option<Spanned<bool>>,
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
    pub(crate) extra_if: Option<ExtraIf>,
}

/// `vrrp_instance`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct InstanceDraft {
    pub(crate) name: Spanned<String>,
    pub(crate) given: Given,
    /// What is neither handed down nor compared.
    pub(crate) value: VrrpInstance,
    pub(crate) accept: Option<Spanned<bool>>,
    pub(crate) strict_mode: Option<Spanned<bool>>,
    pub(crate) check_unicast_src: Option<Spanned<bool>>,
    pub(crate) owner_ignore_adverts: Option<Spanned<bool>>,
    pub(crate) v3_checksum_as_v2: Option<Spanned<bool>>,
    pub(crate) auth_hmac: Option<Spanned<AuthHmac>>,
    /// What stands in its block.
    pub(crate) auth_hmac_given: Given,
    pub(crate) virtual_routes: Vec<RouteDraft>,
    pub(crate) virtual_rules: Vec<RuleDraft>,
    pub(crate) tracking: TrackingDraft,
    pub(crate) notify: NotifyDraft,
    /// `lvs_sync_daemon_interface`
    pub(crate) lvs_sync_daemon: Option<Spanned<LvsSyncDaemon>>,
    /// Of the peers with such limits.
    pub(crate) unicast_peer_ttl: Vec<(Spanned<IpAddr>, PeerDraft)>,
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
    /// keepalived keeps this and the next in one place: the later one takes that of the other.
    pub(crate) mcast_src_ip: Option<Spanned<IpAddr>>,
    pub(crate) unicast_src_ip: Option<Spanned<IpAddr>>,
    pub(crate) unicast_peer: Vec<Spanned<IpAddr>>,
    pub(crate) unicast_ttl: Option<Spanned<u8>>,
    pub(crate) mcast_dst_ip: Option<Spanned<IpAddr>>,
    pub(crate) skip_check_adv_addr: Option<Spanned<bool>>,
    pub(crate) dont_track_primary: Option<Spanned<bool>>,
    pub(crate) lower_prio_no_advert: Option<Spanned<bool>>,
    pub(crate) higher_prio_send_advert: Option<Spanned<bool>>,
    pub(crate) down_timer_adverts: Option<Spanned<u8>>,
    /// `garp_*`
    pub(crate) garp: GarpDraft,
}

impl InstanceDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(name: Spanned<String>) -> Self {
        let value = VrrpInstance::new(name.value.clone());
        Self {
            name,
            given: Given::default(),
            value,
            accept: None,
            strict_mode: None,
            check_unicast_src: None,
            owner_ignore_adverts: None,
            v3_checksum_as_v2: None,
            auth_hmac: None,
            auth_hmac_given: Given::default(),
            virtual_routes: Vec::new(),
            virtual_rules: Vec::new(),
            tracking: TrackingDraft::default(),
            notify: NotifyDraft::default(),
            lvs_sync_daemon: None,
            unicast_peer_ttl: Vec::new(),
            state: None,
            interface: None,
            virtual_router_id: None,
            priority: None,
            advert_int: None,
            version: None,
            authentication: AuthenticationDraft::default(),
            virtual_ipaddress: Vec::new(),
            virtual_ipaddress_excluded: Vec::new(),
            no_virtual_ipaddress: None,
            nopreempt: None,
            preempt_delay: None,
            mcast_src_ip: None,
            unicast_src_ip: None,
            unicast_peer: Vec::new(),
            unicast_ttl: None,
            mcast_dst_ip: None,
            skip_check_adv_addr: None,
            dont_track_primary: None,
            lower_prio_no_advert: None,
            higher_prio_send_advert: None,
            down_timer_adverts: None,
            garp: GarpDraft::default(),
        }
    }
}

impl HasTracking for InstanceDraft {
    fn tracking(&mut self) -> &mut TrackingDraft {
        &mut self.tracking
    }
}

impl HasNotify for InstanceDraft {
    fn notify(&mut self) -> &mut NotifyDraft {
        &mut self.notify
    }
}

/// `vrrp_sync_group`
#[derive(Debug, Default)]
pub(crate) struct SyncGroupDraft {
    pub(crate) group: Vec<Spanned<String>>,
    pub(crate) tracking: TrackingDraft,
    pub(crate) notify: NotifyDraft,
    pub(crate) sync_group_tracking_weight: bool,
}

impl HasTracking for SyncGroupDraft {
    fn tracking(&mut self) -> &mut TrackingDraft {
        &mut self.tracking
    }
}

impl HasNotify for SyncGroupDraft {
    fn notify(&mut self) -> &mut NotifyDraft {
        &mut self.notify
    }
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
