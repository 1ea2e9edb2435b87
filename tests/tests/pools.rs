//! Our pools and what is told of them, beside keepalived's: the same configurations, the same
//! failures, the same events in the same order, and the same servers with the same weights after
//! each. `ipvs` has keepalived's half of it.

#[path = "timeline/mod.rs"]
mod timeline;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, skipped};
use serde_json::Value;

use timeline::{Daemon, Series};

/// What we say, and keepalived says otherwise or not at all.
type Different = &'static [(&'static str, &'static str)];

/// Of [`timeline::KINDS`].
const KINDS: Different = &[
    // A server that only a reload brings: with `alpha` keepalived says nothing before it is up.
    ("RS [10.9.0.13]:tcp:86 [192.0.2.1]:tcp:86 DOWN\n", ""),
    // A file that had said a weight and then "down": keepalived forgets the weight in silence.
    (
        "Changing weight from 0 to 5 for inactive service [10.9.0.13]:tcp:85 of VS \
         [192.0.2.1]:tcp:85\n",
        "",
    ),
    // keepalived says that in a line before.
    (": it is configured no longer", ""),
];

/// Of [`timeline::OTHERS`].
const OTHERS: Different = &[];

/// Of [`timeline::FAILURES`].
const DIFFERENT: Different = &[
    // quorum + hysteresis is the threshold; keepalived has the sum right and the sign wrong.
    (
        "Starting with quorum down 2+1=3 > 0",
        "Starting with quorum down 2-1=3 > 0",
    ),
    // A script that had said a weight and then failed: keepalived forgets the weight in silence.
    (
        "Changing weight from 5 to 1 for inactive service [10.9.0.11]:tcp:83 of VS \
         [192.0.2.1]:tcp:83\n",
        "",
    ),
];

struct Ours(Agent);

impl Daemon for Ours {
    fn start(machine: &Namespace, configuration: &Path) -> Result<Self> {
        let text = fs::read_to_string(configuration)?;
        let mut agent = Agent::start(machine, &text)?;
        agent.wait_for("Activating", Duration::from_secs(20))?;
        Ok(Self(agent))
    }

    fn log(&self) -> Result<String> {
        Ok(self.0.log())
    }

    fn pools(&self, _machine: &Namespace) -> Result<Vec<(u16, String, u64)>> {
        let dump: Value = serde_json::from_str(&self.0.dump("services --format json")?)?;
        let services = dump.get("services").and_then(Value::as_array);
        let mut pools = Vec::new();
        for service in services.context("no services")? {
            let number = |of: &Value, field: &str| of.get(field).and_then(Value::as_u64);
            let port = u16::try_from(number(service, "port").context("no port")?)?;
            let servers = service.get("servers").and_then(Value::as_array);
            for server in servers.context("no servers")? {
                let address = server.get("address").and_then(Value::as_str);
                let address = address.context("no address")?;
                let at = number(server, "port").context("no port")?;
                let weight = number(server, "weight").context("no weight")?;
                pools.push((port, format!("{address}:{at}"), weight));
            }
        }
        Ok(pools)
    }

    fn reload(&mut self, configuration: &Path) -> Result<()> {
        self.0.reload(&fs::read_to_string(configuration)?).map(drop)
    }

    fn stop(self) -> Result<String> {
        Ok(self.0.terminate()?.log)
    }
}

#[test]
fn the_same_failures_have_the_same_events_and_the_same_pools_as_with_keepalived() -> Result<()> {
    compare(&timeline::FAILURES, DIFFERENT)
}

#[test]
fn other_checks_and_reloads_have_the_same_events_and_the_same_pools_as_with_keepalived()
-> Result<()> {
    compare(&timeline::KINDS, KINDS)
}

#[test]
fn checks_of_hosts_tls_and_bfd_and_ha_suspend_have_the_same_events_and_the_same_pools_as_with_keepalived()
-> Result<()> {
    if skipped(&[Need::Program("openssl"), Need::Program("ss")]) {
        return Ok(());
    }
    compare(&timeline::OTHERS, OTHERS)
}

fn compare(series: &'static Series, different: Different) -> Result<()> {
    let needs = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];
    if skipped(&needs) {
        return Ok(());
    }
    let mut observed = timeline::observe::<Ours>(series)?;
    for &(ours, theirs) in different {
        let times = observed.matches(ours).count();
        assert_eq!(times, 1, "`{ours}` in\n{observed}");
        observed = observed.replace(ours, theirs);
    }
    let both = observed.lines().zip(series.keepalived.lines());
    for (number, (ours, theirs)) in (1..).zip(both) {
        let name = series.name;
        assert_eq!(ours, theirs, "line {number} of {name}, beside\n{observed}");
    }
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&observed), lines(series.keepalived));
    Ok(())
}
