//! `fwmark` and `bind_if` of each kind of check that goes over the network, as the kernel sees them:
//! the servers are beyond one link by the routes, and the checks leave by another one with their marks.

use std::process::Command;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, checked, skipped, wait_until};
use serde_json::Value;

use super::{NEEDS, PATIENCE, configuration, kinds, machine};

#[test]
fn each_kind_leaves_by_its_interface_with_its_mark() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::NfTables]) {
        return Ok(());
    }
    let machine = machine("sources")?;
    machine.ip("link add v2 type veth peer name v3")?;
    machine.ip("link set v2 up")?;
    machine.ip("link set v3 up")?;
    machine.ip("address add 198.51.100.1/24 dev v2")?;
    let cases = kinds("192.0.2.9", |place| {
        format!("bind_if v2\n fwmark {}", 10 + place)
    });
    let mut rules = "table inet sources {\n".to_owned();
    let marks: Vec<String> = (11..)
        .zip(&cases)
        .map(|(mark, _)| format!("m{mark}"))
        .collect();
    rules.extend(
        marks
            .iter()
            .map(|name| format!(" counter {name} {{\n }}\n")),
    );
    rules.push_str(" chain out {\n  type filter hook output priority 0;\n");
    rules.extend(marks.iter().map(|name| {
        let mark = name.trim_start_matches('m');
        format!("  meta mark {mark} oifname \"v2\" counter name {name}\n")
    }));
    rules.push_str(" }\n}\n");
    machine.run(Command::new("nft").arg(rules))?;
    let agent = Agent::start(&machine, &configuration(&cases))?;
    let silent = || silent(&machine, &marks).unwrap_or_else(|_| marks.clone());
    wait_until(PATIENCE, || silent().is_empty().then_some(()))
        .with_context(|| format!("no packet of {:?}:\n{}", silent(), agent.log()))
}

/// The marks that no packet had.
fn silent(machine: &Namespace, marks: &[String]) -> Result<Vec<String>> {
    let mut nft = Command::new("nft");
    nft.args(["-j", "list", "counters", "table", "inet", "sources"]);
    let listed: Value = serde_json::from_str(&machine.enter(|| checked(&mut nft))?)?;
    let listed = listed.get("nftables").and_then(Value::as_array);
    let counters = listed.context("no counters")?.iter();
    let counted: Vec<&str> = counters
        .filter_map(|it| it.get("counter"))
        .filter(|it| it.get("packets").and_then(Value::as_u64) > Some(0))
        .filter_map(|it| it.get("name").and_then(Value::as_str))
        .collect();
    let silent = marks
        .iter()
        .filter(|name| !counted.contains(&name.as_str()));
    Ok(silent.cloned().collect())
}
