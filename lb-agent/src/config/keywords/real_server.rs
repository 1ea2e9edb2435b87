//! `real_server`.

use super::virtual_server::check_settings;
use super::{ANY, COMMAND, Keyword, NONE, Section, block, flag, line, number, text, words};
use crate::config::draft::RealServerDraft;
use crate::config::lower::lvs as lower;

/// `real_server`
pub(crate) static REAL_SERVER: Section<RealServerDraft> =
    Section::new("real_server", &[SERVER, &check_settings(), CHECKERS]);

/// The largest weight that keepalived takes.
pub(super) const MAX_WEIGHT: u32 = i32::MAX.cast_unsigned();

const SERVER: &[Keyword<RealServerDraft>] = &[
    number("weight", 0..=MAX_WEIGHT, |r: &mut RealServerDraft, v| {
        r.weight = Some(v);
    })
    .default("1"),
    flag("inhibit_on_failure", |r: &mut RealServerDraft, v| {
        r.inhibit_on_failure = Some(v);
    }),
    text("virtualhost", "HOST", |r: &mut RealServerDraft, v| {
        r.virtualhost = Some(v);
    })
    .goes_on(),
    line("notify_up", COMMAND, lower::notify_up).example("/bin/true"),
    line("notify_down", COMMAND, lower::notify_down).example("/bin/true"),
    number("uthreshold", 0..=u32::MAX, |r: &mut RealServerDraft, v| {
        r.value.uthreshold = v.value;
    }),
    number("lthreshold", 0..=u32::MAX, |r: &mut RealServerDraft, v| {
        r.value.lthreshold = v.value;
    }),
    line(
        "lvs_method",
        words("NAT|DR|TUN [type …]", 1, ANY),
        lower::lvs_method,
    )
    .default("the virtual server's `lb_kind`")
    .example("DR"),
    flag("smtp_alert", |r: &mut RealServerDraft, v| {
        r.smtp_alert = Some(v);
    })
    .default("`smtp_alert_checker`, else `smtp_alert`, else on")
    .example("off")
    .silent("off"),
    text("snmp_name", "NAME", |r: &mut RealServerDraft, v| {
        r.value.snmp_name = Some(v.value);
    })
    .goes_on()
    .since("2.2.3")
    .accepted("this program is no SNMP agent"),
];

const CHECKERS: &[Keyword<RealServerDraft>] = &[
    block("TCP_CHECK", NONE, lower::tcp_check).many(),
    block("HTTP_GET", NONE, lower::http_get)
        .example("{\nurl {\npath /7\n}\n}")
        .many(),
    built("SSL_GET", lower::ssl_get).example("{\nurl {\npath /7\n}\n}"),
    built("SMTP_CHECK", lower::smtp_check),
    built("MISC_CHECK", lower::misc_check).example("{\nmisc_path /bin/true\n}"),
    built("DNS_CHECK", lower::dns_check),
    built("UDP_CHECK", lower::udp_check).since("2.0.20"),
    built("PING_CHECK", lower::ping_check).since("2.0.20"),
    built("BFD_CHECK", lower::bfd_check).example("{\nname D\n}"),
    built("FILE_CHECK", lower::file_check)
        .example("{\ntrack_file F\n}")
        .since("2.1.0"),
];

const fn built(
    name: &'static str,
    apply: super::Apply<RealServerDraft>,
) -> Keyword<RealServerDraft> {
    block(name, NONE, apply).many()
}
