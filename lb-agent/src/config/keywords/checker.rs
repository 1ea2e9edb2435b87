//! `TCP_CHECK`, `HTTP_GET` and `url`.

use super::virtual_server::check_settings;
use super::{
    Argument, Keyword, NONE, Section, Words, block, done, flag, later, later_but, line, number,
    one, text,
};
use crate::config::draft::{CheckerDraft, UrlDraft};
use crate::config::lower::checker as lower;

/// `TCP_CHECK`
pub(crate) static TCP_CHECK: Section<CheckerDraft> =
    Section::new("TCP_CHECK", &[COMMON, &check_settings()]);

/// `HTTP_GET`
pub(crate) static HTTP_GET: Section<CheckerDraft> =
    Section::new("HTTP_GET", &[COMMON, &check_settings(), HTTP]);

/// `url`
pub(crate) static URL: Section<UrlDraft> = Section::new("url", &[REQUEST]);

const COMMON: &[Keyword<CheckerDraft>] = &[
    line("connect_ip", one("ADDRESS"), lower::connect_ip),
    done(
        "connect_port",
        Argument::Short(1..=65535, |c| &mut c.connect_port),
    ),
    line("bindto", one("ADDRESS"), lower::bindto),
    done(
        "bind_port",
        Argument::Short(0..=65535, |c| &mut c.bind_port),
    ),
    number("fwmark", 0..=u32::MAX, |c| &mut c.fwmark),
    flag("log_all_failures", |c| &mut c.log_all_failures),
    later("bind_if"),
];

const HTTP: &[Keyword<CheckerDraft>] = &[
    block("url", NONE, lower::url),
    line("http_protocol", one("1.0|1.0C|1.1"), lower::http_protocol),
    text("virtualhost", |c| &mut c.virtualhost),
    later("enable_sni"),
    later("sni_name"),
    later("fast_recovery"),
    later("tls_compliant"),
];

const NOT_COMPARED: &str = "the body of the answer is not looked at";

const REQUEST: &[Keyword<UrlDraft>] = &[
    text("path", |u| &mut u.path),
    line(
        "status_code",
        Words {
            syntax: "CODE|FROM-TO …",
            least: 1,
            most: usize::MAX,
        },
        lower::status_code,
    ),
    text("virtualhost", |u| &mut u.virtualhost),
    later_but("digest", NOT_COMPARED),
    later_but("regex", NOT_COMPARED),
    later("regex_no_match"),
    later("regex_options"),
    later("regex_min_offset"),
    later("regex_max_offset"),
    later("regex_stack"),
    later("tls_compliant"),
];
