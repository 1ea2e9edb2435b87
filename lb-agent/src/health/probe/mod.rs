//! Probes: one question to one server, one result.
//!
//! A probe keeps no state, reads no clock and counts nothing: whether a failure takes the server
//! down is for the [verdict](super::verdict) to say.
//!
//! It ends, whatever the server does, in bounded memory: the connection has `connect_timeout`,
//! each read has it again, and everything after the connection together has
//! [`ANSWER_TIMEOUTS`] times as much. keepalived has only the first two and reads for ever what
//! comes a byte at a time.

mod connect;
pub mod dns;
mod failure;
pub mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod http;
mod icmp;
pub mod misc;
pub mod ping;
pub mod smtp;
pub mod tcp;
pub mod tls;
pub mod tunnel;
pub mod udp;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::failure::{Failure, NotProbed};
use super::spec::{Kind, Question, Target};

/// A server may answer in pieces, but within so many times `connect_timeout`.
pub const ANSWER_TIMEOUTS: u32 = 10;

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeResult {
    /// The server did what the checker asks for.
    Success,
    /// It did, and says what weight it wants.
    Weighs(Weight),
    /// It did not.
    Failed(Failure),
    /// The question was never asked: this host had no socket for it, or could not bind it as
    /// configured. It says nothing about the server.
    NotProbed(NotProbed),
}

/// What a checker says of its server's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weight {
    /// This, instead of the configured one: `misc_dynamic`.
    Instead(u32),
    /// So much more, or less: `FILE_CHECK`.
    More(i64),
}

/// Asks `question`; `url` is the index of the one to fetch where it has several.
pub async fn probe(question: &Question, url: usize) -> ProbeResult {
    let target = &question.target;
    match &question.kind {
        Kind::Tcp => tcp::probe(target).await,
        Kind::ViaTunnel(via) => tunnel::probe(target, via).await,
        Kind::Http(get) => http::probe(target, get, None, url).await,
        Kind::Ssl(ssl) => http::probe(target, &ssl.get, Some(ssl), url).await,
        Kind::Smtp(check) => smtp::probe(target, check).await,
        Kind::Dns(check) => dns::probe(target, check).await,
        Kind::Udp(check) => udp::probe(target, check).await,
        Kind::Ping => ping::probe(target).await,
        Kind::Misc(check) => misc::probe(check).await,
        Kind::File(check) => file::probe(target, check).await,
        // Told, not asked: the schedule never probes it.
        Kind::Bfd(_) => ProbeResult::NotProbed(NotProbed::Told),
    }
}

/// The time for everything after the connection.
fn answer_limit(target: &Target) -> Duration {
    target.connect_timeout.saturating_mul(ANSWER_TIMEOUTS)
}
