//! What separates two configurations: the smallest list of changes that leads from one to the
//! other, so that a reload touches nothing that stays as it is.
//!
//! Pure. Whoever applies it does so in this order: what is removed, what has changed, what is
//! new. Blocks are told apart by their names, services by what they serve, servers by address
//! and port; the order of blocks in the file is no change, except that of real servers, which
//! schedulers see.

mod list;
mod service;

use serde::Serialize;

pub use list::ListChanges;
pub use service::{ServerChange, ServiceChange};

use super::model::{
    BfdInstance, Config, GarpGroup, Route, Rule, StaticAddress, TrackFile, TrackGroup,
    VirtualServerGroup, VirtualServerKey, VrrpInstance, VrrpScript, VrrpSyncGroup,
    VrrpTrackProcess,
};

/// Names the fields in which two values differ, by their keywords. The pattern is complete, so
/// that a field of the model cannot be forgotten here.
macro_rules! differing {
    ($type:ident { $($skipped:ident),* ; $($field:ident),* $(,)? } in $old:expr, $new:expr) => {{
        let $type { $($skipped: _,)* $($field,)* } = $old;
        let mut keywords: Vec<&'static str> = Vec::new();
        $(if *$field != $new.$field {
            keywords.push(stringify!($field));
        })*
        keywords
    }};
}
use differing;

/// All changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Parts of `global_defs` that differ, by the names of the model's fields.
    pub global_defs: Vec<&'static str>,
    /// Whether what stands outside all blocks differs.
    pub environment: bool,
    /// `vrrp_instance`
    pub vrrp_instances: Vec<InstanceChange>,
    /// `vrrp_sync_group`
    pub vrrp_sync_groups: ListChanges<VrrpSyncGroup>,
    /// `vrrp_script`
    pub vrrp_scripts: ListChanges<VrrpScript>,
    /// `vrrp_track_process`
    pub vrrp_track_processes: ListChanges<VrrpTrackProcess>,
    /// `track_file`
    pub track_files: ListChanges<TrackFile>,
    /// `bfd_instance`
    pub bfd_instances: ListChanges<BfdInstance>,
    /// `track_group`
    pub track_groups: ListChanges<TrackGroup>,
    /// `garp_group`
    pub garp_groups: ListChanges<GarpGroup>,
    /// `static_ipaddress`
    pub static_ipaddress: ListChanges<StaticAddress>,
    /// `static_routes`
    pub static_routes: ListChanges<Route>,
    /// `static_rules`
    pub static_rules: ListChanges<Rule>,
    /// `virtual_server`
    pub virtual_servers: Vec<ServiceChange<VirtualServerKey>>,
    /// `virtual_server_group`
    pub virtual_server_groups: ListChanges<VirtualServerGroup>,
}

/// What happens to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum InstanceChange {
    /// It goes.
    Removed(String),
    /// It goes on in its state with other settings.
    Changed {
        /// The keywords that differ, at least one.
        keywords: Vec<&'static str>,
        /// All settings.
        new: Box<VrrpInstance>,
    },
    /// It ends and begins anew: it is another virtual router, or on another link.
    Restarted {
        /// The keywords that differ.
        keywords: Vec<&'static str>,
        /// All settings.
        new: Box<VrrpInstance>,
    },
    /// It is new.
    Added(Box<VrrpInstance>),
}

