//! `virtual_server`, and what all three levels of it share.

use super::global::MODE;
use super::{
    ANY, COMMAND, Keyword, SHORTEST, Section, TIME, YEAR, bare, block, flag, line, number, one,
    read, seconds, text, word, words,
};
use crate::config::draft::{HasCheckSettings, ProtocolDraft, VirtualServerDraft};
use crate::config::lower::lvs as lower;
use crate::config::model::{Family, Forwarding};

/// `virtual_server`
pub(crate) static VIRTUAL_SERVER: Section<VirtualServerDraft> = Section::new(
    "virtual_server",
    &[SERVICE, SCHEDULING, POOL, &check_settings(), REST],
);

/// The words of `lb_kind`.
pub(crate) const KINDS: &[(&str, Forwarding)] = &[
    ("NAT", Forwarding::Nat),
    ("DR", Forwarding::Dr),
    ("TUN", Forwarding::Tun),
];

/// The words of `ip_family`, and of a fwmark.
pub(crate) const FAMILIES: &[(&str, Family)] = &[("inet", Family::Inet), ("inet6", Family::Inet6)];

/// The words of `protocol`, as capitals.
pub(crate) const PROTOCOLS: &[(&str, ProtocolDraft)] = &[
    ("TCP", ProtocolDraft::Tcp),
    ("UDP", ProtocolDraft::Udp),
    ("SCTP", ProtocolDraft::Sctp),
];

const SERVICE: &[Keyword<VirtualServerDraft>] = &[
    line("lb_algo", one("rr|wrr|lc|wlc|…"), lower::lb_algo)
        .or(&["lvs_sched"])
        .default("wlc")
        .example("rr"),
    line(
        "lb_kind",
        words("NAT|DR|TUN [type …]", 1, ANY),
        lower::lb_kind,
    )
    .or(&["lvs_method"])
    .default("NAT")
    .example("DR"),
    word(
        "protocol",
        "TCP|UDP|SCTP",
        read!(lower::protocol => |v: &mut VirtualServerDraft, w| v.protocol = Some(w)),
    )
    .default("UDP")
    .example("TCP"),
    line(
        "persistence_timeout",
        words("[SECONDS]", 0, 1),
        lower::persistence_timeout,
    )
    .default("off; without a number 360 s")
    .example("77"),
    line(
        "persistence_granularity",
        one("NETMASK|PREFIX"),
        lower::persistence_granularity,
    )
    .default("each client by itself")
    .example("24"),
    text(
        "persistence_engine",
        "NAME",
        |v: &mut VirtualServerDraft, w| v.value.persistence_engine = Some(w.value),
    ),
    block("real_server", words("IP [PORT]", 1, 2), lower::real_server)
        .example("10.0.0.7 80 {\n}")
        .many(),
];

const SCHEDULING: &[Keyword<VirtualServerDraft>] = &[
    bare("ops", |v: &mut VirtualServerDraft, w| v.value.ops = w.value),
    bare("hashed", |v: &mut VirtualServerDraft, w| {
        v.value.flags.hashed = w.value;
    })
    .accepted("the kernel sets this flag by itself, and no scheduler looks at it"),
    bare("flag-1", |v: &mut VirtualServerDraft, w| {
        v.value.flags.flag_1 = w.value;
    })
    .or(&["sh-fallback", "mh-fallback"]),
    bare("flag-2", |v: &mut VirtualServerDraft, w| {
        v.value.flags.flag_2 = w.value;
    })
    .or(&["sh-port", "mh-port"]),
    bare("flag-3", |v: &mut VirtualServerDraft, w| {
        v.value.flags.flag_3 = w.value;
    }),
    number(
        "xdp_new_flow_limit",
        0..=u32::MAX,
        |v: &mut VirtualServerDraft, w| v.value.xdp_new_flow_limit = w.value,
    )
    .default("0, no limit"),
    number(
        "xdp_source_limit",
        0..=u32::MAX,
        |v: &mut VirtualServerDraft, w| v.value.xdp_source_limit = w.value,
    )
    .default("0, no limit"),
];

