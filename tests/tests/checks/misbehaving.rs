//! Servers that do what servers must not do: each probe ends, within its bound and the ten seconds that
//! a loaded machine may take, in bounded memory, and the log says what happened. That nothing waits for
//! `connect_timeout` in vain is not seen here.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Namespace, skipped};

use super::bad::{self, Flood, Manner};
use super::leaving::{DAY, time_of_day};
use super::{Case, NEEDS, case, expect, machine, peers};

/// What a loaded machine may take beyond a bound; a probe without one takes far longer.
const SLACK: Duration = Duration::from_secs(10);

/// `connect_timeout`.
const ONCE: Duration = Duration::from_secs(1);

/// For everything after the connection.
const ALL: Duration = Duration::from_secs(10);

/// At once, as far as [`SLACK`] can tell.
const NOW: Duration = Duration::ZERO;

/// The servers, and what each probe of them may take.
#[derive(Default)]
struct Cases {
    cases: Vec<Case>,
    bounds: Vec<Duration>,
}

impl Cases {
    fn add(&mut self, checker: &str, port: u16, rest: &str, line: &str, bound: Duration) {
        let place = self.cases.len() + 1;
        self.cases.push(case(place, checker, port, rest, line));
        self.bounds.push(bound);
    }

    /// Runs an agent until each has its line, and judges the first probe of each.
    fn expect(&self, machine: &Namespace) -> Result<Agent> {
        let agent = expect(machine, &self.cases)?;
        let log = agent.log();
        for (place, (case, bound)) in (1..).zip(self.cases.iter().zip(&self.bounds)) {
            let took = first_probe(&log, place, case)?;
            let line = &case.line;
            assert!(
                took <= *bound + SLACK,
                "{took:?} instead of {bound:?}: {line}"
            );
        }
        Ok(agent)
    }
}

/// From the start of the checks of server `place` to the line of its first result.
fn first_probe(log: &str, place: usize, case: &Case) -> Result<Duration> {
    let at = |text: &str| {
        let line = log.lines().find(|line| line.contains(text));
        line.and_then(time_of_day)
            .with_context(|| format!("no time of `{text}` in\n{log}"))
    };
    let activated = format!("Activating healthchecker for service [10.0.0.{place}]:tcp:80 for ");
    let seconds = (at(&case.line)? - at(&activated)?).rem_euclid(DAY);
    Ok(Duration::from_secs_f64(seconds))
}

const URL: &str = "url {\n path /\n}";

#[test]
fn servers_that_misbehave_end_in_time_and_in_bounded_memory() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("bad")?;
    let mut cases = Cases::default();
    let head = "the answer's head is larger than 65536 bytes or 256 fields.";
    for (manner, line, bound) in [
        (Manner::Hang, "connected, but no answer within 1s.", ONCE),
        (
            Manner::Reset,
            "Connection reset by peer (os error 104)",
            NOW,
        ),
        (
            Manner::Close,
            "the server closed the connection without an answer.",
            NOW,
        ),
        (Manner::Trickle, "the answer did not end within 10s, ", ALL),
        (
            Manner::Stop,
            "status_code [200], but the body did not end: nothing more came for 1s, ",
            ONCE,
        ),
        (Manner::GreatHead, head, ALL),
        (Manner::ManyFields, head, ALL),
        (
            Manner::Noise,
            "the answer is not HTTP: invalid HTTP version.",
            NOW,
        ),
    ] {
        let port = bad::serve(&machine, manner)?;
        let line = format!("HTTP_CHECK on service RS failed. url(/): {line}");
        cases.add("HTTP_GET", port, URL, &line, bound);
    }
    for (manner, checker, rest, line, bound) in [
        (
            Manner::Hang,
            "SSL_GET",
            URL,
            "HTTP_CHECK on service RS failed. url(/): connected, but the TLS handshake did not end \
             within 1s.",
            ONCE,
        ),
        (
            Manner::Hang,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. connected, but no answer within 1s.",
            ONCE,
        ),
        (
            Manner::Drip,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. the answer did not end within 10s, ",
            ALL,
        ),
        (
            Manner::Babble,
            "SMTP_CHECK",
            "",
            "SMTP_CHECK on service RS failed. Bad greeting banner: the answer is longer than 16384 \
             bytes.",
            ALL,
        ),
    ] {
        let port = bad::serve(&machine, manner)?;
        cases.add(checker, port, rest, line, bound);
    }
    let silent = machine.enter(|| Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?))?;
    let port = silent.local_addr()?.port();
    let line = "DNS_CHECK on service RS failed. connected, but no answer within 1s.";
    cases.add("DNS_CHECK", port, "retry 0", line, ONCE);
    let agent = cases.expect(&machine)?;
    bounded(&agent)
}

