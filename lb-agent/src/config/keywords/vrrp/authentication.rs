//! `authentication` and `auth_hmac` of an instance.

use crate::config::draft::{AuthType, AuthenticationDraft};
use crate::config::keywords::{Keyword, Section, Unit, byte, line, read, text, units, word, words};
use crate::config::lower::vrrp as lower;
use crate::config::model::{AuthHmac, HmacMode, HmacReplay};

/// `authentication`
pub(crate) static AUTHENTICATION: Section<AuthenticationDraft> =
    Section::new("authentication", &[SECRET]);

/// `auth_hmac`
pub(crate) static AUTH_HMAC: Section<AuthHmac> = Section::new("auth_hmac", &[HMAC]);

const AUTH_TYPE: &[(&str, AuthType)] = &[("PASS", AuthType::Pass), ("AH", AuthType::Ah)];

const SECRET: &[Keyword<AuthenticationDraft>] = &[
    word(
        "auth_type",
        "PASS|AH",
        read!(choice AUTH_TYPE => |a: &mut AuthenticationDraft, v| a.auth_type = Some(v)),
    )
    .example("PASS"),
    text("auth_pass", "PASSWORD", |a: &mut AuthenticationDraft, v| {
        a.auth_pass = Some(v);
    }),
];

const REPLAY: &[(&str, HmacReplay)] = &[
    ("time", HmacReplay::Time),
    ("monotonic", HmacReplay::Monotonic),
];

const HMAC_MODE: &[(&str, HmacMode)] = &[
    ("enforce", HmacMode::Enforce),
    ("permissive", HmacMode::Permissive),
    ("receive-only", HmacMode::ReceiveOnly),
];

const HMAC: &[Keyword<AuthHmac>] = &[
    line("key", words("ID hex:…|file:…|TEXT", 2, 2), lower::hmac_key)
        .since("2.4.0")
        .example("8 eighthsecretofthirtytwocharacters")
        .many(),
    byte("active_key", 0..=255, |a: &mut AuthHmac, v| {
        a.active_key = v.value;
    })
    .since("2.4.0")
    .default("the first"),
    units(
        "time_window",
        Unit::Seconds,
        1..=300,
        |a: &mut AuthHmac, v| a.time_window = v.value,
    )
    .since("2.4.0")
    .default("30 s"),
    word(
        "anti_replay",
        "time|monotonic",
        read!(choice REPLAY => |a: &mut AuthHmac, v| a.anti_replay = v.value),
    )
    .since("2.4.0")
    .default("time")
    .example("monotonic"),
    word(
        "mode",
        "enforce|permissive|receive-only",
        read!(choice HMAC_MODE => |a: &mut AuthHmac, v| a.mode = v.value),
    )
    .since("2.4.0")
    .default("enforce")
    .example("permissive"),
];
