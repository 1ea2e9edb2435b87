//! Why a probe did not succeed. The words say what happened; who and what for is the log line's
//! part.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{http, smtp};
use crate::health::spec::LvsMethod;

/// What a server did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Failure {
    /// No connection within `connect_timeout`.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// Refused, unreachable, …
    #[error("{0}")]
    Connect(String),
    /// `xdp_check_via_tunnel`: the server's MAC address is not known.
    #[error("the server does not answer ARP within {0:?}")]
    NoNeighbour(Duration),
    /// The same of a server with an IPv6 address.
    #[error("the server does not answer neighbour solicitations within {0:?}")]
    NoNeighbourSix(Duration),
    /// `xdp_check_via_tunnel`: nothing came back from the virtual address.
    #[error("no answer from {address} within {within:?}: {}", hint(address, *lvs_method))]
    NoAnswerOf {
        /// The virtual address.
        address: SocketAddr,
        /// `connect_timeout`.
        within: Duration,
        /// How the packet got there.
        lvs_method: LvsMethod,
    },
    /// `xdp_check_via_tunnel`: the server has the virtual address, but nobody listens there.
    #[error("the server refuses connections to {0}")]
    RefusedFor(SocketAddr),
    /// `xdp_check_via_tunnel`: the server gives the virtual address away.
    #[error(
        "the server answers ARP for {address} (it is at {}): clients go past the director; set arp_ignore to 1 and arp_announce to 2 there",
        in_hex(*mac)
    )]
    AnswersArp {
        /// The virtual address.
        address: Ipv4Addr,
        /// The server's.
        mac: [u8; 6],
    },
    /// The same of an IPv6 address.
    #[error(
        "the server answers neighbour solicitations for {address} (it is at {}): clients go past the director; put the address on lo there, and on no other interface",
        in_hex(*mac)
    )]
    AnswersSolicitations {
        /// The virtual address.
        address: Ipv6Addr,
        /// The server's.
        mac: [u8; 6],
    },
    /// The TLS handshake did not end within `connect_timeout`.
    #[error("connected, but the TLS handshake did not end within {0:?}")]
    HandshakeTimeout(Duration),
    /// The TLS handshake failed.
    #[error("TLS handshake: {0}")]
    Handshake(String),
    /// The request could not be sent.
    #[error("the request could not be sent: {0}")]
    Send(String),
    /// Connected, but nothing came within `connect_timeout`.
    #[error("connected, but no answer within {0:?}")]
    NoAnswer(Duration),
    /// An answer began, then nothing came for `connect_timeout`, still within its head.
    #[error("nothing more came for {timeout:?} within the answer's head, after {received} bytes")]
    HeadTimeout {
        /// `connect_timeout`.
        timeout: Duration,
        /// Bytes of the answer so far.
        received: u64,
    },
    /// The head was there, but then nothing came for `connect_timeout`.
    #[error(
        "status_code [{status}], but the body did not end: nothing more came for {timeout:?}, after {received} bytes"
    )]
    BodyTimeout {
        /// `connect_timeout`.
        timeout: Duration,
        /// The status that the head gave.
        status: u16,
        /// Bytes of the answer so far.
        received: u64,
    },
    /// Bytes came, but too slowly, or without end.
    #[error("the answer did not end within {limit:?}, {received} bytes came")]
    TooSlow {
        /// [`super::ANSWER_TIMEOUTS`] times `connect_timeout`.
        limit: Duration,
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
    /// The body goes beyond [`http::MAX_BODY`].
    #[error("the answer's body is larger than {} MiB", http::MAX_BODY >> 20)]
    BodyTooLarge,
    /// What came is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// A status that is not in `status_code`.
    #[error("status_code [{0}]")]
    StatusCode(u16),
    /// Another MD5 than `digest`.
    #[error("the body's digest is {0}")]
    Digest(String),
    /// `regex` is not in the body, or is and must not be (`regex_no_match`).
    #[error("{}", if *.no_match { "the body matches the regex" } else { "the body does not match the regex" })]
    Regex {
        /// `regex_no_match`.
        no_match: bool,
    },
    /// The greeting is not 220, or the answer to HELO is not 250.
    #[error("{step}: the server said \"{said}\"")]
    Smtp {
        /// What it answered to.
        step: smtp::Step,
        /// Its line.
        said: String,
    },
    /// Lines without end.
    #[error("{0}: the answer is longer than {max} bytes", max = smtp::MAX_ANSWER)]
    SmtpTooLong(smtp::Step),
    /// A DNS answer with an error.
    #[error("rcode = {0}")]
    Rcode(u8),
    /// A UDP reply that is too short or too long.
    #[error("a reply of {0} bytes")]
    ReplyLength(usize),
    /// A UDP reply with other bytes than `require_reply`.
    #[error("the reply is another than required")]
    ReplyMismatch,
    /// The value of a tracked file says down.
    #[error("the file's value is {0}")]
    FileValue(i64),
    /// A tracked file that cannot be read, because its file system hangs.
    #[error("the file could not be read within {0:?}: does its file system hang?")]
    FileHangs(Duration),
    /// A script's exit status that is not 0.
    #[error("exited with status {0}")]
    ScriptStatus(u8),
    /// A script ended by a signal.
    #[error("due to signal {0}")]
    ScriptSignal(i32),
    /// A script that took longer than `misc_timeout`.
    #[error("still running after {0:?}")]
    ScriptTimeout(Duration),
    /// A script that had not been loaded after `misc_timeout`.
    #[error("not started within {0:?}: does the file system of the script hang?")]
    ScriptHangs(Duration),
    /// A script that was found at start and cannot be run now.
    #[error("the script does not run: {0}")]
    ScriptNotRun(String),
    /// A BFD session is not up.
    #[error("the BFD session is down")]
    BfdDown,
}

/// `rp_filter` is for IPv4 only.
const fn hint(address: &SocketAddr, lvs_method: LvsMethod) -> &'static str {
    match (lvs_method, address) {
        (LvsMethod::Dr, _) => "is it on the server's lo?",
        (LvsMethod::Tun, SocketAddr::V4(_)) => {
            "is it on the server's tunnel interface, is that up, and is rp_filter 0 there?"
        }
        (LvsMethod::Tun, SocketAddr::V6(_)) => {
            "is it on the server's tunnel interface, and is that up?"
        }
    }
}

fn in_hex(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Why a probe never left this host.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
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
    /// `bind_if` could not be set, as when there is no such interface.
    #[error("cannot bind to interface {name}: {cause}")]
    Interface {
        /// `bind_if`.
        name: String,
        /// The system's words.
        cause: String,
    },
    /// `bindto` and `bind_port` could not be bound, as when the address is not on this host.
    #[error("cannot bind to {address}: {cause}")]
    Bind {
        /// Address and port asked for.
        address: SocketAddr,
        /// The system's words.
        cause: String,
    },
    /// `xdp_check_via_tunnel`: the server is not where such a packet could go.
    #[error("no way to the server: {0}")]
    NoWay(String),
    /// No source port is free for a connection to this server.
    #[error("no source port: {0}")]
    Port(String),
    /// `name` is none that DNS could carry.
    #[error("`{0}` is not a name that can be asked for")]
    DnsName(String),
    /// A script that was not found at start, or must not run.
    #[error("the script does not run: {0}")]
    Script(String),
    /// The number in a tracked file is not one of 32 bits.
    #[error("{0} in the file is out of range")]
    FileNumber(i64),
    /// The answer comes by itself.
    #[error("this is told, not asked")]
    Told,
    /// The probe's own task broke: a defect of ours.
    #[error("the probe broke: {0}")]
    Broken(String),
}
