//! keepalived's words for what checkers find, so that its users' greps still work.
//!
//! Where keepalived's sentence does not say why, the reason follows behind it. Pure.

use std::fmt::Display;

use super::name::ServiceName;
use super::probe::{Failure, NotProbed};
use crate::config::model::{CheckerKind, Url};

/// The keyword of the checker's block.
#[must_use]
pub fn keyword(kind: &CheckerKind) -> &'static str {
    match kind {
        CheckerKind::Tcp => "TCP_CHECK",
        CheckerKind::Http(_) => "HTTP_GET",
    }
}

/// The checker finds its service up, and did not know before.
#[must_use]
pub fn success(kind: &CheckerKind, service: ServiceName) -> String {
    match kind {
        CheckerKind::Tcp => format!("TCP connection to {service} success."),
        CheckerKind::Http(_) => format!("Remote Web server {service} succeed on service."),
    }
}

/// One url of a service that is not up answered as it should.
#[must_use]
pub fn url_success(service: ServiceName, url: &Url) -> String {
    format!("HTTP status code success to {service} url({})", url.path)
}

/// One failure; `url` is the one that was fetched.
#[must_use]
pub fn failure(
    kind: &CheckerKind,
    service: ServiceName,
    url: Option<&Url>,
    failure: &Failure,
) -> String {
    match kind {
        CheckerKind::Tcp => {
            let end = if matches!(failure, Failure::ConnectTimeout(_)) {
                "timeout"
            } else {
                "failed"
            };
            format!(
                "TCP connection to {service} {end}. {}",
                reason(url, failure)
            )
        }
        CheckerKind::Http(_) => {
            format!(
                "{} server {service}. {}",
                http_failure(failure),
                reason(url, failure)
            )
        }
    }
}

/// The checker takes its service down, after `retries` failures beyond the first.
#[must_use]
pub fn down(kind: &CheckerKind, service: ServiceName, retries: u32, reason: &str) -> String {
    let check = match kind {
        CheckerKind::Tcp => "TCP_CHECK",
        CheckerKind::Http(_) => "HTTP_CHECK",
    };
    match retries {
        0 => format!("{check} on service {service} failed. {reason}"),
        _ => format!("{check} on service {service} failed after {retries} retries. {reason}"),
    }
}

/// The question could not be asked.
#[must_use]
pub fn not_probed(kind: &CheckerKind, service: ServiceName, error: &NotProbed) -> String {
    let what = match error {
        NotProbed::Bind { .. } | NotProbed::Port(_) => match kind {
            CheckerKind::Tcp => "TCP socket bind failed",
            CheckerKind::Http(_) => "WEB socket bind failed",
        },
        NotProbed::Socket(_) | NotProbed::Mark { .. } | NotProbed::Broken(_) => match kind {
            CheckerKind::Tcp => "TCP connect fail to create socket",
            CheckerKind::Http(_) => "WEB connection fail to create socket",
        },
    };
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

fn http_failure(failure: &Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout(_) => "Timeout connecting",
        Failure::Connect(_) => "Error connecting",
        Failure::Send(_) => "Cannot send get request to",
        Failure::NoAnswer(_) => "Timeout WEB read",
        Failure::HeadTimeout { .. } | Failure::BodyTimeout { .. } => "Timeout HTTP read",
        Failure::Read { .. } => "Read error with",
        Failure::NoData | Failure::HeadCut(_) => "Read, no data received from",
        Failure::HeadTooLarge | Failure::NotHttp(_) => "Read, no HTTP received from",
        Failure::StatusCode(_) => "HTTP status code error to",
    }
}

#[cfg(test)]
mod tests;