/// A body without end is cut where it is too large, or too late on a machine that is slow.
#[test]
fn a_body_without_end_is_given_up_in_bounded_memory() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("endless")?;
    let port = bad::serve(&machine, Manner::Endless)?;
    let down = "HTTP_CHECK on service RS failed. url(/): the answer";
    let mut cases = Cases::default();
    cases.add("HTTP_GET", port, URL, down, ALL);
    let agent = cases.expect(&machine)?;
    let log = agent.log();
    let failed = log.lines().find(|line| line.contains("url(/): the answer"));
    let failed = failed.context("no such line")?;
    let large = failed.contains("the answer's body is larger than 256 MiB.");
    let late = failed.contains("the answer did not end within 10s, ");
    assert!(large || late, "{failed}");
    bounded(&agent)
}

/// Whoever sends more than was asked for is heard no longer than anybody else.
#[test]
fn floods_of_datagrams_end_in_time_and_in_bounded_memory() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("floods")?;
    let mut cases = Cases::default();
    for (flood, checker, rest, line, bound) in [
        // Answers to a question that nobody has asked.
        (
            Flood::OtherAnswers,
            "DNS_CHECK",
            "type A\n name www.example.org",
            "DNS_CHECK on service RS failed. connected, but no answer within 1s.",
            ONCE,
        ),
        (
            Flood::OtherAnswers,
            "UDP_CHECK",
            "payload 00\n require_reply 0008",
            "UDP_CHECK on service RS failed. the reply is another than required.",
            NOW,
        ),
        (
            Flood::Large,
            "UDP_CHECK",
            "payload 00\n require_reply 78",
            "UDP_CHECK on service RS failed. a reply of 256 bytes.",
            NOW,
        ),
        (
            Flood::Large,
            "DNS_CHECK",
            "type A\n name www.example.org",
            "DNS_CHECK on service RS failed. connected, but no answer within 1s.",
            ONCE,
        ),
    ] {
        let port = bad::flood(&machine, flood)?;
        cases.add(checker, port, rest, line, bound);
    }
    let agent = cases.expect(&machine)?;
    bounded(&agent)
}

/// The handshake is in order, and then comes a byte now and then.
#[test]
fn a_server_that_trickles_over_tls_is_given_up_in_time() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("tlstrickle")?;
    let (input, trickle) = std::io::pipe()?;
    let folder = peers::certificate("ec")?;
    let mut openssl = Command::new("openssl");
    openssl
        .args(["s_server", "-quiet", "-key", "key", "-cert", "cert"])
        .args(["-accept", "127.0.0.1:8443"])
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir(folder.path());
    let _server = machine.start(&mut openssl)?;
    // The other end of the pipe is the server's alone from here on.
    drop(openssl);
    bad::trickle_into(trickle);
    listens(&machine, 8443)?;
    let mut cases = Cases::default();
    let line = "HTTP_CHECK on service RS failed. url(/): the answer did not end within 10s, ";
    cases.add("SSL_GET", 8443, URL, line, ALL);
    cases.expect(&machine).map(drop)
}

/// Waits until something listens on 127.0.0.1, without asking it: this server takes one connection
/// after another, and says the start of its answer once.
fn listens(machine: &Namespace, port: u16) -> Result<()> {
    let wanted = format!("0100007F:{port:04X} 00000000:0000 0A");
    let listens = || {
        let table = machine.enter(|| Ok(fs::read_to_string("/proc/thread-self/net/tcp")?));
        table.ok()?.contains(&wanted).then_some(())
    };
    let ready = lb_tests::wait_until(Duration::from_secs(30), listens);
    ensure!(ready.is_some(), "nothing listens on port {port}");
    Ok(())
}

/// It has about 180 MiB while it loads the programs; a body that is kept is far greater.
fn bounded(agent: &Agent) -> Result<()> {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|it| it.trim().strip_suffix(" kB"))
        .context("no VmHWM")?
        .trim()
        .parse()?;
    assert!(peak < 230 << 10, "{peak} KiB at most");
    Ok(())
}
