//! Health checks against servers as they are: nginx with TLS, exim, dnsmasq, a script, and servers
//! that do what servers must not do. All in one namespace, everything on 127.0.0.1.

#[path = "checks/bad.rs"]
mod bad;
#[path = "checks/effects.rs"]
mod effects;
#[path = "checks/leaving.rs"]
mod leaving;
#[path = "checks/peers.rs"]
mod peers;
#[path = "checks/reload.rs"]
mod reload;
#[path = "checks/sources.rs"]
mod sources;

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
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

/// A question of DNS with the number 7, for the address of www.example.org, in hexadecimal digits.
const QUESTION: &str =
    "0007 0100 0001 0000 0000 0000 03777777 076578616d706c65 036f7267 00 0001 0001";

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
    let servers = (1..).zip(cases).map(|(place, case): (usize, &Case)| {
        let checker = &case.checker;
        format!(" real_server 10.0.0.{place} 80 {{\n{checker}\n }}\n")
    });
    text.extend(servers);
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

/// A check of each kind that goes over the network to `address`, with the settings of its place.
fn kinds(address: &str, settings: impl Fn(usize) -> String) -> Vec<Case> {
    let url = "url {\n path /\n}";
    let kinds = [
        ("TCP_CHECK", ""),
        ("HTTP_GET", url),
        ("SSL_GET", url),
        ("SMTP_CHECK", ""),
        ("DNS_CHECK", ""),
        ("UDP_CHECK", ""),
        ("PING_CHECK", ""),
    ];
    let cases = (1..).zip(kinds).map(|(place, (checker, rest))| {
        let rest = format!("{}\n{rest}", settings(place));
        let mut case = case(place, checker, 8000, &rest, "");
        case.checker = case.checker.replace("127.0.0.1", address);
        case
    });
    cases.collect()
}

/// Runs an agent with `cases` until each has its line.
fn expect(machine: &Namespace, cases: &[Case]) -> Result<Agent> {
    expect_with(machine, "", cases)
}

/// The same, with `head` before the virtual server.
fn expect_with(machine: &Namespace, head: &str, cases: &[Case]) -> Result<Agent> {
    let mut agent = Agent::start(machine, &format!("{head}{}", configuration(cases)))?;
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
    let digest = genhash(
        &machine,
        &["-S", "-I", "-p", "8443", "-V", "www.example.org"],
    )?;
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
        case(
            10,
            "UDP_CHECK",
            5353,
            &format!("payload {QUESTION}\n require_reply 0007 xxxx 0001 0001"),
            "UDP connection to RS success.",
        ),
        case(
            11,
            "UDP_CHECK",
            5353,
            &format!("payload {QUESTION}\n require_reply 0008"),
            "UDP_CHECK on service RS failed. the reply is another than required.",
        ),
        case(12, "PING_CHECK", 1, "", "ICMP connection to RS success."),
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
    for (manner, checker, rest, line) in [
        (
            Manner::Hang,
            "SSL_GET",
            "url {\n path /\n}",
            "HTTP_CHECK on service RS failed. url(/): connected, but the TLS handshake did not end \
             within 1s.",
        ),
        (
            Manner::Hang,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. connected, but no answer within 1s.",
        ),
        (
            Manner::Drip,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. the answer did not end within 10s, ",
        ),
        (
            Manner::Babble,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. Bad greeting banner: the answer is longer than 16384 \
             bytes.",
        ),
    ] {
        let port = bad::serve(&machine, manner)?;
        cases.push(case(cases.len() + 1, checker, port, rest, line));
    }
    let silent = machine.enter(|| Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?))?;
    let port = silent.local_addr()?.port();
    let line = "DNS_CHECK on service RS failed. connected, but no answer within 1s.";
    cases.push(case(cases.len() + 1, "DNS_CHECK", port, "retry 0", line));
    let agent = expect(&machine, &cases)?;
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|it| it.trim().strip_suffix(" kB"))
        .context("no VmHWM")?
        .trim()
        .parse()?;
    // It has about 100; a body that is kept is far greater.
    assert!(peak < 160 << 10, "{peak} KiB at most");
    Ok(())
}

