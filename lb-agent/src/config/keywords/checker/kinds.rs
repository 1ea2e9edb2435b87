//! The other kinds: what each has for itself.

use super::{common, http, log_all_failures};
use crate::config::draft::{
    BfdCheckDraft, CheckerDraft, DnsCheckDraft, FileCheckDraft, HasCheckSettings, MiscCheckDraft,
    SmtpCheckDraft, SslGetDraft, UdpCheckDraft,
};
use crate::config::keywords::virtual_server::check_settings;
use crate::config::keywords::{
    ANY, Keyword, NONE, SHORTEST, Section, Words, YEAR, bare, block, flag, line, read, seconds,
    short, text, word, words,
};
use crate::config::lower::checker as lower;
use crate::config::model::DnsType;
use crate::config::value;

/// `SSL_GET`
pub(crate) static SSL_GET: Section<SslGetDraft> =
    Section::new("SSL_GET", &[&common(), &check_settings(), &http(), TLS]);

/// `SMTP_CHECK`
pub(crate) static SMTP_CHECK: Section<SmtpCheckDraft> =
    Section::new("SMTP_CHECK", &[&common(), &check_settings(), SMTP]);

/// `host` of `SMTP_CHECK`
pub(crate) static HOST: Section<CheckerDraft> =
    Section::new("host", &[&common(), &check_settings()]);

/// `MISC_CHECK`
pub(crate) static MISC_CHECK: Section<MiscCheckDraft> =
    Section::new("MISC_CHECK", &[&script_settings(), MISC]);

/// `DNS_CHECK`
pub(crate) static DNS_CHECK: Section<DnsCheckDraft> =
    Section::new("DNS_CHECK", &[&common(), &check_settings(), DNS]);

/// `UDP_CHECK`
pub(crate) static UDP_CHECK: Section<UdpCheckDraft> =
    Section::new("UDP_CHECK", &[&common(), &check_settings(), UDP]);

/// `PING_CHECK`
pub(crate) static PING_CHECK: Section<CheckerDraft> =
    Section::new("PING_CHECK", &[&common(), &check_settings()]);

/// `BFD_CHECK`
pub(crate) static BFD_CHECK: Section<BfdCheckDraft> =
    Section::new("BFD_CHECK", &[&session_settings(), BFD]);

/// `FILE_CHECK`
pub(crate) static FILE_CHECK: Section<FileCheckDraft> =
    Section::new("FILE_CHECK", &[&file_settings(), FILE]);

/// Nobody is connected to.
const fn script_settings() -> [Keyword<MiscCheckDraft>; 6] {
    let [
        alpha,
        delay_loop,
        retry,
        delay_before_retry,
        warmup,
        timeout,
    ] = check_settings();
    [
        alpha,
        delay_loop,
        retry,
        delay_before_retry,
        warmup,
        timeout.accepted("`misc_timeout` is how long a script may take"),
    ]
}

/// The session says what it has to say when it has it.
const fn session_settings() -> [Keyword<BfdCheckDraft>; 6] {
    const TOLD: &str = "the BFD session tells at once, and its `multiplier` says what it may lose";
    let [alpha, every, retry, again, warmup, timeout] = untimed(TOLD);
    [alpha, every, retry, again, warmup, timeout.accepted(TOLD)]
}

/// `connect_timeout` is what its file system has to answer.
const fn file_settings() -> [Keyword<FileCheckDraft>; 6] {
    untimed("the file is read once a second, and what it says counts at once")
}

/// The settings of a check that is not made now and then, for this reason: all but `alpha` and
/// `connect_timeout` have no effect.
const fn untimed<T: HasCheckSettings>(why: &'static str) -> [Keyword<T>; 6] {
    let [
        alpha,
        delay_loop,
        retry,
        delay_before_retry,
        warmup,
        timeout,
    ] = check_settings();
    [
        alpha,
        delay_loop.accepted(why),
        retry.accepted(why),
        delay_before_retry.accepted(why),
        warmup.accepted(why),
        timeout,
    ]
}

