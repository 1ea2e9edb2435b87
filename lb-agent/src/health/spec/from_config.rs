//! From the configuration's model to what health needs.

mod kind;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use self::kind::Kinds;
use super::{Check, Kind, PoolRules, PoolSpec, PooledServer, Question, Server, Service, Target};
use crate::config::model::{
    BfdCheck, Checker, CheckerKind, Command, Config, FileCheck, RealServer, RealServerKey,
    VirtualServer,
};
use crate::health::probe::tls::TlsClient;
use crate::script::{Script, User};

/// How often a tracked file is read.
const FILE_LOOP: Duration = Duration::from_secs(1);

/// Every virtual server of `config`, in the order of the file; `tls` is its `SSL` block, `script`
/// finds what a command is and who runs it.
#[must_use]
pub fn services(
    config: &Config,
    tls: &Arc<TlsClient>,
    script: &dyn Fn(&Command) -> (User, Option<Script>),
) -> Vec<Service> {
    let kinds = Kinds {
        config,
        tls,
        script,
    };
    let servers = config.virtual_servers.iter();
    servers.map(|server| service(server, &kinds)).collect()
}

fn service(from: &VirtualServer, kinds: &Kinds<'_>) -> Service {
    let servers = from.real_servers.iter().map(|server| Server {
        key: server.key,
        weight: server.weight,
        inhibit_on_failure: server.inhibit_on_failure,
        checks: checks(from, server, kinds),
    });
    Service {
        key: from.key.clone(),
        ha_suspend: kinds.config.suspending(from),
        rules: rules(from),
        servers: servers.collect(),
    }
}

impl From<&VirtualServer> for PoolSpec {
    fn from(from: &VirtualServer) -> Self {
        let servers = from.real_servers.iter().map(|server| PooledServer {
            key: server.key,
            weight: server.weight,
            inhibit_on_failure: server.inhibit_on_failure,
            waits: waits(server),
        });
        Self {
            key: from.key.clone(),
            rules: rules(from),
            servers: servers.collect(),
        }
    }
}

fn rules(from: &VirtualServer) -> PoolRules {
    PoolRules {
        quorum: from.quorum,
        hysteresis: from.hysteresis,
        sorry_server: from.sorry_server.map(|sorry| RealServerKey {
            address: sorry.address,
            port: sorry.port,
        }),
        sorry_server_inhibit: from.sorry_server_inhibit,
        rs_init_notifies: false,
        omega: from.omega,
        xdp_slow_start: from.xdp_slow_start,
    }
}

/// Whether the server has a check that must succeed first.
fn waits(server: &RealServer) -> bool {
    server.checkers.iter().any(|checker| checker.alpha)
}

fn checks(service: &VirtualServer, server: &RealServer, kinds: &Kinds<'_>) -> Vec<Check> {
    let mut checks = Vec::with_capacity(server.checkers.len());
    for checker in &server.checkers {
        match &checker.kind {
            CheckerKind::Tcp => checks.push(check(checker, Kind::Tcp)),
            CheckerKind::TcpViaTunnel => {
                checks.push(check(checker, kind::via_tunnel(service, server)));
            }
            CheckerKind::Http(get) => checks.push(check(checker, Kind::Http(kind::http_get(get)))),
            CheckerKind::Ssl(ssl) => checks.push(check(checker, kinds.ssl_get(ssl))),
            // Each host is a check of its own: the server is up when all are.
            CheckerKind::Smtp(smtp) if !smtp.hosts.is_empty() => {
                let hosts = smtp.hosts.iter();
                checks.extend(hosts.map(|host| check(host, kind::smtp(smtp))));
            }
            CheckerKind::Smtp(smtp) => checks.push(check(checker, kind::smtp(smtp))),
            CheckerKind::Dns(dns) => checks.push(check(checker, Kind::Dns(dns.clone()))),
            CheckerKind::Udp(udp) => checks.push(check(checker, Kind::Udp(udp.clone()))),
            CheckerKind::Ping => checks.push(check(checker, Kind::Ping)),
            CheckerKind::File(file) => checks.extend(file_check(checker, file, kinds)),
            CheckerKind::Misc(misc) => checks.push(check(checker, kinds.misc(misc))),
            CheckerKind::Bfd(bfd) => checks.push(bfd_check(checker, bfd)),
        }
    }
    checks
}

/// What a file says counts at once, and no warm-up has to spread it.
fn file_check<K>(checker: &Checker<K>, file: &FileCheck, kinds: &Kinds<'_>) -> Option<Check> {
    let kind = kinds.file(file)?;
    Some(Check {
        retry: 0,
        delay_loop: FILE_LOOP,
        warmup: FILE_LOOP,
        ..check(checker, kind)
    })
}

/// What the session says counts at once: it has lost as many packets as its `multiplier` allows.
fn bfd_check<K>(checker: &Checker<K>, bfd: &BfdCheck) -> Check {
    Check {
        retry: 0,
        ..check(checker, Kind::Bfd(bfd.clone()))
    }
}

fn check<K>(from: &Checker<K>, kind: Kind) -> Check {
    Check {
        question: Question {
            target: target(from, &kind),
            kind,
        },
        retry: from.retry,
        delay_before_retry: from.delay_before_retry,
        delay_loop: from.delay_loop,
        warmup: from.warmup,
        alpha: from.alpha,
        log_all_failures: from.log_all_failures,
    }
}

/// What is no part of a question is the same in all of its kind, so that equal ones are asked once: an echo
/// request has no port, and who runs a script or reads a file asks no server.
fn target<K>(from: &Checker<K>, kind: &Kind) -> Target {
    let given = Target {
        connect_ip: from.connect_ip,
        connect_port: from.connect_port,
        bindto: from.bindto,
        bind_port: from.bind_port,
        bind_if: from.bind_if.clone(),
        fwmark: from.fwmark,
        connect_timeout: from.connect_timeout,
    };
    let nobody = Target::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    match kind {
        Kind::Tcp
        | Kind::ViaTunnel(_)
        | Kind::Http(_)
        | Kind::Ssl(_)
        | Kind::Smtp(_)
        | Kind::Dns(_)
        | Kind::Udp(_) => given,
        Kind::Ping => Target {
            connect_port: 0,
            bind_port: 0,
            ..given
        },
        // How long the file system has.
        Kind::File(_) => Target {
            connect_timeout: given.connect_timeout,
            ..nobody
        },
        Kind::Misc(_) | Kind::Bfd(_) => nobody,
    }
}

#[cfg(test)]
mod tests;
