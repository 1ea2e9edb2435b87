//! Mail, scripts and FIFOs in `global_defs`.

use std::time::Duration;

use super::super::{
    COMMAND, Keyword, NONE, TIME, Words, bare, block, flag, line, read, seconds, text, word, words,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;
use crate::config::model::{Secret, SmtpTls};

const TLS: &[(&str, SmtpTls)] = &[("off", SmtpTls::Off), ("starttls", SmtpTls::Starttls)];

pub(super) const MAIL: &[Keyword<GlobalDraft>] = &[
    block("notification_email", NONE, lower::notification_email)
        .example("{\nroot@example.org\n}")
        .many(),
    text(
        "notification_email_from",
        "ADDRESS",
        |g: &mut GlobalDraft, v| {
            g.value.mail.notification_email_from = Some(v.value);
        },
    )
    .goes_on()
    .default("user@host"),
    line(
        "smtp_server",
        words("HOST [PORT]", 1, 2),
        lower::smtp_server,
    )
    .example("mail.example.org 26"),
    seconds("smtp_connect_timeout", TIME, |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_connect_timeout = v.value.max(Duration::from_secs(1));
    })
    .default("30 s"),
    text("smtp_helo_name", "NAME", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_helo_name = Some(v.value);
    })
    .goes_on()
    .default("the host's name"),
    word(
        "xdp_smtp_tls",
        "off|starttls",
        read!(choice TLS => |g: &mut GlobalDraft, v| g.value.mail.xdp_smtp_tls = v.value),
    )
    .default("off")
    .example("starttls"),
    text("xdp_smtp_ca", "FILE", |g: &mut GlobalDraft, v| {
        g.value.mail.xdp_smtp_ca = Some(v.value.into());
    })
    .default("whom the system trusts"),
    text("xdp_smtp_user", "NAME", |g: &mut GlobalDraft, v| {
        g.value.mail.xdp_smtp_user = Some(v.value);
    }),
    text("xdp_smtp_password", "TEXT", |g: &mut GlobalDraft, v| {
        g.value.mail.xdp_smtp_password = Some(Secret::new(v.value));
    }),
    flag("smtp_alert", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert = Some(v.value);
    })
    .silent("off"),
    flag("smtp_alert_vrrp", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert_vrrp = Some(v.value);
    })
    .silent("off"),
    flag("smtp_alert_checker", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert_checker = Some(v.value);
    })
    .silent("off"),
    bare("no_email_faults", |g: &mut GlobalDraft, v| {
        g.value.mail.no_email_faults = v.value;
    }),
    flag("no_checker_emails", |g: &mut GlobalDraft, v| {
        g.value.mail.no_checker_emails = v.value;
    }),
];

/// Longest time that a script of start or stop may take.
const SCRIPT_TIME: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(1000);

pub(super) const SCRIPTS: &[Keyword<GlobalDraft>] = &[
    line(
        "script_user",
        words("USER [GROUP]", 1, 2),
        lower::script_user,
    )
    .goes_on()
    .default("keepalived_script, else root")
    .example("nobody nogroup"),
    bare("enable_script_security", |g: &mut GlobalDraft, v| {
        g.value.scripts.enable_script_security = v.value;
    }),
    line("startup_script", COMMAND, lower::startup_script)
        .goes_on()
        .since("2.1.0")
        .example("/bin/true"),
    seconds(
        "startup_script_timeout",
        SCRIPT_TIME,
        |g: &mut GlobalDraft, v| g.startup_script_timeout = Some(v),
    )
    .goes_on()
    .since("2.1.0")
    .default("10 s"),
    line("shutdown_script", COMMAND, lower::shutdown_script)
        .goes_on()
        .since("2.1.0")
        .example("/bin/true"),
    seconds(
        "shutdown_script_timeout",
        SCRIPT_TIME,
        |g: &mut GlobalDraft, v| g.shutdown_script_timeout = Some(v),
    )
    .goes_on()
    .since("2.1.0")
    .default("10 s"),
];

const FIFO: Words = words("PATH [USER [GROUP]]", 1, 3);

pub(super) const FIFOS: &[Keyword<GlobalDraft>] = &[
    line("notify_fifo", FIFO, lower::notify_fifo)
        .goes_on()
        .example("/run/seven"),
    line("notify_fifo_script", COMMAND, lower::notify_fifo_script)
        .goes_on()
        .example("/bin/true"),
    line("vrrp_notify_fifo", FIFO, lower::vrrp_notify_fifo)
        .goes_on()
        .example("/run/seven"),
    line(
        "vrrp_notify_fifo_script",
        COMMAND,
        lower::vrrp_notify_fifo_script,
    )
    .goes_on()
    .example("/bin/true"),
    line("lvs_notify_fifo", FIFO, lower::lvs_notify_fifo)
        .goes_on()
        .example("/run/seven"),
    line(
        "lvs_notify_fifo_script",
        COMMAND,
        lower::lvs_notify_fifo_script,
    )
    .goes_on()
    .example("/bin/true"),
    flag("vrrp_notify_priority_changes", |g: &mut GlobalDraft, v| {
        g.vrrp_notify_priority_changes = Some(v);
    }),
    bare(
        "fifo_write_vrrp_states_on_reload",
        |g: &mut GlobalDraft, v| {
            g.value.notify.fifo_write_vrrp_states_on_reload = v.value;
        },
    ),
    flag("rs_init_notifies", |g: &mut GlobalDraft, v| {
        g.value.notify.rs_init_notifies = v.value;
    }),
];