const TLS: &[Keyword<SslGetDraft>] = &[
    flag("enable_sni", |c: &mut SslGetDraft, v| {
        c.enable_sni = v.value;
    }),
    text("sni_name", "HOST", |c: &mut SslGetDraft, v| {
        c.sni_name = Some(v);
    })
    .since("after 2.4.3")
    .default("the virtualhost"),
];

const SMTP: &[Keyword<SmtpCheckDraft>] = &[
    text("helo_name", "NAME", |c: &mut SmtpCheckDraft, v| {
        c.helo_name = Some(v);
    })
    .goes_on()
    .default("`smtp_helo_name`"),
    block("host", NONE, lower::host).many(),
];

const MISC: &[Keyword<MiscCheckDraft>] = &[
    word("misc_path", "COMMAND", |c: &mut MiscCheckDraft, w, _| {
        w.clone_into(&mut c.value.misc_path.command);
        Ok(())
    })
    .goes_on(),
    seconds(
        "misc_timeout",
        SHORTEST..=YEAR,
        |c: &mut MiscCheckDraft, v| c.misc_timeout = Some(v),
    )
    .default("`delay_loop`"),
    bare("misc_dynamic", |c: &mut MiscCheckDraft, v| {
        c.value.misc_dynamic = v.value;
    }),
    line("user", words("USER [GROUP]", 1, 2), lower::misc_user)
        .goes_on()
        .default("`script_user`")
        .example("nobody"),
    log_all_failures(),
];

const TYPES: &[(&str, DnsType)] = &[
    ("A", DnsType::A),
    ("NS", DnsType::Ns),
    ("CNAME", DnsType::Cname),
    ("SOA", DnsType::Soa),
    ("MX", DnsType::Mx),
    ("TXT", DnsType::Txt),
    ("AAAA", DnsType::Aaaa),
    ("RRSIG", DnsType::Rrsig),
    ("DNSKEY", DnsType::Dnskey),
];

const DNS: &[Keyword<DnsCheckDraft>] = &[
    word(
        "type",
        "A|NS|CNAME|SOA|…",
        read!(choice TYPES => |c: &mut DnsCheckDraft, v| c.value.kind = v.value),
    )
    .default("SOA")
    .example("A"),
    word(
        "name",
        "NAME",
        read!(value::domain => |c: &mut DnsCheckDraft, v| c.value.name = v.value),
    )
    .default("."),
];

const UDP: &[Keyword<UdpCheckDraft>] = &[
    line("payload", words("HEX …", 1, ANY), lower::payload)
        .goes_on()
        .example("07 08"),
    line(
        "require_reply",
        words("[HEX …]", 0, ANY),
        lower::require_reply,
    )
    .example("07"),
    short("min_reply_length", 0..=65535, |c: &mut UdpCheckDraft, v| {
        c.value.min_reply_length = v.value;
    })
    .default("0"),
    short("max_reply_length", 0..=65535, |c: &mut UdpCheckDraft, v| {
        c.value.max_reply_length = v.value;
    })
    .default("255"),
];

const BFD: &[Keyword<BfdCheckDraft>] = &[word(
    "name",
    "NAME",
    read!(value::name => |c: &mut BfdCheckDraft, v| c.name = Some(v)),
)
.goes_on()
.example("E")];

/// `weight N [reverse|noreverse]`
const FILE_WEIGHT: Words = words("-2147483647–2147483647 [reverse|noreverse]", 1, 2);

const FILE: &[Keyword<FileCheckDraft>] = &[
    word(
        "track_file",
        "NAME",
        read!(value::name => |c: &mut FileCheckDraft, v| c.track_file = Some(v)),
    )
    .example("G"),
    line("weight", FILE_WEIGHT, lower::file_check_weight)
        .goes_on()
        .default("the file's")
        .example("7"),
];