/// Every kind that goes over the network, with everything that says where from.
#[test]
fn checks_go_over_ipv6_and_from_where_they_are_told() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("exim4")]) {
        return Ok(());
    }
    let machine = machine("ipv6")?;
    let _web = peers::tls_server(&machine, 8443)?;
    let _dns = peers::dns_server(&machine, 5353)?;
    let _mail = peers::mail_server(&machine, 2525)?;
    let from = "bind_if lo\n fwmark 7\n";
    let url = "url {\n path /\n virtualhost www.example.org\n";
    let web = "Remote Web server RS succeed on service.";
    let mut cases = vec![
        case(1, "TCP_CHECK", 8443, from, "TCP connection to RS success."),
        case(
            2,
            "SSL_GET",
            8443,
            &format!("{from} enable_sni\n {url} }}"),
            web,
        ),
        case(
            3,
            "HTTP_GET",
            8443,
            &format!("{from} {url} status_code 400\n }}"),
            web,
        ),
        case(
            4,
            "DNS_CHECK",
            5353,
            &format!("{from} type A\n name www.example.org"),
            "DNS_CHECK on service RS success.",
        ),
        case(
            5,
            "UDP_CHECK",
            5354,
            from,
            "UDP_CHECK on service RS failed. Connection refused (os error 111).",
        ),
        case(6, "PING_CHECK", 1, from, "ICMP connection to RS success."),
        case(
            7,
            "SMTP_CHECK",
            2525,
            from,
            "Remote SMTP server RS succeed on service.",
        ),
        case(8, "TCP_CHECK", 1, from, "TCP_CHECK on service RS failed."),
        case(
            9,
            "TCP_CHECK",
            8443,
            "bindto ::1\n bind_port 54321",
            "TCP connection to RS success.",
        ),
        case(
            10,
            "TCP_CHECK",
            8443,
            "bind_if nosuch0",
            "TCP socket bind failed. Rescheduling. RS stays as it is: ",
        ),
    ];
    for case in &mut cases {
        case.checker = case.checker.replace("127.0.0.1", "::1");
    }
    expect(&machine, &cases).map(drop)
}

#[test]
fn with_ha_suspend_servers_are_checked_while_the_address_is_here() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("suspend")?;
    let checker = case(1, "TCP_CHECK", 1, "", "TCP_CHECK on service RS failed.");
    let text = configuration(std::slice::from_ref(&checker));
    let text = text
        .replace("alpha", "alpha\n ha_suspend")
        .replace("192.0.2.1", "192.0.2.2");
    let mut agent = Agent::start(&machine, &text)?;
    let of = "healthchecker for service [10.0.0.1]:tcp:80 for VS [192.0.2.2]:tcp:80";
    agent.wait_for(" INFO Starting", PATIENCE)?;
    machine.ip("address add 192.0.2.2/24 dev v0")?;
    agent.wait_for(&format!("Activating {of}"), PATIENCE)?;
    agent.wait_for(&checker.line, PATIENCE)?;
    let activated = agent.log().find("Activating").context("not activated")?;
    let before = agent.log().get(..activated).unwrap_or_default().to_owned();
    assert!(!before.contains(&checker.line), "{before}");
    machine.ip("address del 192.0.2.2/24 dev v0")?;
    agent.wait_for_after(activated, &format!("Suspending {of}"), PATIENCE)
}

