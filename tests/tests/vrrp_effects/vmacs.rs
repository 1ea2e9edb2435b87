//! Names of VMACs: kept over a reload, and left alone where they are somebody else's.

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Namespace, skipped, wait_until};

use crate::pair::{PATIENCE, Pair, VIP, alone};
use crate::{NEEDS, wait_for};

const SECOND_VIP: &str = "10.0.1.100";

fn instance(name: &str, dev: &str, vip: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface {dev}\n virtual_router_id 66\n priority 200\n \
         use_vmac\n virtual_ipaddress {{\n {vip}\n }}\n}}\n"
    )
}

/// Every interface with its index.
fn links(machine: &Namespace) -> Result<Vec<String>> {
    let shown = machine.ip("-brief link show")?;
    let with_index = |line: &str| {
        let name = line
            .split_whitespace()
            .next()?
            .split('@')
            .next()?
            .to_owned();
        let shown = machine.ip(&format!("-oneline link show dev {name}")).ok()?;
        Some(format!("{} {name}", shown.split(':').next()?))
    };
    Ok(shown.lines().filter_map(with_index).collect())
}

/// Two instances of one id: the number in the names of their VMACs is that of their lines.
#[test]
fn a_reload_that_only_moves_lines_takes_no_address_away() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    pair.add_cable()?;
    let machine = pair.ours_namespace();
    let [first, second] = [
        instance("VI_1", "eth0", VIP),
        instance("VI_2", "eth1", SECOND_VIP),
    ];
    let mut agent = Agent::start(machine, &format!("{first}{second}"))?;
    wait_for(machine, "address show dev vrrp.66", VIP, true)?;
    wait_for(machine, "address show dev vrrp1.66", SECOND_VIP, true)?;
    let (before, position) = (links(machine)?, agent.log().len());
    ensure!(before.len() >= 5, "{before:?}");
    agent.reload(&format!("{second}{first}"))?;
    agent.wait_for_after(position, "Reload complete", PATIENCE)?;
    ensure!(
        links(machine)? == before,
        "{:?} and not {before:?}",
        links(machine)?
    );
    ensure!(machine.ip("address show dev vrrp.66")?.contains(VIP));
    ensure!(
        machine
            .ip("address show dev vrrp1.66")?
            .contains(SECOND_VIP)
    );
    let log = agent.log();
    let since = log.get(position..).unwrap_or_default();
    for word in ["Entering", "removing VIPs", "made interface"] {
        ensure!(!since.contains(word), "{since}");
    }
    // The name that stays is found at the end, too.
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    ensure!(!machine.ip("link show")?.contains("vrrp"));
    Ok(())
}

#[test]
fn an_interface_that_only_has_a_vmacs_name_is_left_alone_and_said() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    machine.ip("link add name vrrp.66 type veth peer name far")?;
    machine.ip("address add 10.9.9.9/24 dev vrrp.66")?;
    machine.ip("link set dev vrrp.66 up")?;
    let mut agent = Agent::start(machine, &instance("VI_1", "eth0", VIP))?;
    agent.wait_for("interface vrrp.66 is there already", PATIENCE)?;
    agent.wait_for("Entering FAULT STATE", PATIENCE)?;
    let shown = || {
        let shown = agent.dump("vrrp").ok()?;
        shown.contains("has the name of its VMAC").then_some(())
    };
    wait_until(PATIENCE, shown).with_context(|| format!("{:?}", agent.dump("vrrp")))?;
    ensure!(!machine.ip("address show dev vrrp.66")?.contains(VIP));
    machine.ip("link set dev vrrp.66 down")?;
    machine.ip("link set dev vrrp.66 name mine")?;
    wait_for(machine, "address show dev vrrp.66", VIP, true)?;
    wait_for(machine, "address show dev mine", "10.9.9.9", true)?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    ensure!(!machine.ip("link show")?.contains("vrrp.66"));
    ensure!(machine.ip("address show dev mine")?.contains("10.9.9.9"));
    Ok(())
}

/// A name of the operator's, which neither a VRID nor, at last, an Ethernet address of VRRP gives away.
#[test]
fn what_a_killed_agent_has_left_under_the_name_is_made_anew_whatever_it_was() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    pair.add_cable()?;
    let machine = pair.ours_namespace();
    let using = |interface: &str| instance("VI_1", "eth0", VIP).replace("use_vmac", interface);
    let mut expected = "";
    for (interface, shown) in [
        ("use_vmac vip0 02:00:00:00:00:07", "vip0@eth0"),
        ("use_vmac vip0", "00:00:5e:00:01:42"),
        ("use_vmac vip0 eth1 02:00:00:00:00:08", "vip0@eth1"),
        ("use_vmac vip0", "vip0@eth0"),
    ] {
        let mut agent = Agent::start(machine, &using(interface))?;
        wait_for(machine, "link show dev vip0", shown, true)
            .with_context(|| format!("{interface}:\n{}", agent.log()))?;
        agent.wait_for("Entering MASTER STATE", PATIENCE)?;
        wait_for(machine, "address show dev vip0", VIP, true)
            .with_context(|| format!("{interface}:\n{}", agent.log()))?;
        if expected.is_empty() {
            expected = "it is made anew";
        } else {
            agent.wait_for(expected, PATIENCE)?;
        }
        agent.kill()?;
    }
    let mut agent = Agent::start(machine, &using("use_vmac vip0"))?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    ensure!(!machine.ip("link show")?.contains("vip0"));
    Ok(())
}
