//! `lb-agent trace`: what becomes of packets, as they come.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapInfo;
use aya::programs::{ProgramInfo, loaded_programs};
use lb_agent::dataplane::xdp::pins::Pins;
use lb_tests::{
    Cluster, Layout, Mode, PATIENCE, Process, built, configurations, http, needs, skipped,
    wait_until,
};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// `lb-agent trace`, running.
struct Trace {
    process: Process,
    directory: TempDir,
}

impl Trace {
    /// Starts it; its first line is there when this returns, if it has one to say that it has begun.
    fn start(cluster: &Cluster, arguments: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let out = File::create(directory.path().join("out"))?;
        let director = &cluster.site.directors[0];
        let process = director.start(
            Command::new(built::lb_agent()?)
                .args(["trace", "--instance", director.name()])
                .args(arguments.split_whitespace())
                .stdin(Stdio::null())
                .stdout(out)
                .stderr(File::create(directory.path().join("error"))?),
        )?;
        let trace = Self { process, directory };
        if !arguments.contains("json") {
            trace.wait_for("TIME ")?;
        }
        Ok(trace)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap_or_default()
    }

    fn wait_for(&self, text: &str) -> Result<()> {
        let found = || self.text().contains(text).then_some(());
        wait_until(PATIENCE, found).with_context(|| {
            let error = fs::read_to_string(self.directory.path().join("error"));
            format!("no {text:?}: {}{}", self.text(), error.unwrap_or_default())
        })
    }

    /// What it has said when it has ended by itself.
    fn ended(mut self) -> Result<String> {
        let status = self.process.wait(PATIENCE)?;
        ensure!(status.success(), "{}", self.text());
        Ok(self.text())
    }
}

fn at_work(mode: Mode) -> Result<Cluster> {
    let mut cluster = Cluster::new(Layout::demo(mode), configurations::demo(mode))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    drop(cluster.probe()?);
    Ok(cluster)
}

/// One request from `source`.
fn ask(cluster: &Cluster, source: IpAddr) -> Result<http::Page> {
    let target = cluster.site.service();
    let client = &cluster.site.client;
    client.enter(|| http::get(target, Some(source), PATIENCE))
}

#[test]
fn a_connection_is_told_from_its_first_packet_on_with_server_and_next_hop() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = at_work(Mode::Dr)?;
    let client = &cluster.site.client;
    let (asked_for, other) = ("192.168.159.60", "192.168.159.61");
    for address in [asked_for, other] {
        client.ip(&format!("address add {address}/24 dev eth0"))?;
    }
    let filter = format!("--client {asked_for} --vip 192.168.159.200:80 --count 3");
    let trace = Trace::start(&cluster, &filter)?;
    ask(&cluster, other.parse()?)?;
    let page = ask(&cluster, asked_for.parse()?)?;
    let text = trace.ended()?;
    let lines: Vec<&str> = text.lines().skip(1).collect();
    ensure!(lines.len() == 3, "{text}");
    let host = if page.server == "rs1" { 105 } else { 106 };
    let server = format!(" > 192.168.159.{host}:80 (Route) by ");
    for (line, (flags, decision)) in lines.iter().zip([
        ("[S]", "new, by wrr"),
        ("[.]", "known flow"),
        ("[P.]", "known flow"),
    ]) {
        let packet = format!("tcp {asked_for}:");
        for part in [&packet, flags, decision, &server, " on ens33; sent"] {
            ensure!(line.contains(part), "no {part:?} in {line}\n{text}");
        }
    }
    ensure!(!text.contains(other), "{text}");
    Ok(())
}