const POOL: &[Keyword<VirtualServerDraft>] = &[
    line(
        "sorry_server",
        words("IP [PORT]", 1, 2),
        lower::sorry_server,
    )
    .example("10.0.0.7 80"),
    bare("sorry_server_inhibit", |v: &mut VirtualServerDraft, w| {
        v.value.sorry_server_inhibit = w.value;
    }),
    line(
        "sorry_server_lvs_method",
        words("NAT|DR|TUN [type …]", 1, ANY),
        lower::sorry_server_lvs_method,
    )
    .goes_on()
    .default("`lb_kind`")
    .example("DR"),
    number("quorum", 1..=u32::MAX, |v: &mut VirtualServerDraft, w| {
        v.value.quorum = w.value;
    })
    .default("1")
    .silent("1"),
    number(
        "hysteresis",
        0..=u32::MAX,
        |v: &mut VirtualServerDraft, w| v.value.hysteresis = w.value,
    )
    .default("0")
    .example("7")
    .silent("0"),
    line("quorum_up", COMMAND, lower::quorum_up).example("/bin/true"),
    line("quorum_down", COMMAND, lower::quorum_down).example("/bin/true"),
    bare("omega", |v: &mut VirtualServerDraft, w| {
        v.value.omega = w.value;
    }),
    bare("ha_suspend", |v: &mut VirtualServerDraft, w| {
        v.value.ha_suspend = w.value;
    }),
    bare("inhibit_on_failure", |v: &mut VirtualServerDraft, w| {
        v.inhibit_on_failure = Some(w);
    }),
    word(
        "xdp_mode",
        "auto|native|generic|off",
        read!(choice MODE => |v: &mut VirtualServerDraft, w| v.value.xdp_mode = Some(w.value)),
    )
    .default("that of `global_defs`")
    .example("off"),
    seconds("xdp_slow_start", TIME, |v: &mut VirtualServerDraft, w| {
        v.value.xdp_slow_start = w.value;
    })
    .default("off"),
    text("virtualhost", "HOST", |v: &mut VirtualServerDraft, w| {
        v.virtualhost = Some(w);
    })
    .goes_on(),
    number(
        "weight",
        0..=super::real_server::MAX_WEIGHT,
        |v: &mut VirtualServerDraft, w| v.weight = Some(w),
    )
    .default("1"),
];

const REST: &[Keyword<VirtualServerDraft>] = &[
    flag("smtp_alert", |v: &mut VirtualServerDraft, w| {
        v.smtp_alert = Some(w);
    })
    .default("`smtp_alert_checker`, else `smtp_alert`, else off")
    .silent("off"),
    text("snmp_name", "NAME", |v: &mut VirtualServerDraft, w| {
        v.value.snmp_name = Some(w.value);
    })
    .goes_on()
    .since("2.2.3")
    .accepted("this program is no SNMP agent"),
    word(
        "ip_family",
        "inet|inet6",
        read!(choice FAMILIES => |v: &mut VirtualServerDraft, w| v.ip_family = Some(w)),
    )
    .default("that of the real servers")
    .example("inet"),
];

/// The keywords of the checks that a virtual server, a real server and a checker may have.
pub(super) const fn check_settings<T: HasCheckSettings>() -> [Keyword<T>; 6] {
    [
        flag("alpha", |t: &mut T, v| t.checks().alpha = Some(v)),
        seconds("delay_loop", SHORTEST..=YEAR, |t: &mut T, v| {
            t.checks().delay_loop = Some(v);
        })
        .default("60 s"),
        number("retry", 0..=u32::MAX, |t: &mut T, v| {
            t.checks().retry = Some(v);
        })
        .formerly(&["nb_get_retry"])
        .default("1; MISC_CHECK 0, DNS_CHECK 3"),
        seconds("delay_before_retry", TIME, |t: &mut T, v| {
            t.checks().delay_before_retry = Some(v);
        })
        .default("1 s; HTTP_GET and SSL_GET 3 s; DNS_CHECK `delay_loop`"),
        seconds("warmup", TIME, |t: &mut T, v| t.checks().warmup = Some(v)).default("`delay_loop`"),
        seconds("connect_timeout", SHORTEST..=YEAR, |t: &mut T, v| {
            t.checks().connect_timeout = Some(v);
        })
        .default("5 s"),
    ]
}
