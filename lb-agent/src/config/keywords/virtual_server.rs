//! `virtual_server`, and what all three levels of it share.

use std::time::Duration;

use super::{
    Keyword, Section, Words, YEAR, block, flag, later, later_but, line, number, one, seconds, text,
};
use crate::config::draft::{HasCheckSettings, VirtualServerDraft};
use crate::config::lower::lvs as lower;

/// `virtual_server`
pub(crate) static VIRTUAL_SERVER: Section<VirtualServerDraft> =
    Section::new("virtual_server", &[SERVICE, &check_settings(), REST]);

const SERVICE: &[Keyword<VirtualServerDraft>] = &[
    line("lb_algo", one("rr|wrr|lc|…"), lower::lb_algo).or(&["lvs_sched"]),
    line(
        "lb_kind",
        Words {
            syntax: "NAT|DR|TUN [type …]",
            least: 1,
            most: usize::MAX,
        },
        lower::lb_kind,
    )
    .or(&["lvs_method"]),
    line("protocol", one("TCP|UDP|SCTP"), lower::protocol),
    line(
        "persistence_timeout",
        Words {
            syntax: "[SECONDS]",
            least: 0,
            most: 1,
        },
        lower::persistence_timeout,
    ),
    line(
        "persistence_granularity",
        one("NETMASK"),
        lower::persistence_granularity,
    ),
    line(
        "sorry_server",
        Words {
            syntax: "IP PORT",
            least: 1,
            most: 2,
        },
        lower::sorry_server,
    ),
    flag("inhibit_on_failure", |v| &mut v.inhibit_on_failure),
    text("virtualhost", |v| &mut v.virtualhost),
    number("weight", 0..=super::real_server::MAX_WEIGHT, |v| {
        &mut v.weight
    }),
    block(
        "real_server",
        Words {
            syntax: "IP PORT",
            least: 1,
            most: 2,
        },
        lower::real_server,
    ),
];

const REST: &[Keyword<VirtualServerDraft>] = &[
    later("persistence_engine"),
    later("ops"),
    later("hashed"),
    later("flag-1"),
    later("flag-2"),
    later("flag-3"),
    later("sh-port"),
    later("sh-fallback"),
    later("mh-port"),
    later("mh-fallback"),
    later_but(
        "ha_suspend",
        "the checks run whether the virtual address is here or not",
    ),
    later("omega"),
    later_but("quorum", "the quorum is 1"),
    later("hysteresis"),
    later("quorum_up"),
    later("quorum_down"),
    later("sorry_server_inhibit"),
    later("sorry_server_lvs_method"),
    later("smtp_alert"),
    later("snmp_name"),
    later("ip_family"),
];

/// The keywords of the checks that a virtual server, a real server and a checker may have.
pub(super) const fn check_settings<T: HasCheckSettings>() -> [Keyword<T>; 6] {
    [
        flag("alpha", |t: &mut T| &mut t.checks().alpha),
        seconds("delay_loop", SHORTEST..=YEAR, |t: &mut T| {
            &mut t.checks().delay_loop
        }),
        number("retry", 0..=u32::MAX, |t: &mut T| &mut t.checks().retry).or(&["nb_get_retry"]),
        seconds("delay_before_retry", Duration::ZERO..=YEAR, |t: &mut T| {
            &mut t.checks().delay_before_retry
        }),
        seconds("warmup", Duration::ZERO..=YEAR, |t: &mut T| {
            &mut t.checks().warmup
        }),
        seconds("connect_timeout", SHORTEST..=YEAR, |t: &mut T| {
            &mut t.checks().connect_timeout
        }),
    ]
}

/// keepalived's timers count microseconds.
const SHORTEST: Duration = Duration::from_micros(1);
