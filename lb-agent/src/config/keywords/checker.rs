//! What checkers share, `TCP_CHECK`, `HTTP_GET` and `url`.

mod kinds;

pub(crate) use self::kinds::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HOST, MISC_CHECK, PING_CHECK, SMTP_CHECK, SSL_GET, UDP_CHECK,
};
use super::virtual_server::check_settings;
use super::{
    ANY, Keyword, NONE, Section, bare, block, flag, line, number, one, read, short, text, word,
    words,
};
use crate::config::draft::{CheckerDraft, IsChecker, UrlDraft};
use crate::config::lower::checker as lower;
use crate::config::model::HttpProtocol;
use crate::config::value;

/// `TCP_CHECK`
pub(crate) static TCP_CHECK: Section<CheckerDraft> =
    Section::new("TCP_CHECK", &[&common(), &check_settings(), TCP]);

/// `HTTP_GET`
pub(crate) static HTTP_GET: Section<CheckerDraft> =
    Section::new("HTTP_GET", &[&common(), &check_settings(), &http(), HTTP]);

/// `url`
pub(crate) static URL: Section<UrlDraft> = Section::new("url", &[REQUEST, BODY]);

/// Where a check goes and comes from.
pub(super) const fn common<T: IsChecker>() -> [Keyword<T>; 7] {
    [
        word(
            "connect_ip",
            "ADDRESS",
            read!(value::host_address => |c: &mut T, v| IsChecker::checker(c).connect_ip = Some(v)),
        )
        .default("the real server's")
        .example("10.0.0.7"),
        short("connect_port", 1..=65535, |c: &mut T, v| {
            c.checker().connect_port = Some(v);
        })
        .default("the real server's"),
        word(
            "bindto",
            "ADDRESS",
            read!(value::address => |c: &mut T, v| IsChecker::checker(c).bindto = Some(v)),
        )
        .example("10.0.0.7"),
        short("bind_port", 1..=65535, |c: &mut T, v| {
            c.checker().bind_port = Some(v);
        }),
        number("fwmark", 0..=u32::MAX, |c: &mut T, v| {
            c.checker().fwmark = Some(v);
        }),
        log_all_failures(),
        word(
            "bind_if",
            "INTERFACE",
            read!(value::interface => |c: &mut T, v| IsChecker::checker(c).bind_if = Some(v)),
        )
        .example("eth7"),
    ]
}

/// Also of what has no address.
pub(super) const fn log_all_failures<T: IsChecker>() -> Keyword<T> {
    flag("log_all_failures", |c: &mut T, v| {
        c.checker().log_all_failures = Some(v);
    })
    .default("`checker_log_all_failures`")
    .since("2.0.11")
}

const TCP: &[Keyword<CheckerDraft>] = &[flag("xdp_check_via_tunnel", |c: &mut CheckerDraft, v| {
    c.xdp_check_via_tunnel = Some(v);
})];

const HTTP_PROTOCOL: &[(&str, HttpProtocol)] = &[
    ("1.0", HttpProtocol::V1_0),
    ("1.0C", HttpProtocol::V1_0Close),
    ("1.1", HttpProtocol::V1_1),
];

/// What `HTTP_GET` and `SSL_GET` have beyond.
pub(super) const fn http<T: IsChecker>() -> [Keyword<T>; 5] {
    [
        block("url", NONE, lower::url).example("{\npath /7\n}").many(),
        word("http_protocol", "1.0|1.0C|1.1", read!(choice HTTP_PROTOCOL => |c: &mut T, v| IsChecker::checker(c).http_protocol = Some(v))).goes_on()
            .default("1.0")
            .example("1.1"),
        text("virtualhost", "HOST", |c: &mut T, v| c.checker().virtualhost = Some(v)).goes_on()
            .default("the real or the virtual server's"),
        flag("fast_recovery", |c: &mut T, v| c.checker().fast_recovery = v.value),
        flag("tls_compliant", |c: &mut T, v| c.checker().tls_compliant = v.value)
            .since("2.2.8"),
    ]
}

/// keepalived takes it in both.
const HTTP: &[Keyword<CheckerDraft>] = &[flag("enable_sni", |_checker: &mut CheckerDraft, _on| {})
    .accepted("a connection without TLS names no server")];

const REQUEST: &[Keyword<UrlDraft>] = &[
    text("path", "PATH", |u: &mut UrlDraft, v| u.path = Some(v)).example("/7"),
    line(
        "status_code",
        words("CODE|FROM-TO …", 1, ANY),
        lower::status_code,
    )
    .goes_on()
    .default("200-299")
    .example("207"),
    text("virtualhost", "HOST", |u: &mut UrlDraft, v| {
        u.virtualhost = Some(v);
    })
    .goes_on()
    .default("the checker's"),
    flag("tls_compliant", |u: &mut UrlDraft, v| {
        u.tls_compliant = v.value;
    })
    .since("2.2.8"),
];

const BODY: &[Keyword<UrlDraft>] = &[
    line("digest", one("MD5"), lower::digest).example("00112233445566778899aabbccddeeff"),
    text("regex", "PATTERN", |u: &mut UrlDraft, v| {
        u.body.regex = Some(v.value);
        u.regex = Some(v.span);
    })
    .goes_on()
    .since("2.0.7"),
    bare("regex_no_match", |u: &mut UrlDraft, v| {
        u.body.regex_no_match = v.value;
    }),
    line(
        "regex_options",
        words("OPTION …", 1, ANY),
        lower::regex_options,
    )
    .goes_on()
    .example("caseless"),
    number("regex_min_offset", 0..=u32::MAX, |u: &mut UrlDraft, v| {
        u.body.regex_min_offset = v.value;
    })
    .goes_on(),
    number("regex_max_offset", 1..=u32::MAX, |u: &mut UrlDraft, v| {
        u.body.regex_max_offset = Some(v.value);
    })
    .goes_on(),
    line("regex_stack", words("START MAX", 2, 2), lower::regex_stack)
        .goes_on()
        .example("7 8")
        .accepted("a regex needs no stack here"),
];
