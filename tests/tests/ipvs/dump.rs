//! The virtual servers as keepalived 2.2.7 dumps them (`keepalived -d`), value by value, beside
//! ours: the samples of Debian's package and the tutorials. keepalived dumps this part only where
//! the kernel has IPVS; that of VRRP is compared in `keepalived_dump.rs`.

#[path = "../keepalived_dump/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use lb_agent::config::model::{
    AddressKey, Checker, CheckerKind, Config, Forwarding, Protocol, RealServer, VirtualServer,
    VirtualServerKey,
};
use lb_agent::config::{Environment, FileSystem, load_in};
use lb_tests::Namespace;
use lb_tests::configurations::files;

/// Where we differ on purpose: the file, what keepalived calls it, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[(
    "004_14_L1635.conf",
    "Retries",
    "`nb_get_retry` in `TCP_CHECK`: keepalived does not know it there, we take it as `retry`",
)];

/// At least so many files are compared: keepalived refuses the others, or they have no service.
const COMPARED: usize = 15;

/// Values by the service, the server or the check that they are of, and keepalived's name for them.
type Values = BTreeMap<String, String>;

#[test]
fn every_value_of_a_virtual_server_is_the_one_that_keepalived_dumps() -> Result<()> {
    let Some(machine) = super::machine()? else {
        return Ok(());
    };
    let scratch = tempfile::tempdir()?;
    let (mut compared, mut differences) = (0, Vec::new());
    for path in files()? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = values(&load_in(&FileSystem, &path, &Environment::default()).config);
        if ours.is_empty() {
            continue;
        }
        let Some(theirs) = theirs(&machine, &path, scratch.path())? else {
            println!("{name}: keepalived does not run it");
            continue;
        };
        compared += 1;
        for (key, value) in &ours {
            let found = theirs.get(key).map_or("", String::as_str);
            let known = |(file, end, _): &(&str, &str, &str)| name == *file && key.ends_with(end);
            if found != value && !DIFFERENT.iter().any(known) {
                differences.push(format!(
                    "{name}: {key}: keepalived has {found:?}, we {value:?}"
                ));
            }
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    ensure!(compared >= COMPARED, "only {compared} files are compared");
    Ok(())
}

/// What keepalived dumps; `None` when it does not run the file.
fn theirs(machine: &Namespace, path: &Path, scratch: &Path) -> Result<Option<Values>> {
    let text = String::from_utf8_lossy(&fs::read(path)?)
        .replace(['\u{a0}', '\u{3000}'], " ")
        .replace('\r', "");
    let copy = scratch.join("keepalived.conf");
    fs::write(&copy, text)?;
    let mut checkers = false;
    let ends = |line: &str| {
        let behind = checkers && !line.starts_with(' ');
        checkers |= line.contains("< Health checkers >");
        behind
    };
    let text = run::lines(machine, "--check", &copy, scratch, ends)?;
    Ok(text.map(|text| parse(&text)))
}

fn parse(text: &[String]) -> Values {
    let mut values = Values::new();
    let mut service = String::new();
    let mut of = String::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for line in text {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some((address, port)) = numbered(line, "VS VIP = ", ", VPORT = ") {
            service = format!("{address}:{port}");
            of.clone_from(&service);
        } else if line.starts_with("VS ") {
            of.clear();
        } else if let Some((address, port)) = numbered(line, "RIP = ", ", RPORT = ") {
            of = format!("{service} -> {address}:{port}");
        } else if let Some((from, to)) = line.split_once(" -> ").filter(|_| line.starts_with('[')) {
            let pair = format!("{} -> {}", bare(from), bare(to));
            let number = numbers.entry(pair.clone()).or_default();
            *number += 1;
            of = format!("{pair} check {number}");
        } else if let Some((key, value)) =
            line.split_once(" = ").or_else(|| line.split_once(" is "))
            && !of.is_empty()
            && (indent == 3 || matches!(key, "Timeout"))
        {
            // What comes again is of the sorry server.
            let key = format!("{of}: {key}");
            values.entry(key).or_insert_with(|| value.to_owned());
        }
    }
    values
}

/// `10.0.0.1` and `80` of `VS VIP = 10.0.0.1, VPORT = 80 …`.
fn numbered<'l>(line: &'l str, first: &str, second: &str) -> Option<(&'l str, &'l str)> {
    let (address, rest) = line.strip_prefix(first)?.split_once(second)?;
    Some((address, rest.split(',').next()?))
}

