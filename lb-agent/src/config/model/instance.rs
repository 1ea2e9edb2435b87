//! `vrrp_instance`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

use super::{
    AuthHmac, Authentication, Garp, Notify, Route, Rule, Tracking, UseIpvlan, UseVmac,
    VirtualAddress,
};

/// `vrrp_instance NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct VrrpInstance {
    /// The name behind `vrrp_instance`.
    pub name: String,
    /// `state`: the wish at start.
    pub state: InitialState,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`, 1–255.
    pub virtual_router_id: u8,
    /// `priority`, 1–255.
    pub priority: u8,
    /// `advert_int`; whole seconds in version 2, centiseconds to 40.95 s in version 3.
    pub advert_int: Duration,
    /// `authentication`; `None` without the block or with `auth_type` none.
    pub authentication: Option<Authentication>,
    /// `virtual_ipaddress`, in order: this order is what stands in the advert.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: set like the others, never advertised.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `mcast_src_ip`; default: the interface's first address. With [`Self::unicast_src_ip`] the later one
    /// of the file counts, and the other is `None`: both say one thing.
    pub mcast_src_ip: Option<IpAddr>,
    /// `unicast_src_ip`; as [`Self::mcast_src_ip`].
    pub unicast_src_ip: Option<IpAddr>,
    /// `unicast_peer`; not empty = unicast, multicast is not used.
    pub unicast_peer: Vec<IpAddr>,
    /// `unicast_ttl`.
    pub unicast_ttl: u8,
    /// `mcast_dst_ip`, else `vrrp_mcast_group4` or `vrrp_mcast_group6`.
    pub mcast_dst_ip: IpAddr,
    /// `skip_check_adv_addr`, else `vrrp_skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `dont_track_primary`: the link state of `interface` does not matter.
    pub dont_track_primary: bool,
    /// `lower_prio_no_advert`, else `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`, else `vrrp_higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `down_timer_adverts`, else `vrrp_down_timer_adverts`; 1–100, default 3.
    pub down_timer_adverts: u8,
    /// Gratuitous ARP: `garp_*`, else `vrrp_garp_*`.
    pub garp: Garp,
    /// `version`, else `vrrp_version`: 2 or 3.
    pub version: u8,
    /// `native_ipv6`: IPv6 without a virtual address that says so.
    pub native_ipv6: bool,
    /// `no_virtual_ipaddress`: none is meant to be there.
    pub no_virtual_ipaddress: bool,
    /// `accept` / `no_accept`, else not `strict_mode`: packets to the virtual addresses are
    /// accepted.
    pub accept: bool,
    /// `strict_mode`, else `vrrp_strict`.
    pub strict_mode: bool,
    /// `auth_hmac`.
    pub auth_hmac: Option<AuthHmac>,
    /// `unicast_peer … min_ttl N max_ttl N`: of the peers that have such limits.
    pub unicast_peer_ttl: Vec<PeerTtl>,
    /// `check_unicast_src`, else `vrrp_check_unicast_src`: only peers are listened to.
    pub check_unicast_src: bool,
    /// `unicast_fault_no_peer`: FAULT without a peer.
    pub unicast_fault_no_peer: bool,
    /// `old_unicast_checksum`; `Some(false)` for `never`.
    pub old_unicast_checksum: Option<bool>,
    /// `v3_checksum_as_v2`: without the pseudo header.
    pub v3_checksum_as_v2: bool,
    /// `owner_ignore_adverts`, else `vrrp_owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `timer_expired_backup [PRIORITY]`: BACKUP when an advert is so late that another router
    /// of this priority has taken over; without one, of 254.
    pub timer_expired_backup: Option<u8>,
    /// `virtual_routes`.
    pub virtual_routes: Vec<Route>,
    /// `virtual_rules`.
    pub virtual_rules: Vec<Rule>,
    /// `promote_secondaries`: of the interface.
    pub promote_secondaries: bool,
    /// `use_vmac`.
    pub use_vmac: Option<UseVmac>,
    /// `vmac_xmit_base`: adverts go out by the interface below.
    pub vmac_xmit_base: bool,
    /// `use_vmac_addr`: addresses on other interfaces get a VMAC, too.
    pub use_vmac_addr: bool,
    /// `use_ipvlan`.
    pub use_ipvlan: Option<UseIpvlan>,
    /// `vrf`.
    pub vrf: Option<String>,
    /// `kernel_rx_buf_size`, bytes.
    pub kernel_rx_buf_size: Option<u32>,
    /// `track_src_ip`: FAULT while the source address is not set.
    pub track_src_ip: bool,
    /// `track_interface`, `track_script`, `track_file`, `track_process`, `track_bfd`.
    pub track: Tracking,
    /// `linkbeat_use_polling`.
    pub linkbeat_use_polling: bool,
    /// `notify_*`, `smtp_alert`.
    pub notify: Notify,
    /// `debug`, 0 to 4.
    pub debug: u8,
}

/// How far away a peer may and must be, told by the TTL of its adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeerTtl {
    /// One of `unicast_peer`.
    pub peer: IpAddr,
    /// `min_ttl`.
    pub min_ttl: Option<u8>,
    /// `max_ttl`.
    pub max_ttl: Option<u8>,
}

impl VrrpInstance {
    /// An instance of which nothing more is known: keepalived's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: InitialState::Backup,
            interface: String::new(),
            virtual_router_id: 0,
            priority: 100,
            advert_int: Duration::from_secs(1),
            authentication: None,
            virtual_ipaddress: Vec::new(),
            virtual_ipaddress_excluded: Vec::new(),
            nopreempt: false,
            preempt_delay: Duration::ZERO,
            mcast_src_ip: None,
            unicast_src_ip: None,
            unicast_peer: Vec::new(),
            unicast_ttl: 255,
            // RFC 3768 5.2.2
            mcast_dst_ip: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            skip_check_adv_addr: false,
            dont_track_primary: false,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            down_timer_adverts: 3,
            garp: Garp::default(),
            version: 2,
            native_ipv6: false,
            no_virtual_ipaddress: false,
            accept: true,
            strict_mode: false,
            auth_hmac: None,
            unicast_peer_ttl: Vec::new(),
            check_unicast_src: false,
            unicast_fault_no_peer: false,
            old_unicast_checksum: None,
            v3_checksum_as_v2: false,
            owner_ignore_adverts: false,
            timer_expired_backup: None,
            virtual_routes: Vec::new(),
            virtual_rules: Vec::new(),
            promote_secondaries: false,
            use_vmac: None,
            vmac_xmit_base: false,
            use_vmac_addr: false,
            use_ipvlan: None,
            vrf: None,
            kernel_rx_buf_size: None,
            track_src_ip: false,
            track: Tracking::default(),
            linkbeat_use_polling: false,
            notify: Notify::default(),
            debug: 0,
        }
    }
}

/// `state MASTER|BACKUP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum InitialState {
    /// `MASTER`.
    Master,
    /// `BACKUP`.
    #[default]
    Backup,
}
