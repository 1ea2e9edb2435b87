//! keepalived's words for what checkers find, so that its users' greps still work.
//!
//! Where keepalived's sentence does not say why, the reason follows behind it. What mails say is in
//! [`mail`]. Pure.

pub mod mail;

use std::fmt::Display;

use super::name::Subject;
use super::probe::smtp::Step;
use super::probe::{Failure, NotProbed};
use super::spec::{Kind, MiscCheck, Url};

/// The checker finds its service up, and did not know before.
#[must_use]
pub fn success(kind: &Kind, service: &Subject) -> String {
    match kind {
        Kind::Tcp | Kind::ViaTunnel(_) => format!("TCP connection to {service} success."),
        Kind::Http(_) | Kind::Ssl(_) => {
            format!("Remote Web server {service} succeed on service.")
        }
        Kind::Smtp(_) => format!("Remote SMTP server {service} succeed on service."),
        Kind::Udp(_) => format!("UDP connection to {service} success."),
        Kind::Ping => format!("ICMP connection to {} success.", service.real_server()),
        Kind::Misc(check) => {
            format!("{} succeeded.", misc(check, service))
        }
        Kind::Dns(_) | Kind::File(_) | Kind::Bfd(_) => {
            format!("{} on service {service} success.", kind.keyword())
        }
    }
}

/// One url of a service that is not up answered as it should.
#[must_use]
pub fn url_success(service: &Subject, url: &Url) -> String {
    let what = match (&url.body.regex, &url.body.digest) {
        (Some(_), _) => "Regex match",
        (None, Some(_)) => "MD5 digest",
        (None, None) => "HTTP status code",
    };
    format!("{what} success to {service} url({})", url.path)
}

/// One failure; `url` is the one that was fetched.
#[must_use]
pub fn failure(kind: &Kind, service: &Subject, url: Option<&Url>, failure: &Failure) -> String {
    let reason = reason(url, failure);
    match kind {
        Kind::Tcp | Kind::ViaTunnel(_) => {
            let end = if matches!(
                failure,
                Failure::ConnectTimeout(_)
                    | Failure::NoNeighbour(_)
                    | Failure::NoNeighbourSix(_)
                    | Failure::NoAnswerOf { .. }
            ) {
                "timeout"
            } else {
                "failed"
            };
            format!("TCP connection to {service} {end}. {reason}")
        }
        Kind::Http(_) | Kind::Ssl(_) => {
            format!("{} server {service}. {reason}", web_failure(failure))
        }
        Kind::Smtp(_) => format!("SMTP_CHECK {} {service}. {reason}", smtp_failure(failure)),
        Kind::Dns(_) => format!("DNS_CHECK ({service}) {reason}"),
        Kind::Udp(_) if matches!(failure, Failure::ReplyLength(_) | Failure::ReplyMismatch) => {
            format!("UDP check to {service} reply data mismatch. {reason}")
        }
        Kind::Udp(_) => format!("UDP connection to {service} failed. {reason}"),
        Kind::Ping if matches!(failure, Failure::NoAnswer(_)) => {
            let service = service.real_server();
            format!("ICMP connection to address {service} timeout. {reason}")
        }
        Kind::Ping => format!("ICMP connection to {} failed. {reason}", service.in_words()),
        Kind::Misc(check) => {
            let end = script_end(failure);
            format!("{} {end} ({failure}).", misc(check, service))
        }
        Kind::File(_) | Kind::Bfd(_) => {
            format!("{} on service {service}: {reason}", kind.keyword())
        }
    }
}

/// The checker takes its service down, after `retries` failures beyond the first.
#[must_use]
pub fn down(
    kind: &Kind,
    service: &Subject,
    retries: u32,
    url: Option<&Url>,
    failure: &Failure,
) -> String {
    let after = match retries {
        0 => String::new(),
        retries => format!(" after {retries} retries"),
    };
    let check = match kind {
        Kind::Misc(check) => {
            let (check, end) = (misc(check, service), script_end(failure));
            return format!("{check} {end}{after} ({failure}).");
        }
        Kind::Http(_) | Kind::Ssl(_) => "HTTP_CHECK",
        Kind::Ping => "ICMP CHECK",
        Kind::Tcp
        | Kind::ViaTunnel(_)
        | Kind::Smtp(_)
        | Kind::Dns(_)
        | Kind::Udp(_)
        | Kind::File(_)
        | Kind::Bfd(_) => kind.keyword(),
    };
    // Of a first failure keepalived names the real server alone.
    let service = if retries > 0 && matches!(kind, Kind::Ping) {
        service.in_words()
    } else {
        named(kind, service)
    };
    let reason = reason(url, failure);
    format!("{check} on service {service} failed{after}. {reason}")
}

/// Of an echo request the real server alone.
fn named(kind: &Kind, service: &Subject) -> String {
    if matches!(kind, Kind::Ping) {
        service.real_server().to_string()
    } else {
        service.to_string()
    }
}

/// keepalived names the program, without its arguments.
fn misc(check: &MiscCheck, service: &Subject) -> String {
    let program = check.script.as_ref().map_or_else(
        || check.misc_path.clone(),
        |script| script.program.display().to_string(),
    );
    format!("Misc check for [{service}] by [{program}]")
}

const fn script_end(failure: &Failure) -> &'static str {
    if matches!(failure, Failure::ScriptTimeout(_) | Failure::ScriptHangs(_)) {
        "timed out"
    } else {
        "failed"
    }
}