/// `[10.0.0.1]:tcp:80` as `10.0.0.1:80`.
fn bare(place: &str) -> String {
    let (address, rest) = place
        .trim_start_matches('[')
        .split_once(']')
        .unwrap_or_default();
    format!("{address}:{}", rest.rsplit(':').next().unwrap_or_default())
}

/// Ours, of the services with an address.
fn values(config: &Config) -> Values {
    let mut values = Values::new();
    for service in &config.virtual_servers {
        if let VirtualServerKey::Address(key) = service.key {
            service_values(key, service, &mut values);
        }
    }
    values
}

fn service_values(key: AddressKey, service: &VirtualServer, values: &mut Values) {
    let of = format!("{}:{}", key.address, key.port);
    let mut put = |key: &str, value: String| values.insert(format!("{of}: {key}"), value);
    put("lvs_sched", service.lb_algo.name().to_owned());
    put(
        "default forwarding method",
        method(service.lb_kind).to_owned(),
    );
    put(
        "protocol",
        match key.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
        .to_owned(),
    );
    put(
        "quorum",
        format!("{}, hysteresis = {}", service.quorum, service.hysteresis),
    );
    put("alpha", on(service.alpha).to_owned());
    put("omega", on(service.omega).to_owned());
    let ops = if service.ops { "enabled" } else { "disabled" };
    put("One packet scheduling", ops.to_owned());
    put(
        "Using smtp notification",
        yes(service.smtp_alert).to_owned(),
    );
    if let Some(timeout) = service.persistence_timeout {
        put("persistence timeout", timeout.as_secs().to_string());
    }
    for server in &service.real_servers {
        server_values(&of, server, service, values);
    }
}

fn server_values(
    service: &str,
    server: &RealServer,
    of_service: &VirtualServer,
    values: &mut Values,
) {
    let of = format!("{service} -> {}:{}", server.key.address, server.key.port);
    let mut put = |key: &str, value: String| values.insert(format!("{of}: {key}"), value);
    let kind = server.lvs_method.unwrap_or(of_service.lb_kind);
    put("forwarding method", method(kind).to_owned());
    put("initial weight", server.weight.to_string());
    put(
        "Inhibit on failure",
        on(server.inhibit_on_failure).to_owned(),
    );
    put("Using smtp notification", yes(server.smtp_alert).to_owned());
    put(
        "connection limit range",
        format!("{} -> {}", server.lthreshold, server.uthreshold),
    );
    for (number, checker) in (1..).zip(&server.checkers) {
        let of = format!("{of} check {number}");
        if let Some(method) = keepalive_method(&checker.kind) {
            values.insert(format!("{of}: Keepalive method"), method.to_owned());
        }
        checker_values(&of, checker, values);
    }
}

/// As keepalived's line has it; of some kinds it says more.
fn keepalive_method(kind: &CheckerKind) -> Option<&'static str> {
    match kind {
        CheckerKind::Tcp | CheckerKind::TcpViaTunnel => Some("TCP_CHECK"),
        CheckerKind::Http(_) => Some("HTTP_GET, http protocol 1.0"),
        CheckerKind::Ssl(_)
        | CheckerKind::Smtp(_)
        | CheckerKind::Misc(_)
        | CheckerKind::Dns(_)
        | CheckerKind::Udp(_)
        | CheckerKind::Ping
        | CheckerKind::Bfd(_)
        | CheckerKind::File(_) => None,
    }
}

fn checker_values(of: &str, checker: &Checker, values: &mut Values) {
    let micros = |time: std::time::Duration| format!("{} us", time.as_micros());
    for (key, value) in [
        ("Retries", checker.retry.to_string()),
        ("Delay before retry", micros(checker.delay_before_retry)),
        ("Delay loop", micros(checker.delay_loop)),
        ("Warmup", micros(checker.warmup)),
        (
            "Timeout",
            format!("{:.6}", checker.connect_timeout.as_secs_f64()),
        ),
        ("Log all failures", yes(checker.log_all_failures).to_owned()),
    ] {
        values.insert(format!("{of}: {key}"), value);
    }
}

fn method(kind: Forwarding) -> &'static str {
    match kind {
        Forwarding::Nat => "NAT",
        Forwarding::Dr => "DR",
        Forwarding::Tun => "TUN, type = IPIP",
    }
}

fn on(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
