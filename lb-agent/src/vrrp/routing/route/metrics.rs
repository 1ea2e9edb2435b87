//! `RTA_METRICS` (`RTAX_*` of include/uapi/linux/rtnetlink.h).

use std::time::Duration;

use crate::config::model::RouteMetrics;
use crate::net::request::Request;

const LOCK: u16 = 1;
const CC_ALGO: u16 = 16;
/// `RTAX_FEATURE_ECN`.
const FEATURE_ECN: u32 = 1;

/// The metrics as attributes; an empty message if there are none.
pub(super) fn encode(metrics: &RouteMetrics) -> Request {
    let milliseconds = |time: Option<Duration>| {
        time.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    };
    // The kernel counts these two in eighths and quarters of a millisecond.
    let rtt = milliseconds(metrics.rtt).map(|rtt| rtt.saturating_mul(8));
    let rttvar = milliseconds(metrics.rttvar).map(|rttvar| rttvar.saturating_mul(4));
    let features = metrics.features.as_deref();
    let ecn = features.map(|features| {
        if features.contains("ecn") {
            FEATURE_ECN
        } else {
            0
        }
    });
    let numbers = [
        (2, "mtu", metrics.mtu),
        (3, "window", metrics.window),
        (4, "rtt", rtt),
        (5, "rttvar", rttvar),
        (6, "ssthresh", metrics.ssthresh),
        (7, "cwnd", metrics.cwnd),
        (8, "advmss", metrics.advmss),
        (9, "reordering", metrics.reordering),
        (10, "hoplimit", metrics.hoplimit),
        (11, "initcwnd", metrics.initcwnd),
        (12, "features", ecn),
        (13, "rto_min", milliseconds(metrics.rto_min)),
        (14, "initrwnd", metrics.initrwnd),
        (15, "quickack", metrics.quickack.map(u32::from)),
        (
            17,
            "fastopen_no_cookie",
            metrics.fastopen_no_cookie.map(u32::from),
        ),
    ];
    let mut request = Request::new(0, &[]);
    let mut locked: u32 = 0;
    for (number, name, value) in numbers {
        request = request.with_some(number, value.map(u32::to_ne_bytes));
        if metrics.locked.contains(&name) {
            locked |= 1 << number;
        }
    }
    if let Some(congctl) = &metrics.congctl {
        request = request.with_string(CC_ALGO, congctl);
    }
    if metrics.locked.contains(&"congctl") {
        locked |= 1 << CC_ALGO;
    }
    request.with_some(LOCK, (locked != 0).then(|| locked.to_ne_bytes()))
}
