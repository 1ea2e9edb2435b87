//! What only this host can say of a configuration: whether the interfaces, the programs and the files
//! of TLS that it names are there, and whether those programs are safe to run.
//!
//! Reads directories, the user database and the kernel's list of interfaces; changes nothing and
//! needs no rights. Where the host does not answer, there is nothing to say.

mod interfaces;

use std::collections::HashSet;

use lb_common::limits::MAX_SCHEDULE;

use crate::config::model::{Config, SmtpTls, Use};
use crate::config::{self, Code, Diagnostic, Loaded, Mentions, Severity, Span};
use crate::dataplane::xdp::flow_tables::FlowTables;
use crate::dataplane::xdp::memory;
use crate::health::probe::tls::TlsClient;
use crate::log_line::LogLine;
use crate::notify::tls::Tls;
use crate::script::programs::Looked;
use crate::script::{Programs, User};

/// Everything there is to say.
pub(super) fn remarks(loaded: &Loaded) -> Vec<Diagnostic> {
    let Loaded {
        config, mentions, ..
    } = loaded;
    let mut remarks = interfaces::remarks(config, mentions);
    remarks.extend(unknown_users(mentions));
    remarks.extend(scripts(config, mentions));
    remarks.extend(tls_files(config, mentions));
    remarks.extend(memory(config, memory::of_machine()));
    remarks
}

/// An account that does not exist: what should run as it does not run.
fn unknown_users(mentions: &Mentions) -> impl Iterator<Item = Diagnostic> {
    let users = mentions.users().into_iter();
    users.filter_map(|(name, span)| {
        let error = User::find(name, None).err()?;
        let message = format!("{error}: what should run as it does not run");
        Some(Diagnostic::error(Code::Script, span, message))
    })
}

/// Each command once for each kind: thousands of servers share theirs.
fn scripts(config: &Config, mentions: &Mentions) -> Vec<Diagnostic> {
    let scripts = config.global_defs.scripts.clone();
    let programs = Programs::new(scripts, std::env::var_os("PATH"));
    let mut seen = HashSet::new();
    let mut remarks = Vec::new();
    let mut first: Option<Span> = None;
    for one in config.commands() {
        if !seen.insert((one.kind, one.command)) {
            continue;
        }
        let span = mentions.command(&one.command.command);
        let found = programs.look(one.kind, one.name, one.command);
        if found.script.is_some() {
            first = [first, span].into_iter().flatten().min();
        }
        remarks.extend(remark(one, &found, span));
    }
    remarks.extend(programs.violation().map(|line| {
        Diagnostic {
        severity: Severity::Warning,
        code: Code::ScriptSecurity,
        span: first,
        message: line.text().to_owned(),
        help: Some(
            "`enable_script_security` in `global_defs` refuses programs that others than root can \
             change; `script_user` says who runs them"
                .to_owned(),
        ),
        related: Vec::new(),
        repeats: Vec::new(),
    }
    }));
    remarks
}

/// A script that is tracked and cannot run is an error, as it is for `keepalived -t`: the instance
/// does without what it was to watch.
fn remark(one: Use<'_>, found: &Looked, span: Option<Span>) -> Option<Diagnostic> {
    let lines: Vec<&str> = found.lines.iter().map(LogLine::text).collect();
    let (message, severity) = match (&found.script, lines.as_slice()) {
        (Some(_), []) => return None,
        (Some(_), lines) => (lines.join("; "), Severity::Warning),
        (None, lines) => {
            let Use { kind, name, .. } = one;
            // The last one says that it is disabled.
            let why = lines.split_last().map_or(&[][..], |(_, before)| before);
            let severity = if kind == "track script" {
                Severity::Error
            } else {
                Severity::Warning
            };
            let message = format!("{kind} `{name}` will not run: {}", why.join("; "));
            (message, severity)
        }
    };
    Some(Diagnostic {
        severity,
        code: Code::Script,
        span,
        message,
        help: None,
        related: Vec::new(),
        repeats: Vec::new(),
    })
}

/// Files of TLS that cannot be used: without those of mail none is sent, without those of `SSL`
/// servers are checked without.
fn tls_files(config: &Config, mentions: &Mentions) -> Vec<Diagnostic> {
    let warning = |span: Option<Span>, message: String| Diagnostic {
        severity: Severity::Warning,
        code: Code::UnusableFile,
        span,
        message,
        help: None,
        related: Vec::new(),
        repeats: Vec::new(),
    };
    let mail = &config.global_defs.mail;
    let ca = mail.xdp_smtp_ca.as_deref();
    let of_mail = match mail.xdp_smtp_tls {
        SmtpTls::Starttls => Tls::read(ca).err(),
        SmtpTls::Off => None,
    };
    let of_mail = of_mail.map(|error| {
        let span = ca.and_then(|path| mentions.file(path));
        warning(span, format!("xdp_smtp_tls: {error}; no mail is sent"))
    });
    let ssl = config.environment.ssl.as_ref();
    let of_ssl = ssl.and_then(|ssl| TlsClient::new(&ssl.into()).err());
    let of_ssl = of_ssl.map(|error| {
        let span = error.path().and_then(|path| mentions.file(path));
        warning(span, format!("{}; SSL_GET does without", error.in_full()))
    });
    of_mail.into_iter().chain(of_ssl).collect()
}

/// More than all maps take that do not depend on the configuration, bytes; and for each processor.
const REST: u64 = 512 << 20;
const PROCESSOR: u64 = 8 << 20;

/// Maps that this machine cannot hold, even if nothing else were there.
fn memory(config: &Config, of_machine: Option<(u64, u64)>) -> Option<Diagnostic> {
    let tables = FlowTables::from(config.global_defs.xdp_flow_table_size);
    let (total, _) = of_machine?;
    // Which of the tables are how large takes as long as all the rest of `check`.
    let schedules = config.virtual_servers.len() as u64 * memory::array(MAX_SCHEDULE.into(), 4);
    let rest = REST + memory::processors() * PROCESSOR + schedules;
    if tables.bytes() + rest <= total {
        return None;
    }
    let (services, schedules) = config::schedules(config);
    if services == 0 {
        return None;
    }
    let takes = memory::sum(&memory::maps(tables, memory::processors())) + schedules;
    if takes <= total {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Warning,
        code: Code::NotSupported,
        span: None,
        message: format!(
            "the XDP program's maps take {}, and this machine has {}: it will not be loaded",
            memory::mebibytes(takes),
            memory::mebibytes(total)
        ),
        help: Some("`xdp_flow_table_size` in `global_defs` makes the largest smaller".to_owned()),
        related: Vec::new(),
        repeats: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
