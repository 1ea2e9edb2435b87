//! The tables in `ipvsadm`'s words: its own, and ours.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use lb_agent::net::ipvs::{
    Checksum, Destination, Entry, Family, Forwarding, Granularity, Protocol, Service, ServiceKey,
    Tunnel,
};
use lb_tests::checked;

/// A service with its servers, in no order.
pub(crate) type Table = Vec<(Service, Vec<Destination>)>;

/// Runs `ipvsadm` in the namespace of this thread.
pub(crate) fn ipvsadm(arguments: &str) -> Result<String> {
    checked(Command::new("ipvsadm").args(arguments.split_whitespace()))
}

/// What `ipvsadm` reads, as lines without an order: its own depends on the kernel's hashes. It
/// saves no thresholds.
pub(crate) fn saved() -> Result<BTreeSet<String>> {
    let lines = ipvsadm("-Sn")?;
    Ok(lines.lines().map(|line| line.trim().to_owned()).collect())
}

/// Has `ipvsadm` set up a table.
pub(crate) fn restore(table: &Table) -> Result<()> {
    let mut ipvsadm = Command::new("ipvsadm")
        .arg("-R")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut text = Vec::from_iter(words(table, true)).join("\n");
    text.push('\n');
    // A service stands before its servers: `-A` before `-a`.
    let input = ipvsadm.stdin.take().context("it has an input")?;
    { input }.write_all(text.as_bytes())?;
    let output = ipvsadm.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{text}{said}");
    Ok(())
}

/// A table as `ipvsadm -Sn` writes it.
pub(crate) fn lines(table: &Table) -> BTreeSet<String> {
    words(table, false)
}

/// A table in `ipvsadm`'s words.
fn words(table: &Table, thresholds: bool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (service, servers) in table {
        let name = name(service.key);
        lines.insert(format!(
            "-A {name} -s {}{}",
            service.scheduler,
            options(service)
        ));
        for server in servers {
            lines.insert(format!("-a {name} -r {}", destination(server, thresholds)));
        }
    }
    lines
}

/// What we have read, with the servers in the order of their addresses.
pub(crate) fn table(entries: &[Entry]) -> Table {
    let pair = |entry: &Entry| {
        let servers = entry.destinations.iter().map(|it| it.destination);
        (entry.service.service.clone(), servers.collect())
    };
    sorted(entries.iter().map(pair).collect())
}

/// Services in the order of their keys, servers in that of their addresses.
pub(crate) fn sorted(mut table: Table) -> Table {
    table.sort_by_key(|(service, _)| service.key);
    for (_, servers) in &mut table {
        servers.sort_by_key(|server| server.key);
    }
    table
}

fn name(key: ServiceKey) -> String {
    match key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => {
            let option = match protocol {
                Protocol::Tcp => "-t",
                Protocol::Udp => "-u",
                Protocol::Sctp | Protocol::Other(_) => "--sctp-service",
            };
            format!("{option} {}", SocketAddr::new(address, port))
        }
        ServiceKey::Mark {
            mark,
            family: Family::V4,
        } => format!("-f {mark}"),
        ServiceKey::Mark {
            mark,
            family: Family::V6,
        } => format!("-f {mark} -6"),
    }
}

fn options(service: &Service) -> String {
    let mut words = Vec::new();
    if let Some(persistence) = service.persistence {
        words.push(format!("-p {}", persistence.timeout));
        match persistence.granularity {
            Granularity::Mask(Ipv4Addr::BROADCAST) | Granularity::Prefix(128) => {}
            Granularity::Mask(mask) => words.push(format!("-M {mask}")),
            Granularity::Prefix(bits) => words.push(format!("-M {bits}")),
        }
    }
    words.extend(service.engine.iter().map(|engine| format!("--pe {engine}")));
    if service.one_packet {
        words.push("-o".to_owned());
    }
    let names = match service.scheduler.as_str() {
        "sh" => ["sh-fallback", "sh-port", "flag-3"],
        "mh" => ["mh-fallback", "mh-port", "flag-3"],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let flags = service.flags;
    let set: Vec<_> = [flags.flag_1, flags.flag_2, flags.flag_3]
        .into_iter()
        .zip(names)
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    if !set.is_empty() {
        words.push(format!("-b {}", set.join(",")));
    }
    words.iter().map(|word| [" ", word].concat()).collect()
}

fn destination(server: &Destination, thresholds: bool) -> String {
    let method = match server.forwarding {
        Forwarding::Masquerade => "-m",
        Forwarding::Tunnel(_) => "-i",
        Forwarding::Route | Forwarding::Local | Forwarding::Bypass => "-g",
    };
    let mut words = vec![format!("{} {method} -w {}", server.key, server.weight)];
    if thresholds {
        let (upper, lower) = (server.upper_threshold, server.lower_threshold);
        words.push(format!("-x {upper} -y {lower}"));
    }
    if let Forwarding::Tunnel(tunnel) = server.forwarding {
        words.push(match tunnel {
            Tunnel::IpIp => "--tun-type ipip".to_owned(),
            Tunnel::Gue { port, checksum } => {
                format!("--tun-type gue --tun-port {port}{}", option(checksum))
            }
            Tunnel::Gre { checksum } => format!("--tun-type gre{}", option(checksum)),
        });
    }
    words.join(" ")
}

const fn option(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::None => " --tun-nocsum",
        Checksum::Full => " --tun-csum",
        Checksum::Remote => " --tun-remcsum",
    }
}
