//! `real_server`.

use super::virtual_server::check_settings;
use super::{Keyword, NONE, Rule, Section, block, elsewhere, flag, later, number, text};
use crate::config::draft::RealServerDraft;
use crate::config::lower::lvs as lower;

/// `real_server`
pub(crate) static REAL_SERVER: Section<RealServerDraft> =
    Section::new("real_server", &[SERVER, &check_settings(), CHECKERS]);

/// The largest weight that keepalived takes.
pub(super) const MAX_WEIGHT: u32 = i32::MAX.cast_unsigned();

const SERVER: &[Keyword<RealServerDraft>] = &[
    number("weight", 0..=MAX_WEIGHT, |r| &mut r.weight),
    flag("inhibit_on_failure", |r| &mut r.inhibit_on_failure),
    text("virtualhost", |r| &mut r.virtualhost),
    later("notify_up"),
    later("notify_down"),
    later("uthreshold"),
    later("lthreshold"),
    later("lvs_method"),
    later("smtp_alert"),
    later("snmp_name"),
];

const CHECKERS: &[Keyword<RealServerDraft>] = &[
    block("TCP_CHECK", NONE, lower::tcp_check),
    block("HTTP_GET", NONE, lower::http_get),
    not_built("SSL_GET", elsewhere::SSL_GET),
    not_built("SMTP_CHECK", elsewhere::SMTP_CHECK),
    not_built("MISC_CHECK", elsewhere::MISC_CHECK),
    not_built("DNS_CHECK", elsewhere::DNS_CHECK),
    not_built("UDP_CHECK", elsewhere::UDP_CHECK),
    not_built("PING_CHECK", &[]),
    not_built("BFD_CHECK", elsewhere::BFD_CHECK),
    not_built("FILE_CHECK", elsewhere::FILE_CHECK),
];

const fn not_built(
    name: &'static str,
    inside: &'static [&'static str],
) -> Keyword<RealServerDraft> {
    let later = super::Later {
        consequence: Some("the server counts as up without this check"),
        same_as_default: None,
        inside,
    };
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Later(later),
    }
}
