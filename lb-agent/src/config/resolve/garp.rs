//! Gratuitous ARP: what an instance says, else `vrrp_garp_*`, else keepalived's defaults.

use std::time::Duration;

use crate::config::draft::{GarpDraft, GlobalDraft};
use crate::config::model::Garp;
use crate::config::text::Spanned;

/// The schedule of one instance.
pub(super) fn garp(instance: &GarpDraft, global: &GlobalDraft) -> Garp {
    let (outer, default) = (&global.garp, base(global));
    let master_delay = pick(
        instance.master_delay,
        outer.master_delay,
        default.master_delay,
    );
    let master_repeat = pick(
        instance.master_repeat,
        outer.master_repeat,
        default.master_repeat,
    );
    Garp {
        master_delay,
        master_repeat,
        master_refresh: pick(
            instance.master_refresh,
            outer.master_refresh,
            default.master_refresh,
        ),
        master_refresh_repeat: pick(
            instance.master_refresh_repeat,
            outer.master_refresh_repeat,
            default.master_refresh_repeat,
        ),
        lower_prio_delay: pick(
            instance.lower_prio_delay,
            outer.lower_prio_delay,
            master_delay,
        ),
        lower_prio_repeat: pick(
            instance.lower_prio_repeat,
            outer.lower_prio_repeat,
            master_repeat,
        ),
        interval: global
            .vrrp_garp_interval
            .map_or(default.interval, |given| given.value),
    }
}

/// The defaults; `vrrp_min_garp` makes them as small as can be.
fn base(global: &GlobalDraft) -> Garp {
    let minimal = global.vrrp_min_garp.is_some_and(|given| given.value);
    if minimal {
        Garp {
            master_repeat: 1,
            master_delay: Duration::ZERO,
            ..Garp::default()
        }
    } else {
        Garp::default()
    }
}

fn pick<T>(inner: Option<Spanned<T>>, outer: Option<Spanned<T>>, default: T) -> T {
    inner.or(outer).map_or(default, |given| given.value)
}
