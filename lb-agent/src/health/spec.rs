//! What health needs to know of the configuration: whom to check, how, and what to make of it.
//!
//! Own types, so that a probe, a verdict and a pool can be made in a test without a configuration,
//! and so that two checks can be compared: checks that are equal here ask the same question in the
//! same rhythm, and are asked once. `from_config` makes them from the configuration's model.
//! Every field is named as its keyword. Pure.

mod from_config;
mod http;
mod kind;
mod misc;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};

pub use self::from_config::services;
pub use self::http::{HttpGet, SslGet, Url, UrlBody};
pub use self::kind::{FileCheck, Kind, LvsMethod, SmtpCheck, ViaTunnel};
pub use self::misc::MiscCheck;
pub use crate::config::model::{BfdCheck, DnsCheck, DnsType, HttpProtocol, ReplyPattern, UdpCheck};
use crate::config::model::{RealServerKey, VirtualServerKey};

/// One virtual server, as far as its health goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Address, port, protocol.
    pub key: VirtualServerKey,
    /// `ha_suspend`: checked only while one of these is on this host, its address or those of its
    /// group; empty: always.
    pub ha_suspend: BTreeSet<IpAddr>,
    /// The quorum and what happens without it.
    pub rules: PoolRules,
    /// `real_server`, in the order of the file.
    pub servers: Vec<Server>,
}

/// What a pool goes by, besides its servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRules {
    /// `quorum`: weight that must be up; at least 1.
    pub quorum: u32,
    /// `hysteresis`: so much more to gain the quorum, so much less to lose it.
    pub hysteresis: u32,
    /// `sorry_server`.
    pub sorry_server: Option<RealServerKey>,
    /// `sorry_server_inhibit`: the sorry server stays in the pool with weight 0.
    pub sorry_server_inhibit: bool,
    /// `rs_init_notifies`: servers that are up at start are told.
    pub rs_init_notifies: bool,
    /// `omega`: what goes down at stop is told as if it had failed.
    pub omega: bool,
    /// `xdp_slow_start`: a server that recovers gets its full weight after so long; zero: at once.
    pub xdp_slow_start: Duration,
}

impl Default for PoolRules {
    /// What keepalived has without the keywords.
    fn default() -> Self {
        Self {
            quorum: 1,
            hysteresis: 0,
            sorry_server: None,
            sorry_server_inhibit: false,
            rs_init_notifies: false,
            omega: false,
            xdp_slow_start: Duration::ZERO,
        }
    }
}

/// What a pool needs to know of its virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// Address, port, protocol.
    pub key: VirtualServerKey,
    /// The quorum and what happens without it.
    pub rules: PoolRules,
    /// `real_server`, in the order of the file.
    pub servers: Vec<PooledServer>,
}

/// What a pool needs to know of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PooledServer {
    /// Address and port.
    pub key: RealServerKey,
    /// `weight`.
    pub weight: u32,
    /// `inhibit_on_failure`.
    pub inhibit_on_failure: bool,
    /// `alpha`: a check must succeed first.
    pub waits: bool,
}

impl From<Service> for PoolSpec {
    fn from(from: Service) -> Self {
        let servers = from.servers.iter().map(|server| PooledServer {
            key: server.key,
            weight: server.weight,
            inhibit_on_failure: server.inhibit_on_failure,
            waits: server.checks.iter().any(|check| check.alpha),
        });
        Self {
            key: from.key,
            servers: servers.collect(),
            rules: from.rules,
        }
    }
}

/// One real server of a virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port.
    pub key: RealServerKey,
    /// `weight`.
    pub weight: u32,
    /// `inhibit_on_failure`: a failed server stays with weight 0.
    pub inhibit_on_failure: bool,
    /// Its checkers; it is up when all of them say so.
    pub checks: Vec<Check>,
}

/// One checker. Equal checkers are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// What is asked of whom.
    pub question: Question,
    /// `retry`: failures beyond the first before the server is down.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `delay_loop`: from the end of one check to the start of the next.
    pub delay_loop: Duration,
    /// `warmup`: the first check comes after a part of this.
    pub warmup: Duration,
    /// `alpha`: counts as down until its first success.
    pub alpha: bool,
    /// `log_all_failures`.
    pub log_all_failures: bool,
}

/// What a probe asks. Equal questions have the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Question {
    /// Of whom, and from where.
    pub target: Target,
    /// What.
    pub kind: Kind,
}

/// Where a probe goes and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Target {
    /// `connect_ip`, else the real server's address.
    pub connect_ip: IpAddr,
    /// `connect_port`, else the real server's port.
    pub connect_port: u16,
    /// `bindto`.
    pub bindto: Option<IpAddr>,
    /// `bind_port`; 0: any.
    pub bind_port: u16,
    /// `bind_if`: the interface that the probe leaves by.
    pub bind_if: Option<String>,
    /// `fwmark` of the probe's packets; 0: none.
    pub fwmark: u32,
    /// `connect_timeout`: for the connection, and again for each answer.
    #[serde(serialize_with = "as_nanoseconds")]
    pub connect_timeout: Duration,
}

impl Target {
    /// From anywhere to `address`, with keepalived's 5 seconds.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            connect_ip: address.ip(),
            connect_port: address.port(),
            bindto: None,
            bind_port: 0,
            bind_if: None,
            fwmark: 0,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

fn as_nanoseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(time.as_nanos())
}
