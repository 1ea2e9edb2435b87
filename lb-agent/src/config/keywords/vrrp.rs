//! `vrrp_instance`.

mod authentication;
mod garp;
mod links;

use std::time::Duration;

pub(crate) use authentication::{AUTH_HMAC, AUTHENTICATION};
pub(crate) use links::USE_VMAC;

use self::garp::GARP;
use self::links::LINKS;
use super::telling::notify;
use super::tracking::tracked;
use super::{
    COMMAND, Keyword, NONE, Section, bare, block, byte, flag, line, one, read, seconds, word, words,
};
use crate::config::draft::InstanceDraft;
use crate::config::lower::vrrp as lower;
use crate::config::model::InitialState;
use crate::config::value;

/// `vrrp_instance`
pub(crate) static VRRP_INSTANCE: Section<InstanceDraft> = Section::new(
    "vrrp_instance",
    &[
        ROLE,
        ADDRESSES,
        SENDING,
        LINKS,
        GARP,
        TRACKING,
        &tracked(),
        &notify(),
        TELLING,
    ],
);

const STATE: &[(&str, InitialState)] = &[
    ("MASTER", InitialState::Master),
    ("BACKUP", InitialState::Backup),
];

const ROLE: &[Keyword<InstanceDraft>] = &[
    word(
        "state",
        "MASTER|BACKUP",
        read!(choice STATE => |i: &mut InstanceDraft, v| i.state = Some(v)),
    )
    .default("BACKUP")
    .example("MASTER"),
    word(
        "interface",
        "INTERFACE",
        read!(value::interface => |i: &mut InstanceDraft, v| i.interface = Some(v)),
    )
    .default("`default_interface`")
    .example("eth7"),
    byte("virtual_router_id", 1..=255, |i: &mut InstanceDraft, v| {
        i.virtual_router_id = Some(v);
    }),
    line("priority", one("1–255"), lower::priority)
        .default("100; 255 with `state MASTER`")
        .example("77"),
    // RFC 9568 5.2.7 has 12 bits of centiseconds, RFC 3768 5.3.7 a byte of seconds.
    seconds(
        "advert_int",
        Duration::from_millis(10)..=Duration::from_secs(255),
        |i: &mut InstanceDraft, v| i.advert_int = Some(v),
    )
    .default("1 s"),
    byte("version", 2..=3, |i: &mut InstanceDraft, v| {
        i.version = Some(v);
    })
    .default("`vrrp_version`")
    .example("3"),
    bare("nopreempt", |i: &mut InstanceDraft, v| {
        i.nopreempt = Some(v);
    }),
    line("preempt", NONE, lower::preempt).default("on"),
    seconds(
        "preempt_delay",
        Duration::ZERO..=Duration::from_secs(1000),
        |i: &mut InstanceDraft, v| {
            i.preempt_delay = Some(v);
        },
    )
    .default("0"),
    byte("down_timer_adverts", 1..=100, |i: &mut InstanceDraft, v| {
        i.down_timer_adverts = Some(v);
    })
    .default("`vrrp_down_timer_adverts`")
    .since("2.2.3"),
    flag("skip_check_adv_addr", |i: &mut InstanceDraft, v| {
        i.skip_check_adv_addr = Some(v);
    })
    .default("`vrrp_skip_check_adv_addr`"),
    flag("lower_prio_no_advert", |i: &mut InstanceDraft, v| {
        i.lower_prio_no_advert = Some(v);
    })
    .default("`vrrp_lower_prio_no_advert`"),
    flag("higher_prio_send_advert", |i: &mut InstanceDraft, v| {
        i.higher_prio_send_advert = Some(v);
    })
    .default("`vrrp_higher_prio_send_advert`"),
    flag("owner_ignore_adverts", |i: &mut InstanceDraft, v| {
        i.owner_ignore_adverts = Some(v);
    })
    .default("`vrrp_owner_ignore_adverts`")
    .since("2.3.3"),
    flag("strict_mode", |i: &mut InstanceDraft, v| {
        i.strict_mode = Some(v);
    })
    .default("`vrrp_strict`")
    .silent("off"),
    line(
        "timer_expired_backup",
        words("[1–254]", 0, 1),
        lower::timer_expired_backup,
    )
    .or(&["thread_timer_expired"])
    .since("2.2.8")
    .example("77"),
    line("debug", words("0–4", 0, 1), lower::debug)
        .default("0")
        .example("4")
        .silent("0")
        .accepted("`--log` sets how much is logged"),
];

