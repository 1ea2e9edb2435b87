//! What a route says of the way: sizes, times, counts.

use crate::config::draft::RouteDraft;
use crate::config::keywords::{Keyword, Set, number, read, word};
use crate::config::lower::route as lower;
use crate::config::value;

pub(super) const METRICS: &[Keyword<RouteDraft>] = &[
    metric("mtu", |r: &mut RouteDraft, v| r.value.metrics.mtu = Some(v.value)),
    metric("hoplimit", |r: &mut RouteDraft, v| r.value.metrics.hoplimit = Some(v.value)),
    metric("advmss", |r: &mut RouteDraft, v| r.value.metrics.advmss = Some(v.value)),
    word("rtt", "TIME", read!(lower::time => |r: &mut RouteDraft, v| r.value.metrics.rtt = Some(v.value)))
        .example("7ms"),
    word("rttvar", "TIME", read!(lower::time => |r: &mut RouteDraft, v| r.value.metrics.rttvar = Some(v.value)))
        .example("7ms"),
    word("rto_min", "TIME", read!(lower::time => |r: &mut RouteDraft, v| r.value.metrics.rto_min = Some(v.value)))
        .example("7ms"),
    metric("reordering", |r: &mut RouteDraft, v| r.value.metrics.reordering = Some(v.value)),
    metric("window", |r: &mut RouteDraft, v| r.value.metrics.window = Some(v.value)),
    metric("cwnd", |r: &mut RouteDraft, v| r.value.metrics.cwnd = Some(v.value)),
    metric("initcwnd", |r: &mut RouteDraft, v| r.value.metrics.initcwnd = Some(v.value)),
    metric("initrwnd", |r: &mut RouteDraft, v| r.value.metrics.initrwnd = Some(v.value)),
    metric("ssthresh", |r: &mut RouteDraft, v| r.value.metrics.ssthresh = Some(v.value)),
    word("quickack", "0|1", read!(value::zero_or_one => |r: &mut RouteDraft, v| r.value.metrics.quickack = Some(v.value)))
        .example("1"),
    word("features", "ecn", read!(value::name => |r: &mut RouteDraft, v| r.value.metrics.features = Some(v.value)))
        .example("ecn"),
    word("congctl", "NAME", read!(value::name => |r: &mut RouteDraft, v| r.value.metrics.congctl = Some(v.value)))
        .example("bbr"),
    word("fastopen_no_cookie", "0|1", read!(value::zero_or_one => |r: &mut RouteDraft, v| r.value.metrics.fastopen_no_cookie = Some(v.value)))
        .example("1"),
];

/// A number that `lock` may stand before.
const fn metric(name: &'static str, set: Set<RouteDraft, u32>) -> Keyword<RouteDraft> {
    number(name, 0..=u32::MAX, set)
}