/// The question could not be asked.
#[must_use]
pub fn not_probed(kind: &Kind, service: &Subject, error: &NotProbed) -> String {
    let (bind, create) = match kind {
        Kind::Tcp | Kind::ViaTunnel(_) => (
            "TCP socket bind failed",
            "TCP connect fail to create socket",
        ),
        Kind::Http(_) | Kind::Ssl(_) => (
            "WEB socket bind failed",
            "WEB connection fail to create socket",
        ),
        Kind::Smtp(_) => (
            "SMTP_CHECK socket bind failed",
            "SMTP_CHECK connection failed to create socket",
        ),
        Kind::Dns(_) => (
            "DNS_CHECK UDP socket bind failed",
            "DNS_CHECK failed to create socket",
        ),
        Kind::Udp(_) => (
            "UDP socket bind failed",
            "UDP connect fail to create socket",
        ),
        Kind::Ping => (
            "ICMP socket bind failed",
            "ICMP connect fail to create socket",
        ),
        Kind::Misc(_) => ("MISC_CHECK failed", "MISC_CHECK failed"),
        Kind::File(_) => ("FILE_CHECK failed", "FILE_CHECK failed"),
        Kind::Bfd(_) => ("BFD_CHECK failed", "BFD_CHECK failed"),
    };
    let what = match error {
        NotProbed::Bind { .. } | NotProbed::Interface { .. } | NotProbed::Port(_) => bind,
        NotProbed::Socket(_)
        | NotProbed::NoWay(_)
        | NotProbed::Mark { .. }
        | NotProbed::DnsName(_)
        | NotProbed::Script(_)
        | NotProbed::FileNumber(_)
        | NotProbed::Told
        | NotProbed::Broken(_) => create,
    };
    let service = named(kind, service);
    format!("{what}. Rescheduling. {service} stays as it is: {error}")
}

/// The reason as a sentence of its own, with the url that it is about.
#[must_use]
pub fn reason(url: Option<&Url>, failure: &dyn Display) -> String {
    match url {
        None => format!("{failure}."),
        Some(url) => format!("url({}): {failure}.", url.path),
    }
}

fn web_failure(failure: &Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout(_) => "Timeout connecting",
        Failure::Connect(_) => "Connection failed",
        Failure::HandshakeTimeout(_) | Failure::Handshake(_) => {
            "SSL handshake/communication error connecting to"
        }
        Failure::Send(_) => "Cannot send get request to",
        Failure::NoAnswer(_) => "Timeout WEB read",
        Failure::HeadTimeout { .. } | Failure::BodyTimeout { .. } | Failure::TooSlow { .. } => {
            "Timeout HTTP read"
        }
        Failure::Read { .. } => "Read error with",
        Failure::NoData | Failure::HeadCut(_) => "Read, no data received from",
        Failure::HeadTooLarge | Failure::NotHttp(_) => "Read, no HTTP received from",
        Failure::BodyTooLarge => "Read, too much received from",
        Failure::StatusCode(_) => "HTTP status code error to",
        Failure::Digest(_) => "MD5 digest error to",
        Failure::Regex { .. } => "Regex match failed",
        Failure::NoNeighbour(_)
        | Failure::NoNeighbourSix(_)
        | Failure::NoAnswerOf { .. }
        | Failure::RefusedFor(_)
        | Failure::AnswersArp { .. }
        | Failure::AnswersSolicitations { .. }
        | Failure::Smtp { .. }
        | Failure::SmtpTooLong(_)
        | Failure::Rcode(_)
        | Failure::ReplyLength(_)
        | Failure::ReplyMismatch
        | Failure::FileValue(_)
        | Failure::ScriptStatus(_)
        | Failure::ScriptSignal(_)
        | Failure::ScriptTimeout(_)
        | Failure::ScriptNotRun(_)
        | Failure::BfdDown
        | Failure::FileHangs(_)
        | Failure::ScriptHangs(_) => "Error with",
    }
}

fn smtp_failure(failure: &Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout(_) => "Connection timeout to server",
        Failure::Connect(_) => "Could not connect to server",
        Failure::NoAnswer(_) | Failure::TooSlow { .. } => "Read timeout from server",
        Failure::Send(_) => "Write failure to server",
        Failure::Smtp {
            step: Step::Greeting,
            ..
        } => "Bad greeting banner from server",
        Failure::Smtp {
            step: Step::Helo, ..
        } => "Bad HELO response from server",
        Failure::NoNeighbour(_)
        | Failure::NoNeighbourSix(_)
        | Failure::NoAnswerOf { .. }
        | Failure::RefusedFor(_)
        | Failure::AnswersArp { .. }
        | Failure::AnswersSolicitations { .. }
        | Failure::HandshakeTimeout(_)
        | Failure::Handshake(_)
        | Failure::HeadTimeout { .. }
        | Failure::BodyTimeout { .. }
        | Failure::Read { .. }
        | Failure::NoData
        | Failure::HeadCut(_)
        | Failure::HeadTooLarge
        | Failure::BodyTooLarge
        | Failure::NotHttp(_)
        | Failure::StatusCode(_)
        | Failure::Digest(_)
        | Failure::Regex { .. }
        | Failure::SmtpTooLong(_)
        | Failure::Rcode(_)
        | Failure::ReplyLength(_)
        | Failure::ReplyMismatch
        | Failure::FileValue(_)
        | Failure::ScriptStatus(_)
        | Failure::ScriptSignal(_)
        | Failure::ScriptTimeout(_)
        | Failure::ScriptNotRun(_)
        | Failure::BfdDown
        | Failure::FileHangs(_)
        | Failure::ScriptHangs(_) => "Read failure from server",
    }
}

#[cfg(test)]
mod tests;
