//! When an instance announces its addresses anew.

use crate::config::draft::InstanceDraft;
use crate::config::keywords::{Keyword, TIME, line, number, seconds, words};
use crate::config::lower::vrrp as lower;

pub(super) const GARP: &[Keyword<InstanceDraft>] = &[
    seconds("garp_master_delay", TIME, |i: &mut InstanceDraft, v| {
        i.garp.master_delay = Some(v);
    })
    .default("`vrrp_garp_master_delay`"),
    number(
        "garp_master_repeat",
        1..=u32::MAX,
        |i: &mut InstanceDraft, v| i.garp.master_repeat = Some(v),
    )
    .default("`vrrp_garp_master_repeat`"),
    seconds("garp_master_refresh", TIME, |i: &mut InstanceDraft, v| {
        i.garp.master_refresh = Some(v);
    })
    .default("`vrrp_garp_master_refresh`"),
    number(
        "garp_master_refresh_repeat",
        1..=u32::MAX,
        |i: &mut InstanceDraft, v| {
            i.garp.master_refresh_repeat = Some(v);
        },
    )
    .default("`vrrp_garp_master_refresh_repeat`"),
    seconds("garp_lower_prio_delay", TIME, |i: &mut InstanceDraft, v| {
        i.garp.lower_prio_delay = Some(v);
    })
    .default("`vrrp_garp_lower_prio_delay`"),
    number(
        "garp_lower_prio_repeat",
        0..=u32::MAX,
        |i: &mut InstanceDraft, v| i.garp.lower_prio_repeat = Some(v),
    )
    .default("`vrrp_garp_lower_prio_repeat`"),
    line(
        "garp_extra_if",
        words("[all] SECONDS", 1, 2),
        lower::garp_extra_if,
    )
    .goes_on()
    .formerly(&["vmac_garp_intvl"])
    .default("`vrrp_garp_extra_if`")
    .since("2.2.3")
    .example("all 7"),
];
