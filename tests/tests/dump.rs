//! `lb-agent dump` of an agent at work, of one that is gone, and of none.

#![expect(
    clippy::indexing_slicing,
    reason = "all of this is a test, and knows what it has made"
)]

use std::process::Command;

use anyhow::{Context, Result};
use lb_tests::{Cluster, Layout, Mode, Namespace, Told, built, configurations, needs, skipped};
use serde_json::Value;

#[test]
fn after_kill_9_everything_can_be_read_as_before() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let tally = cluster.requests(40)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    let alive = figures(&json(&cluster.site.directors[0], "services")?)?;
    // The service had an answer before it was asked for forty.
    let [first, second] = &alive[..] else {
        anyhow::bail!("not two servers: {alive:?}");
    };
    // Every CPU takes turns of its own.
    let cpus = u64::try_from(std::thread::available_parallelism()?.get())?;
    assert!(first.0.abs_diff(second.0) <= cpus, "{alive:?}");
    assert!(first.0 + second.0 >= 41, "{alive:?}");
    assert!(first.1 >= 4 * first.0, "{alive:?}");

    cluster.take(0)?.kill()?;
    let director = &cluster.site.directors[0];
    let table = director.tell("dump services")?.text;
    let lines: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(
        lines[0], "Prot LocalAddress:Port Scheduler Flags",
        "{table}"
    );
    assert!(
        lines[2].starts_with("TCP  192.168.159.200:80 wrr"),
        "{table}"
    );
    assert!(
        lines[3].starts_with("  -> 192.168.159.105:80           Route   1 "),
        "{table}"
    );
    let left = figures(&json(director, "services")?)?;
    let connections =
        |figures: &[(u64, u64)]| -> Vec<u64> { figures.iter().map(|figure| figure.0).collect() };
    assert_eq!(connections(&left), connections(&alive));
    let connections = director.tell("dump connections")?.text;
    let ours =
        |line: &&str| line.contains("192.168.159.50:") && line.contains("192.168.159.200:80");
    assert!(
        connections.lines().filter(ours).count() >= 41,
        "{connections}"
    );
    let all = json(director, "all")?;
    for section in ["services", "connections", "vrrp", "backends"] {
        assert!(
            all.get(section).is_some_and(Value::is_array),
            "{section}: {all}"
        );
    }
    Ok(())
}

#[test]
fn a_virtual_address_chooses_what_is_shown() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let director = &cluster.site.directors[0];
    let ours = json(director, "services --vip 192.168.159.200:80")?;
    assert_eq!(figures(&ours)?.len(), 2);
    refused(
        &director.tell("dump services --vip 192.168.159.201")?,
        "nothing of what was asked for belongs to 192.168.159.201",
    );
    Ok(())
}

#[test]
fn without_an_agent_there_is_one_sentence_and_a_failure() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let machine = Namespace::new("nobody")?;
    let said = format!("no agent called \"{}\" runs here", machine.name());
    for section in ["services", "connections", "vrrp", "backends", "all"] {
        refused(&machine.tell(&format!("dump {section}"))?, &said);
    }
    Ok(())
}

#[test]
fn without_permission_the_maps_are_said_to_need_it() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let director = &cluster.site.directors[0];
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
        ])
        .arg(built::lb_agent()?)
        .args(["dump", "services", "--instance", director.name()]);
    let output = director.enter(|| command.output().context("cannot start setpriv"))?;
    refused(&output.into(), "root or CAP_BPF is needed");
    Ok(())
}

/// One sentence on standard error, nothing on standard output, and status 1.
fn refused(told: &Told, said: &str) {
    let error = &told.error;
    assert_eq!(told.status, Some(1), "{error}");
    assert!(error.contains(said), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(told.text.is_empty(), "{}", told.text);
}

/// Connections and packets of every server of the first service.
fn figures(dump: &Value) -> Result<Vec<(u64, u64)>> {
    let servers = dump["services"][0]["servers"].as_array();
    let servers = servers.with_context(|| format!("no servers: {dump}"))?;
    let figure = |server: &Value, name: &str| server["counters"][name].as_u64();
    servers
        .iter()
        .filter(|server| server["sorry"] != true)
        .map(|server| Some((figure(server, "conns")?, figure(server, "in_packets")?)))
        .collect::<Option<_>>()
        .with_context(|| format!("no figures: {dump}"))
}

fn json(machine: &Namespace, what: &str) -> Result<Value> {
    let told = machine.tell(&format!("dump {what} --format json"))?;
    assert_eq!(told.status, Some(0), "{}", told.error);
    Ok(serde_json::from_str(&told.text)?)
}
