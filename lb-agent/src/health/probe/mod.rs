//! Probes: one question to one server, one result.
//!
//! A probe keeps no state, reads no clock and counts nothing: whether a failure takes the server
//! down is for the [verdict](super::verdict) to say. It ends within twice `connect_timeout`, once
//! for the connection and once for the answer, whatever the server does, and in bounded memory.

mod connect;
pub mod http;
pub mod tcp;

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::config::model::{Checker, CheckerKind};

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ProbeResult {
    /// The server did what the checker asks for.
    Success,
    /// It did not.
    Failed(Failure),
    /// The question was never asked: this host had no socket for it, or could not bind it as
    /// configured. It says nothing about the server.
    NotProbed(NotProbed),
}

/// What a server did wrong. The words say what happened; who and what for is the log line's part.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
pub enum Failure {
    /// No connection within `connect_timeout`.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// Refused, unreachable, …
    #[error("{0}")]
    Connect(String),
    /// The request could not be sent.
    #[error("the request could not be sent: {0}")]
    Send(String),
    /// Connected, but nothing came within `connect_timeout`.
    #[error("connected, but no answer within {0:?}")]
    NoAnswer(Duration),
    /// An answer began but its head did not end within `connect_timeout`.
    #[error("the answer's head did not end within {timeout:?}, {received} bytes came")]
    HeadTimeout {
        /// `connect_timeout`.
        timeout: Duration,
        /// Bytes of the answer so far.
        received: u64,
    },
    /// The head was there, but the body did not end within `connect_timeout`.
    #[error(
        "status_code [{status}], but the body did not end within {timeout:?}, {received} bytes came"
    )]
    BodyTimeout {
        /// `connect_timeout`.
        timeout: Duration,
        /// The status that the head gave.
        status: u16,
        /// Bytes of the answer so far.
        received: u64,
    },
    /// The connection broke while the answer was read.
    #[error("{cause} after {received} bytes")]
    Read {
        /// The system's words.
        cause: String,
        /// Bytes of the answer so far.
        received: u64,
    },
    /// Closed without one byte of an answer.
    #[error("the server closed the connection without an answer")]
    NoData,
    /// Closed within the head.
    #[error("the server closed the connection after {0} bytes, within the answer's head")]
    HeadCut(u64),
    /// The head goes beyond [`http::MAX_HEAD`] or [`http::MAX_FIELDS`].
    #[error(
        "the answer's head is larger than {} bytes or {} fields",
        http::MAX_HEAD,
        http::MAX_FIELDS
    )]
    HeadTooLarge,
    /// What came is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// A status that is not in `status_code`.
    #[error("status_code [{0}]")]
    StatusCode(u16),
}

/// Why a probe never left this host.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
pub enum NotProbed {
    /// No socket: the limit of open files, or of memory.
    #[error("no socket: {0}")]
    Socket(String),
    /// `fwmark` could not be set; it takes `CAP_NET_ADMIN`.
    #[error("fwmark {mark} cannot be set: {cause}")]
    Mark {
        /// `fwmark`.
        mark: u32,
        /// The system's words.
        cause: String,
    },
    /// `bindto` and `bind_port` could not be bound, as when the address is not on this host.
    #[error("cannot bind to {address}: {cause}")]
    Bind {
        /// Address and port asked for.
        address: std::net::SocketAddr,
        /// The system's words.
        cause: String,
    },
    /// No source port is free for a connection to this server.
    #[error("no source port: {0}")]
    Port(String),
    /// The probe's own task broke: a defect of ours.
    #[error("the probe broke: {0}")]
    Broken(String),
}

/// Asks `checker`'s question; `url` is the index of the one to fetch where it has several.
pub async fn probe(checker: &Checker, url: usize) -> ProbeResult {
    match &checker.kind {
        CheckerKind::Tcp => tcp::probe(checker).await,
        CheckerKind::Http(get) => http::probe(checker, get, url).await,
    }
}