#[test]
fn what_is_not_forwarded_is_told_with_its_reason_and_a_tunnel_with_what_it_became() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = at_work(Mode::Tun)?;
    let client = IpAddr::V4(cluster.site.layout.client);
    let trace = Trace::start(&cluster, &format!("--client {client}"))?;
    let page = ask(&cluster, client)?;
    let host = if page.server == "rs1" { 105 } else { 106 };
    trace.wait_for(&format!("; sent as 192.168.159.103 > 192.168.159.{host}"))?;
    cluster
        .site
        .client
        .run(Command::new("ping").args(["-c1", "-W1", "192.168.159.103"]))?;
    trace.wait_for(
        "icmp 192.168.159.50 > 192.168.159.103: to the kernel: it is no packet of ours",
    )?;
    // Only the sorry server is left, which is this host.
    let agent = cluster.agent(0)?;
    for server in ["192.168.159.105", "192.168.159.106"] {
        let told = agent.tell(&format!("drain 192.168.159.200:80 {server}"))?;
        ensure!(told.status == Some(0), "{told:?}");
    }
    let target = cluster.site.service();
    let refused = cluster
        .site
        .client
        .enter(|| http::get(target, None, std::time::Duration::from_secs(1)));
    drop(refused);
    trace.wait_for(
        "> 127.0.0.1:80 (Local); to the kernel: the server is this host (local_server)",
    )?;
    Ok(())
}

#[test]
fn a_program_reads_a_reply_with_what_it_was_translated_to() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = at_work(Mode::Nat)?;
    let client = IpAddr::V4(cluster.site.layout.client);
    let trace = Trace::start(
        &cluster,
        "--vip 192.168.159.200:80 --count 40 --format json",
    )?;
    let done = || {
        ask(&cluster, client).ok()?;
        (trace.text().lines().count() >= 40).then_some(())
    };
    wait_until(PATIENCE, done).context("nothing is told")?;
    let text = trace.ended()?;
    let packets: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let has = |key: &str, value: &str| {
        packets.iter().any(|it| {
            let found = it.pointer(key).and_then(Value::as_str);
            found.is_some_and(|found| found.starts_with(value))
        })
    };
    for (key, value) in [
        ("/decision", "new, by wrr"),
        ("/decision", "known flow"),
        ("/server/method", "Masq"),
        ("/server/interface", "ens37"),
        ("/sent/1", "192.168.160.10"),
        // Replies.
        ("/source", "192.168.160.10"),
        ("/sent/0", "192.168.159.200:80"),
        ("/interface", "ens37"),
        ("/verdict", "sent"),
    ] {
        ensure!(has(key, value), "no {value} at {key}: {text}");
    }
    Ok(())
}

#[test]
fn one_traces_at_a_time_and_one_that_is_killed_leaves_nothing() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = at_work(Mode::Dr)?;
    let mut first = Trace::start(&cluster, "--rate 1")?;
    let second = cluster.agent(0)?.tell("trace --count 1")?;
    ensure!(second.status == Some(1), "{second:?}");
    ensure!(
        second.error.contains("another `lb-agent trace` runs"),
        "{second:?}"
    );
    // One in a second of each CPU, and the others are counted.
    let told = || {
        let asked = cluster.requests(20).ok()?;
        (asked.failures.is_empty() && first.text().contains(" more before it are not shown)"))
            .then_some(())
    };
    wait_until(PATIENCE, told).with_context(|| first.text())?;
    first.process.signal(Signal::SIGKILL)?;
    cluster.agent(0)?.wait_for(
        "`lb-agent trace` is gone without a word: packets are not traced any more",
        PATIENCE,
    )?;
    // Its programs have gone as well.
    let pins = Pins::of(cluster.site.directors[0].name());
    let control = MapInfo::from_pin(pins.map("CONTROL"))?.id();
    let is_left = |program: &ProgramInfo| {
        program
            .name_as_str()
            .is_some_and(|it| it.starts_with("lb_trace"))
            && matches!(program.map_ids(), Ok(Some(maps)) if maps.contains(&control))
    };
    let gone = || {
        let mut all = loaded_programs().filter_map(Result::ok);
        (!all.any(|it| is_left(&it))).then_some(())
    };
    wait_until(PATIENCE, gone).context("the programs stay")?;
    let tally = cluster.requests(20)?;
    ensure!(tally.failures.is_empty(), "{tally:?}");
    drop(first);
    let again = Trace::start(&cluster, "--count 1")?;
    drop(cluster.requests(1)?);
    again.ended()?;
    Ok(())
}