/// A group waits for any of its addresses, also for those that only a reload brings.
#[test]
fn with_ha_suspend_a_group_is_checked_while_one_of_its_addresses_is_here() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("suspendgroup")?;
    let checker = case(1, "TCP_CHECK", 1, "", "TCP_CHECK on service RS failed.");
    let text = configuration(std::slice::from_ref(&checker));
    let text = text
        .replace("alpha", "alpha\n ha_suspend")
        .replace("192.0.2.1 80", "group web");
    let group = |last: u8| {
        format!(
            "global_defs {{\n xdp_required off\n}}\nvirtual_server_group web {{\n fwmark 7\n \
             192.0.2.2-{last} 80\n}}\n{text}"
        )
    };
    let mut agent = Agent::start(&machine, &group(3))?;
    let of = "healthchecker for service [10.0.0.1]:tcp:80 for VS [web]:tcp";
    agent.wait_for(" INFO Starting", PATIENCE)?;
    machine.ip("address add 192.0.2.3/24 dev v0")?;
    agent.wait_for(&format!("Activating {of}"), PATIENCE)?;
    agent.wait_for(&checker.line, PATIENCE)?;
    let said = agent.log().len();
    machine.ip("address del 192.0.2.3/24 dev v0")?;
    agent.wait_for_after(said, &format!("Suspending {of}"), PATIENCE)?;
    let said = agent.log().len();
    machine.ip("address add 192.0.2.5/24 dev v0")?;
    agent.reload(&group(5))?;
    agent.wait_for_after(said, &format!("Activating {of}"), PATIENCE)
}

#[test]
fn genhash_prints_what_keepalived_s_prints() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("genhash")]) {
        return Ok(());
    }
    let machine = machine("genhash")?;
    let _web = peers::tls_server(&machine, 8443)?;
    // keepalived's names nobody in the handshake; plain HTTP is answered with a page of nginx's own.
    for options in [
        &["-S", "-p", "18443", "-V", "www.example.org", "-u", "/"][..],
        &["-p", "8443", "-V", "www.example.org", "-u", "/"],
    ] {
        let mut theirs = Command::new("genhash");
        theirs.args(["-s", "127.0.0.1"]).args(options);
        let theirs = machine.enter(|| checked(&mut theirs))?;
        let ours = genhash(&machine, options)?;
        assert!(theirs.contains(&ours), "{ours}, but keepalived's {theirs}");
    }
    Ok(())
}

/// Each nginx has a certificate of its own making.
#[test]
fn with_ca_a_server_with_another_certificate_is_down_and_says_why() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("tls")?;
    let one = peers::tls_server(&machine, 8443)?;
    let other = peers::tls_server(&machine, 8444)?;
    let url = "enable_sni\nurl {\n path /\n virtualhost www.example.org\n}";
    for (trusted, up, down) in [(&one, 8443, 8444), (&other, 8444, 8443)] {
        let ssl = format!("SSL {{\n ca {}\n}}\n", trusted.file("cert").display());
        let cases = [
            case(
                1,
                "SSL_GET",
                up,
                url,
                "Remote Web server RS succeed on service.",
            ),
            case(
                2,
                "SSL_GET",
                down,
                url,
                "HTTP_CHECK on service RS failed. url(/): TLS handshake: the server's certificate \
                 does not lead to `ca`",
            ),
        ];
        expect_with(&machine, &ssl, &cases)?.terminate()?;
    }
    Ok(())
}

#[test]
fn a_server_with_nothing_newer_than_tls_1_1_is_down_and_said_to_be_that() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("oldtls")?;
    let mut servers = Vec::new();
    let mut cases = Vec::new();
    for (place, port, protocol) in [(1, 8441, "tls1"), (2, 8442, "tls1_1")] {
        let server = peers::old_tls_server(&machine, port, protocol)?;
        // It would serve whoever speaks its language.
        let mut client = Command::new("openssl");
        client
            .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
            .args([&format!("-{protocol}"), "-cipher", "ALL:@SECLEVEL=0"])
            .stdin(std::process::Stdio::null());
        let said = machine.enter(|| checked(&mut client))?;
        assert!(said.contains("Server certificate"), "{said}");
        servers.push(server);
        let line = "HTTP_CHECK on service RS failed. url(/): TLS handshake: the server speaks nothing \
                    newer than TLS 1.1; TLS 1.2 or 1.3 is needed.";
        cases.push(case(place, "SSL_GET", port, "url {\n path /\n}", line));
    }
    expect(&machine, &cases).map(drop)
}

/// What `lb-agent genhash -s 127.0.0.1` prints.
fn genhash(machine: &Namespace, options: &[&str]) -> Result<String> {
    let mut command = Command::new(built::lb_agent()?);
    command.args(["genhash", "-s", "127.0.0.1"]).args(options);
    let printed = machine.enter(|| checked(&mut command))?;
    Ok(printed.trim().to_owned())
}
