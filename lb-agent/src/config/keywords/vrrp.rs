//! `vrrp_instance` and its `authentication`.

use std::time::Duration;

use super::{
    Keyword, NONE, Section, YEAR, accepted, block, byte, elsewhere, flag, later, later_block,
    later_but, later_unless, line, number, one, seconds, text,
};
use crate::config::draft::{AuthenticationDraft, InstanceDraft};
use crate::config::lower::vrrp as lower;

/// `vrrp_instance`
pub(crate) static VRRP_INSTANCE: Section<InstanceDraft> = Section::new(
    "vrrp_instance",
    &[ROLE, ADDRESSES, SENDING, GARP, TRACKING, TELLING, REST],
);

/// `authentication`
pub(crate) static AUTHENTICATION: Section<AuthenticationDraft> =
    Section::new("authentication", &[SECRET]);

const ROLE: &[Keyword<InstanceDraft>] = &[
    line("state", one("MASTER|BACKUP"), lower::state),
    line("interface", one("INTERFACE"), lower::interface),
    byte("virtual_router_id", 1..=255, |i| &mut i.virtual_router_id),
    line("priority", one("1-255"), lower::priority),
    // RFC 9568 5.2.7 has 12 bits of centiseconds, RFC 3768 5.3.7 a byte of seconds.
    seconds(
        "advert_int",
        Duration::from_millis(10)..=Duration::from_secs(255),
        |i| &mut i.advert_int,
    ),
    byte("version", 2..=3, |i| &mut i.version),
    flag("nopreempt", |i| &mut i.nopreempt),
    line("preempt", NONE, lower::preempt),
    seconds(
        "preempt_delay",
        Duration::ZERO..=Duration::from_secs(1000),
        |i| &mut i.preempt_delay,
    ),
    byte("down_timer_adverts", 1..=100, |i| &mut i.down_timer_adverts),
    flag("skip_check_adv_addr", |i| &mut i.skip_check_adv_addr),
    flag("lower_prio_no_advert", |i| &mut i.lower_prio_no_advert),
    flag("higher_prio_send_advert", |i| {
        &mut i.higher_prio_send_advert
    }),
    later("owner_ignore_adverts"),
    later("strict_mode"),
    later("timer_expired_backup"),
    later("thread_timer_expired"),
];

const ADDRESSES: &[Keyword<InstanceDraft>] = &[
    block("virtual_ipaddress", NONE, lower::virtual_ipaddress),
    block(
        "virtual_ipaddress_excluded",
        NONE,
        lower::virtual_ipaddress_excluded,
    ),
    flag("no_virtual_ipaddress", |i| &mut i.no_virtual_ipaddress),
    later_but("virtual_routes", "these routes are not set"),
    later_but("virtual_rules", "these rules are not set"),
    accepted(
        "accept",
        "the virtual addresses accept all packets in any case",
    ),
    later_but("no_accept", "the virtual addresses accept all packets"),
    later("promote_secondaries"),
    later("native_ipv6"),
];

const SENDING: &[Keyword<InstanceDraft>] = &[
    block("authentication", NONE, lower::authentication),
    line("mcast_src_ip", one("ADDRESS"), lower::source),
    line("unicast_src_ip", one("ADDRESS"), lower::source),
    block("unicast_peer", NONE, lower::unicast_peer),
    byte("unicast_ttl", 0..=255, |i| &mut i.unicast_ttl),
    line("mcast_dst_ip", one("ADDRESS"), lower::mcast_dst_ip),
    later("check_unicast_src"),
    later("unicast_fault_no_peer"),
    later("old_unicast_checksum"),
    later("v3_checksum_as_v2"),
    later_but("use_vmac", "the interface keeps its own MAC address"),
    later("vmac_xmit_base"),
    later("use_vmac_addr"),
    later_but("use_ipvlan", "the interface itself is used"),
    later("vrf"),
    later("kernel_rx_buf_size"),
    later_block("auth_hmac", elsewhere::AUTH_HMAC),
];

const GARP: &[Keyword<InstanceDraft>] = &[
    seconds("garp_master_delay", Duration::ZERO..=YEAR, |i| {
        &mut i.garp.master_delay
    }),
    number("garp_master_repeat", 1..=u32::MAX, |i| {
        &mut i.garp.master_repeat
    }),
    seconds("garp_master_refresh", Duration::ZERO..=YEAR, |i| {
        &mut i.garp.master_refresh
    }),
    number("garp_master_refresh_repeat", 1..=u32::MAX, |i| {
        &mut i.garp.master_refresh_repeat
    }),
    seconds("garp_lower_prio_delay", Duration::ZERO..=YEAR, |i| {
        &mut i.garp.lower_prio_delay
    }),
    number("garp_lower_prio_repeat", 0..=u32::MAX, |i| {
        &mut i.garp.lower_prio_repeat
    }),
    later("garp_extra_if").or(&["vmac_garp_intvl"]),
];

const TRACKING: &[Keyword<InstanceDraft>] = &[
    flag("dont_track_primary", |i| &mut i.dont_track_primary),
    later("track_interface"),
    later("track_script"),
    later("track_file"),
    later("track_process"),
    later("track_bfd"),
    later("track_src_ip"),
    later("linkbeat_use_polling"),
];

const TELLING: &[Keyword<InstanceDraft>] = &[
    later("notify_master"),
    later("notify_backup"),
    later("notify_fault"),
    later("notify_stop"),
    later("notify"),
    later("notify_deleted"),
    later("notify_master_rx_lower_pri"),
    later("notify_priority_changes"),
    later("smtp_alert"),
];

const REST: &[Keyword<InstanceDraft>] = &[
    later("lvs_sync_daemon_interface"),
    later_unless("debug", "0"),
];

const SECRET: &[Keyword<AuthenticationDraft>] = &[
    line("auth_type", one("PASS|AH"), lower::auth_type),
    text("auth_pass", |a| &mut a.auth_pass),
];
