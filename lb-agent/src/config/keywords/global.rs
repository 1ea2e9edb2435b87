//! `global_defs`: VRRP, the data plane, mail, scripts, IPVS, files.

mod files;
mod links;
mod telling;

use super::process::{PROCESSES, SNMP_AND_DBUS};
use super::{
    Keyword, Section, TIME, bare, byte, flag, line, number, read, seconds, text, word, words,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;
use crate::config::value;
use files::{FILES, LVS};
pub(super) use links::MODE;
use links::{FIREWALL, LINKS, OURS};
use telling::{FIFOS, MAIL, SCRIPTS};

/// `global_defs`
pub(crate) static GLOBAL_DEFS: Section<GlobalDraft> = Section::new(
    "global_defs",
    &[
        VRRP,
        GARP,
        FIREWALL,
        LINKS,
        OURS,
        MAIL,
        SCRIPTS,
        FIFOS,
        LVS,
        PROCESSES,
        SNMP_AND_DBUS,
        FILES,
    ],
);

const VRRP: &[Keyword<GlobalDraft>] = &[
    text("router_id", "NAME", |g: &mut GlobalDraft, v| {
        g.router_id = Some(v);
    })
    .goes_on()
    .default("the host's name"),
    word(
        "vrrp_mcast_group4",
        "ADDRESS",
        read!(value::multicast4 => |g: &mut GlobalDraft, v| g.vrrp_mcast_group4 = Some(v)),
    )
    .default("224.0.0.18")
    .example("230.0.0.1"),
    word(
        "vrrp_mcast_group6",
        "ADDRESS",
        read!(value::multicast6 => |g: &mut GlobalDraft, v| g.value.vrrp_mcast_group6 = v.value),
    )
    .default("ff02::12")
    .example("ff02::77"),
    byte("vrrp_version", 2..=3, |g: &mut GlobalDraft, v| {
        g.vrrp_version = Some(v);
    })
    .default("2")
    .example("3"),
    bare("vrrp_skip_check_adv_addr", |g: &mut GlobalDraft, v| {
        g.vrrp_skip_check_adv_addr = Some(v);
    }),
    bare("vrrp_strict", |g: &mut GlobalDraft, v| {
        g.vrrp_strict = Some(v);
    })
    .silent("off"),
    flag("vrrp_lower_prio_no_advert", |g: &mut GlobalDraft, v| {
        g.vrrp_lower_prio_no_advert = Some(v);
    }),
    flag("vrrp_higher_prio_send_advert", |g: &mut GlobalDraft, v| {
        g.vrrp_higher_prio_send_advert = Some(v);
    }),
    byte(
        "vrrp_down_timer_adverts",
        1..=100,
        |g: &mut GlobalDraft, v| g.vrrp_down_timer_adverts = Some(v),
    )
    .default("3")
    .since("2.2.3"),
    bare("vrrp_check_unicast_src", |g: &mut GlobalDraft, v| {
        g.vrrp_check_unicast_src = Some(v);
    }),
    flag("vrrp_owner_ignore_adverts", |g: &mut GlobalDraft, v| {
        g.vrrp_owner_ignore_adverts = Some(v);
    })
    .since("2.3.3"),
    bare("log_unknown_vrids", |g: &mut GlobalDraft, v| {
        g.value.vrrp.log_unknown_vrids = v.value;
    }),
    flag("v3_checksum_as_v2", |g: &mut GlobalDraft, v| {
        g.v3_checksum_as_v2 = Some(v);
    })
    .since("2.2.8"),
    seconds("vrrp_startup_delay", TIME, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_startup_delay = v.value;
    })
    .silent("0"),
    seconds("vrrp_delay_after_boot", TIME, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_delay_after_boot = v.value;
    })
    .since("2.4.0")
    .silent("0"),
];

const GARP: &[Keyword<GlobalDraft>] = &[
    flag("vrrp_min_garp", |g: &mut GlobalDraft, v| {
        g.vrrp_min_garp = Some(v);
    }),
    seconds("vrrp_garp_interval", TIME, |g: &mut GlobalDraft, v| {
        g.vrrp_garp_interval = Some(v);
    })
    .default("0: no pacing"),
    seconds("vrrp_gna_interval", TIME, |g: &mut GlobalDraft, v| {
        g.vrrp_gna_interval = Some(v);
    })
    .default("0: no pacing")
    .silent("0"),
    seconds("vrrp_garp_master_delay", TIME, |g: &mut GlobalDraft, v| {
        g.garp.master_delay = Some(v);
    })
    .default("5 s"),
    number(
        "vrrp_garp_master_repeat",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| g.garp.master_repeat = Some(v),
    )
    .default("5"),
    seconds(
        "vrrp_garp_master_refresh",
        TIME,
        |g: &mut GlobalDraft, v| g.garp.master_refresh = Some(v),
    )
    .default("0: off"),
    number(
        "vrrp_garp_master_refresh_repeat",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.garp.master_refresh_repeat = Some(v);
        },
    )
    .default("1"),
    seconds(
        "vrrp_garp_lower_prio_delay",
        TIME,
        |g: &mut GlobalDraft, v| g.garp.lower_prio_delay = Some(v),
    )
    .default("`vrrp_garp_master_delay`"),
    number(
        "vrrp_garp_lower_prio_repeat",
        0..=u32::MAX,
        |g: &mut GlobalDraft, v| g.garp.lower_prio_repeat = Some(v),
    )
    .default("`vrrp_garp_master_repeat`"),
    line(
        "vrrp_garp_extra_if",
        words("[all] SECONDS", 1, 2),
        lower::garp_extra_if,
    )
    .goes_on()
    .formerly(&["vrrp_vmac_garp_intvl"])
    .since("2.2.3")
    .example("all 7"),
];
