//! `use_ipvlan` in a kernel that has it: the address answers from an interface of its own with the
//! Ethernet address of the one below, also a client that the director has never spoken to, and nothing
//! stays behind.
//!
//! A program of its own: where this machine's kernel has no ipvlan, a guest runs it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Capture, Namespace, Need, PATIENCE, skipped, wait_until};

const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("ping"),
    Need::Ipvlan,
];

const VIP: &str = "10.0.0.100";

/// Two machines on a cable between two `eth0`; the first one is the director.
fn cable() -> Result<[Namespace; 2]> {
    let (director, client) = (Namespace::new("director1")?, Namespace::new("client")?);
    let other = client.name();
    director.ip(&format!(
        "link add name eth0 type veth peer name eth0 netns {other}"
    ))?;
    for (machine, host) in [(&director, 1), (&client, 2)] {
        machine.ip(&format!("address add 10.0.0.{host}/24 dev eth0"))?;
        machine.ip("link set dev eth0 up")?;
    }
    Ok([director, client])
}

fn instance(line: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 66\n priority 200\n {line}\n \
         virtual_ipaddress {{\n {VIP}\n }}\n}}\n"
    )
}

/// Waits until `ip ARGUMENTS` prints all of this, or nothing of it.
fn wait_for(machine: &Namespace, arguments: &str, parts: &[&str], there: bool) -> Result<()> {
    let shown = || machine.ip(arguments);
    let is = || {
        let shown = shown().ok()?;
        let mut parts = parts.iter();
        parts
            .all(|part| shown.contains(part) == there)
            .then_some(())
    };
    wait_until(PATIENCE, is)
        .with_context(|| format!("{parts:?} in `ip {arguments}`: not {there}: {:?}", shown()))
}

/// The Ethernet address of `eth0`.
fn mac(machine: &Namespace) -> Result<String> {
    let shown = machine.ip("-oneline link show dev eth0")?;
    let mut words = shown
        .split_whitespace()
        .skip_while(|word| *word != "link/ether");
    Ok(words.nth(1).context("eth0 has no MAC")?.to_owned())
}

/// The address is on an ipvlan of this mode, answers a client, comes back with its interface when
/// somebody removes that, and goes.
fn answers(line: &str, mode: &str) -> Result<()> {
    let [director, client] = cable()?;
    let mut agent = Agent::start(&director, &instance(line))?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    let shows = ["vip0@eth0", "ipvlan", "mode l2", mode, "lb-agent"];
    wait_for(&director, "-details link show dev vip0", &shows, true)?;
    let ping = |command: &mut Command| {
        let output = command.args(["-n", "-c", "1", "-w", "20", VIP]).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    };
    // The director has to ask for the client's Ethernet address first.
    client.enter(|| ping(&mut Command::new("ping")))?;
    let answered = format!("{VIP} dev eth0 lladdr {}", mac(&director)?);
    wait_for(&client, "neighbour show", &[&answered], true)?;

    director.ip("link delete vip0")?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    client.enter(|| ping(&mut Command::new("ping")))?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    wait_for(&director, "link show", &["vip0"], false)?;
    ensure!(!director.has_address(VIP)?);
    Ok(())
}

#[test]
fn an_ipvlan_answers_for_the_address_and_leaves_nothing_behind() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    answers("use_ipvlan vip0", "bridge")
}

#[test]
fn an_ipvlan_has_the_mode_that_the_file_says() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    answers("use_ipvlan vip0 eth0 private", "private")
}

/// It has the Ethernet address of the interface below: only the alias tells whose it is.
#[test]
fn an_ipvlan_that_a_killed_agent_has_left_is_made_anew() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let [director, _client] = cable()?;
    director.ip("link add name eth1 type veth peer name far1")?;
    director.ip("address add 10.0.1.1/24 dev eth1")?;
    for end in ["eth1", "far1"] {
        director.ip(&format!("link set dev {end} up"))?;
    }
    let mut agent = Agent::start(&director, &instance("use_ipvlan vip0 eth1"))?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    agent.kill()?;

    wait_for(&director, "link show dev vip0", &["vip0@eth1"], true)?;

    let mut agent = Agent::start(&director, &instance("use_ipvlan vip0"))?;
    agent.wait_for("it is made anew", PATIENCE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    wait_for(&director, "link show dev vip0", &["vip0@eth0"], true)?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    agent.kill()?;

    let mut agent = Agent::start(&director, &instance("use_ipvlan vip0 private"))?;
    agent.wait_for("it is made anew", PATIENCE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let shows = ["vip0@eth0", "private"];
    wait_for(&director, "-details link show dev vip0", &shows, true)?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    wait_for(&director, "link show", &["vip0"], false)
}

/// As keepalived has it: the address stands there also while we are BACKUP.
#[test]
fn an_ipvlan_has_an_address_of_its_own_and_adverts_come_from_it() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let [director, client] = cable()?;
    let mut agent = Agent::start(&director, &instance("use_ipvlan vip0 10.0.0.5/24"))?;
    let own = ["10.0.0.5/24"];
    wait_for(&director, "address show dev vip0", &own, true)?;
    let heard = Capture::start(&client, "eth0", "in", "ip proto 112 and src 10.0.0.5")?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    heard.wait_for(PATIENCE, |frames| frames.len() >= 2)?;
    wait_for(&director, "address show dev vip0", &[VIP], true)?;
    let mut ping = Command::new("ping");
    ping.args(["-n", "-c", "1", "-w", "20", "10.0.0.5"]);
    client.enter(|| {
        let output = ping.output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    })?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    wait_for(&director, "link show", &["vip0"], false)
}