/// With another value of these an instance is not the same virtual router any more (RFC 9568 1.7:
/// a VRID on a link), or speaks over an interface of its own.
const IDENTITY: [&str; 8] = [
    "interface",
    "virtual_router_id",
    "version",
    "native_ipv6",
    "use_vmac",
    "use_ipvlan",
    "vmac_xmit_base",
    "vrf",
];

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What leads from `old` to `new`.
pub fn diff(old: &Config, new: &Config) -> Changes {
    Changes {
        global_defs: global_defs(old, new),
        environment: old.environment != new.environment,
        vrrp_instances: instances(&old.vrrp_instances, &new.vrrp_instances),
        vrrp_sync_groups: list::named(&old.vrrp_sync_groups, &new.vrrp_sync_groups),
        vrrp_scripts: list::named(&old.vrrp_scripts, &new.vrrp_scripts),
        vrrp_track_processes: list::named(&old.vrrp_track_processes, &new.vrrp_track_processes),
        track_files: list::named(&old.track_files, &new.track_files),
        bfd_instances: list::named(&old.bfd_instances, &new.bfd_instances),
        track_groups: list::named(&old.track_groups, &new.track_groups),
        garp_groups: list::unnamed(&old.garp_groups, &new.garp_groups),
        static_ipaddress: list::unnamed(&old.static_ipaddress, &new.static_ipaddress),
        static_routes: list::unnamed(&old.static_routes, &new.static_routes),
        static_rules: list::unnamed(&old.static_rules, &new.static_rules),
        virtual_servers: service::services(&old.virtual_servers, &new.virtual_servers),
        virtual_server_groups: list::named(&old.virtual_server_groups, &new.virtual_server_groups),
    }
}

fn global_defs(old: &Config, new: &Config) -> Vec<&'static str> {
    use super::model::GlobalDefs;
    differing!(GlobalDefs {
        ; router_id, vrrp_mcast_group4, vrrp_mcast_group6, xdp_attach, xdp_mode, xdp_required, xdp_interfaces,
        xdp_deadman, xdp_flow_table_size, xdp_share_checks, vrrp, mail, enable_traps, notify, scripts, lvs, process, reload, dump,
    } in &old.global_defs, new.global_defs)
}

fn instances(old: &[VrrpInstance], new: &[VrrpInstance]) -> Vec<InstanceChange> {
    let (old_names, new_names) = (list::by_name(old), list::by_name(new));
    let removed = old
        .iter()
        .filter(|instance| !new_names.contains_key(instance.name.as_str()))
        .map(|instance| InstanceChange::Removed(instance.name.clone()));
    let changed = new.iter().filter_map(|instance| {
        let before = old_names.get(instance.name.as_str())?;
        let keywords = instance_keywords(before, instance);
        let new = Box::new(instance.clone());
        if keywords.is_empty() {
            None
        } else if keywords.iter().any(|keyword| IDENTITY.contains(keyword)) {
            Some(InstanceChange::Restarted { keywords, new })
        } else {
            Some(InstanceChange::Changed { keywords, new })
        }
    });
    let added = new
        .iter()
        .filter(|instance| !old_names.contains_key(instance.name.as_str()))
        .map(|instance| InstanceChange::Added(Box::new(instance.clone())));
    removed.chain(changed).chain(added).collect()
}

fn instance_keywords(old: &VrrpInstance, new: &VrrpInstance) -> Vec<&'static str> {
    differing!(VrrpInstance {
        name; state, interface, virtual_router_id, priority, advert_int, authentication,
        virtual_ipaddress, virtual_ipaddress_excluded, nopreempt, preempt_delay, mcast_src_ip,
        unicast_src_ip, unicast_peer, unicast_ttl, mcast_dst_ip, skip_check_adv_addr, dont_track_primary,
        lower_prio_no_advert, higher_prio_send_advert, down_timer_adverts, garp, version,
        native_ipv6, no_virtual_ipaddress, accept, strict_mode, auth_hmac, unicast_peer_ttl,
        check_unicast_src, unicast_fault_no_peer, old_unicast_checksum, v3_checksum_as_v2,
        owner_ignore_adverts, timer_expired_backup, virtual_routes,
        virtual_rules, promote_secondaries, use_vmac, vmac_xmit_base, use_vmac_addr, use_ipvlan,
        vrf, kernel_rx_buf_size, track_src_ip, track, linkbeat_use_polling, notify, debug,
    } in old, new)
}

#[cfg(test)]
mod tests;
