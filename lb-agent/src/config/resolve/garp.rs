//! Gratuitous ARP: what an instance says, else `vrrp_garp_*`, else keepalived's defaults.

use std::time::Duration;

use crate::config::draft::{GarpDraft, GlobalDraft};
use crate::config::model::Garp;
use crate::config::text::Spanned;

/// The schedule of one instance.
pub(super) fn garp(instance: &GarpDraft, global: &GlobalDraft) -> Garp {
    over(instance, defaults(global))
}

/// What holds for an instance that says nothing. The bursts against a lower priority are by
/// default the global ones for a new master, whatever the instance says of those.
fn defaults(global: &GlobalDraft) -> Garp {
    let minimal = global.vrrp_min_garp.is_some_and(|given| given.value);
    let (master_delay, master_repeat) = if minimal {
        (Duration::ZERO, 1)
    } else {
        (Duration::from_secs(5), 5)
    };
    let given = &global.garp;
    let master_delay = pick(given.master_delay, master_delay);
    let master_repeat = pick(given.master_repeat, master_repeat);
    let base = Garp {
        master_delay,
        master_repeat,
        lower_prio_delay: master_delay,
        lower_prio_repeat: master_repeat,
        interval: pick(global.vrrp_garp_interval, Duration::ZERO),
        gna_interval: pick(global.vrrp_gna_interval, Duration::ZERO),
        ..Garp::default()
    };
    over(given, base)
}

fn over(given: &GarpDraft, base: Garp) -> Garp {
    Garp {
        master_delay: pick(given.master_delay, base.master_delay),
        master_repeat: pick(given.master_repeat, base.master_repeat),
        master_refresh: pick(given.master_refresh, base.master_refresh),
        master_refresh_repeat: pick(given.master_refresh_repeat, base.master_refresh_repeat),
        lower_prio_delay: pick(given.lower_prio_delay, base.lower_prio_delay),
        lower_prio_repeat: pick(given.lower_prio_repeat, base.lower_prio_repeat),
        interval: base.interval,
        gna_interval: base.gna_interval,
        extra_if: given.extra_if.or(base.extra_if),
    }
}

fn pick<T>(given: Option<Spanned<T>>, default: T) -> T {
    given.map_or(default, |given| given.value)
}