const ADDRESSES: &[Keyword<InstanceDraft>] = &[
    block("virtual_ipaddress", NONE, lower::virtual_ipaddress)
        .example("{\n10.0.0.1\n}")
        .many(),
    block(
        "virtual_ipaddress_excluded",
        NONE,
        lower::virtual_ipaddress_excluded,
    )
    .example("{\n10.0.0.1\n}")
    .many(),
    flag("no_virtual_ipaddress", |i: &mut InstanceDraft, v| {
        i.no_virtual_ipaddress = Some(v);
    })
    .since("2.2.8"),
    block("virtual_routes", NONE, lower::virtual_routes)
        .example("{\n10.7.0.0/16 via 10.0.0.9\n}")
        .many(),
    block("virtual_rules", NONE, lower::virtual_rules)
        .example("{\nfrom 10.7.0.0/16 table 7\n}")
        .many(),
    bare("accept", |i: &mut InstanceDraft, v| i.accept = Some(v))
        .default("on, unless `strict_mode`")
        .example("off")
        .silent(""),
    line("no_accept", NONE, lower::no_accept),
    bare("promote_secondaries", |i: &mut InstanceDraft, v| {
        i.value.promote_secondaries = v.value;
    }),
    bare("native_ipv6", |i: &mut InstanceDraft, v| {
        i.value.native_ipv6 = v.value;
    }),
];

const SENDING: &[Keyword<InstanceDraft>] = &[
    block("authentication", NONE, lower::authentication)
        .example("{\nauth_type PASS\nauth_pass x\n}")
        .many(),
    line("mcast_src_ip", one("ADDRESS"), lower::mcast_src_ip)
        .default("the interface's first address")
        .example("10.0.0.7"),
    line("unicast_src_ip", one("ADDRESS"), lower::unicast_src_ip)
        .default("the interface's first address")
        .example("10.0.0.7"),
    block("unicast_peer", NONE, lower::unicast_peer)
        .example("{\n10.0.0.7\n}")
        .many(),
    byte("unicast_ttl", 0..=255, |i: &mut InstanceDraft, v| {
        i.unicast_ttl = Some(v);
    })
    .default("255"),
    word(
        "mcast_dst_ip",
        "ADDRESS",
        read!(value::multicast => |i: &mut InstanceDraft, v| i.mcast_dst_ip = Some(v)),
    )
    .default("`vrrp_mcast_group4` or `vrrp_mcast_group6`")
    .since("2.2.5")
    .example("230.0.0.1"),
    bare("check_unicast_src", |i: &mut InstanceDraft, v| {
        i.check_unicast_src = Some(v);
    })
    .default("`vrrp_check_unicast_src`"),
    bare("unicast_fault_no_peer", |i: &mut InstanceDraft, v| {
        i.value.unicast_fault_no_peer = v.value;
    }),
    line(
        "old_unicast_checksum",
        words("[never]", 0, 1),
        lower::old_unicast_checksum,
    )
    .example("never"),
    flag("v3_checksum_as_v2", |i: &mut InstanceDraft, v| {
        i.v3_checksum_as_v2 = Some(v);
    })
    .since("2.2.8"),
    block("auth_hmac", NONE, lower::auth_hmac)
        .since("2.4.0")
        .example("{\nkey 9 ninethsecretofthirtytwocharacters\n}"),
];

const TRACKING: &[Keyword<InstanceDraft>] = &[
    bare("dont_track_primary", |i: &mut InstanceDraft, v| {
        i.dont_track_primary = Some(v);
    }),
    bare("track_src_ip", |i: &mut InstanceDraft, v| {
        i.value.track_src_ip = v.value;
    }),
    bare("linkbeat_use_polling", |i: &mut InstanceDraft, v| {
        i.value.linkbeat_use_polling = v.value;
    })
    .accepted("link states come from the kernel's notifications"),
];

const TELLING: &[Keyword<InstanceDraft>] = &[
    bare("notify_deleted", |i: &mut InstanceDraft, v| {
        i.notify.value.notify_deleted = v.value;
    }),
    line(
        "notify_master_rx_lower_pri",
        COMMAND,
        lower::notify_master_rx_lower_pri,
    )
    .example("/bin/true"),
    // Ours.
    line("notify_split_brain", COMMAND, lower::notify_split_brain).example("/bin/true"),
];
