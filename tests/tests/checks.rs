//! Health checks against servers as they are: nginx with TLS, exim, dnsmasq, a script, and servers
//! that do what servers must not do. All in one namespace, everything on 127.0.0.1.

#[path = "checks/bad.rs"]
mod bad;
#[path = "checks/peers.rs"]
mod peers;

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, built, checked, skipped};

use bad::Manner;

const NEEDS: [Need; 7] = [
    Need::Root,
    Need::Namespaces,
    Need::Bpf,
    Need::Program("ip"),
    Need::Program("nginx"),
    Need::Program("openssl"),
    Need::Program("dnsmasq"),
];

/// The slowest is the server that trickles: ten times `connect_timeout`, one second.
const PATIENCE: Duration = Duration::from_mins(1);

/// What one server is asked, and what the log says of it.
struct Case {
    checker: String,
    line: String,
}

/// A machine with a virtual address, where nothing listens yet.
fn machine(label: &str) -> Result<Namespace> {
    let machine = Namespace::new(label)?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    Ok(machine)
}

/// A configuration with a server for each case; 10.0.0.`n` is only its name.
fn configuration(cases: &[Case]) -> String {
    let mut text = "virtual_server 192.0.2.1 80 {\n delay_loop 1\n warmup 0\n connect_timeout 1\n \
                    retry 0\n lb_algo rr\n lb_kind DR\n protocol TCP\n alpha\n"
        .to_owned();
    for (place, case) in (1..).zip(cases) {
        let checker = &case.checker;
        text.push_str(&format!(
            " real_server 10.0.0.{place} 80 {{\n{checker}\n }}\n"
        ));
    }
    text.push_str("}\n");
    text
}

fn case(place: usize, checker: &str, port: u16, rest: &str, line: &str) -> Case {
    Case {
        checker: format!(
            "  {checker} {{\n   connect_ip 127.0.0.1\n   connect_port {port}\n   {rest}\n  }}"
        ),
        line: line.replace("RS", &format!("[10.0.0.{place}]:tcp:80")),
    }
}

/// Runs an agent with `cases` until each has its line.
fn expect(machine: &Namespace, cases: &[Case]) -> Result<Agent> {
    let mut agent = Agent::start(machine, &configuration(cases))?;
    for case in cases {
        let found = agent.wait_for(&case.line, PATIENCE);
        found.with_context(|| format!("no `{}`:\n{}", case.line, agent.log()))?;
    }
    Ok(agent)
}

#[test]
fn real_servers_are_understood() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("peers")?;
    let web = peers::tls_server(&machine, 8443)?;
    let _dns = peers::dns_server(&machine, 5353)?;
    let up = "Remote Web server RS succeed on service.";
    let name = "url {\n path /\n virtualhost www.example.org\n";
    let digest = genhash(&machine, &["-S", "-p", "8443", "-V", "www.example.org"])?;
    let other = "0".repeat(32);
    let cases = [
        case(1, "SSL_GET", 8443, &format!("enable_sni\n{name}}}"), up),
        case(
            2,
            "SSL_GET",
            8443,
            &format!("{name}}}"),
            "HTTP_CHECK on service RS failed. url(/): TLS handshake: received fatal alert: \
             UnrecognisedName.",
        ),
        case(
            3,
            "SSL_GET",
            8443,
            &format!("enable_sni\n{name} digest {digest}\n}}"),
            "MD5 digest success to RS url(/)",
        ),
        case(
            4,
            "SSL_GET",
            8443,
            &format!("enable_sni\n{name} digest {other}\n}}"),
            &format!("HTTP_CHECK on service RS failed. url(/): the body's digest is {digest}."),
        ),
        case(
            5,
            "SSL_GET",
            8443,
            &format!("enable_sni\n{name} regex \"^served by .* over TLS\"\n}}"),
            "Regex match success to RS url(/)",
        ),
        case(
            6,
            "HTTP_GET",
            8443,
            &format!("{name} status_code 400\n}}"),
            up,
        ),
        case(
            7,
            "DNS_CHECK",
            5353,
            "type A\n name www.example.org",
            "DNS_CHECK on service RS success.",
        ),
        case(
            8,
            "DNS_CHECK",
            5353,
            "type A\n name elsewhere.example.net",
            "DNS_CHECK on service RS failed. rcode = 5.",
        ),
        case(
            9,
            "UDP_CHECK",
            5354,
            "",
            "UDP_CHECK on service RS failed. Connection refused (os error 111).",
        ),
        case(10, "PING_CHECK", 1, "", "ICMP connection to RS success."),
        Case {
            checker: "  MISC_CHECK {\n   misc_path \"/bin/sh -c 'exit 7'\"\n   misc_dynamic\n  }"
                .to_owned(),
            line: "Changing weight from 1 to 5".to_owned(),
        },
    ];
    let mut agent = expect(&machine, &cases)?;
    drop(web);
    agent.wait_for(
        "HTTP_CHECK on service [10.0.0.1]:tcp:80 failed. url(/): Connection refused (os error 111).",
        PATIENCE,
    )
}

#[test]
fn exim_is_understood() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("exim4")]) {
        return Ok(());
    }
    let machine = machine("smtp")?;
    let _mail = peers::mail_server(&machine, 2525)?;
    let cases = [
        case(
            1,
            "SMTP_CHECK",
            2525,
            "helo_name check.example.org",
            "Remote SMTP server RS succeed on service.",
        ),
        case(
            2,
            "SMTP_CHECK",
            2525,
            "helo_name refused.example.org",
            "SMTP_CHECK on service RS failed. Bad HELO response: the server said \"550 \
             Administrative prohibition\".",
        ),
    ];
    expect(&machine, &cases).map(drop)
}

#[test]
fn servers_that_misbehave_end_in_time_and_in_bounded_memory() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("bad")?;
    let down = "HTTP_CHECK on service RS failed. url(/): ";
    let manners = [
        (Manner::Hang, "connected, but no answer within 1s."),
        (Manner::Reset, "Connection reset by peer (os error 104)"),
        (
            Manner::Close,
            "the server closed the connection without an answer.",
        ),
        (Manner::Trickle, "the answer did not end within 10s, "),
        (
            Manner::Stop,
            "status_code [200], but the body did not end: nothing more came for 1s, ",
        ),
        (
            Manner::GreatHead,
            "the answer's head is larger than 65536 bytes or 256 fields.",
        ),
        (
            Manner::ManyFields,
            "the answer's head is larger than 65536 bytes or 256 fields.",
        ),
        (Manner::Endless, "the answer"),
        (
            Manner::Noise,
            "the answer is not HTTP: invalid HTTP version.",
        ),
    ];
    let mut cases = Vec::new();
    for (place, (manner, line)) in (1..).zip(manners) {
        let port = bad::serve(&machine, manner)?;
        let line = format!("{down}{line}");
        cases.push(case(place, "HTTP_GET", port, "url {\n path /\n}", &line));
    }
    let agent = expect(&machine, &cases)?;
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|it| it.trim().strip_suffix(" kB"))
        .context("no VmHWM")?
        .trim()
        .parse()?;
    assert!(peak < 300 << 10, "{peak} KiB at most");
    Ok(())
}

/// What `lb-agent genhash -s 127.0.0.1` prints.
fn genhash(machine: &Namespace, options: &[&str]) -> Result<String> {
    let mut command = Command::new(built::lb_agent()?);
    command.args(["genhash", "-s", "127.0.0.1"]).args(options);
    let printed = machine.enter(|| checked(&mut command))?;
    Ok(printed.trim().to_owned())
}
