//! A configuration that can be used.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_tests::{Cluster, Layout, Mode, PATIENCE, configurations, needs, now, skipped, wait_until};
use nix::sys::signal::Signal;

use super::{SOON, connections, dumped, state};

/// Another service, with one server.
const SERVICE: &str = "
virtual_server 192.168.159.200 8080 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.168.159.105 8080 {
        weight 1
    }
}
";

#[test]
fn reloads_under_traffic_cost_no_request_no_connection_and_no_counter() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in [Mode::Dr, Mode::Nat] {
        let mut cluster = Cluster::at_work(Layout::demo(mode), configurations::demo(mode))?;
        let probe = cluster.patient_probe()?;
        let [text, _] = cluster.configurations.clone();
        let agent = cluster.agent(0)?;
        let service = SERVICE.replace("DR", &mode.to_string());
        let steps = [
            text.replace("priority 100", "priority 90"),
            text.replace("weight 1", "weight 3"),
            format!("{text}{service}"),
            text.replace("lb_algo wrr", "lb_algo rr"),
            text.replace(
                "dev ens33 label ens33:0",
                "dev ens33 label ens33:0\n     192.168.159.201 dev ens33",
            ),
            text.replace("delay_loop 6", "delay_loop 2"),
            text.replace(
                "VI_1",
                "VI_2 {\n interface ens33\n virtual_router_id 99\n \
                          priority 50\n virtual_ipaddress {\n 192.168.159.202\n }\n}\n\
                          vrrp_instance VI_1",
            ),
            text,
        ];
        for step in steps {
            let before = connections(agent, 80)?;
            let told = agent.reload(&step)?;
            assert!(!told.text.is_empty(), "it says what has changed");
            // Some requests under each; the status file is written once a second.
            let goes_on = || {
                let counts = connections(agent, 80).ok()? > before;
                (counts && state(agent).ok()? == "MASTER").then_some(())
            };
            wait_until(SOON, goes_on).context("counters stand still, or it is not MASTER")?;
        }
        let report = probe.report();
        assert_eq!(report.failures(), 0, "{mode}: {}", agent.log());
        let log = agent.log();
        assert_eq!(
            log.matches("(VI_1) Entering MASTER STATE").count(),
            1,
            "{log}"
        );
        assert_eq!(log.matches("Reload complete").count(), 8, "{log}");
    }
    Ok(())
}

#[test]
fn a_signal_reloads_too_and_what_differs_stands_in_the_log() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let [text, _] = cluster.configurations.clone();
    let agent = cluster.agent(0)?;
    agent.rewrite(&format!("{text}{SERVICE}"))?;
    agent.signal(Signal::SIGHUP)?;
    agent.wait_for("Reload complete", SOON)?;
    let log = agent.log();
    assert!(log.contains("Reload: virtual servers: 1 new"), "{log}");
    assert_eq!(dumped(agent, "services")?.len(), 2);
    let told = agent.reload(&text)?;
    assert!(told.text.ends_with("virtual servers: 1 removed\n"));
    assert_eq!(dumped(agent, "services")?.len(), 1);
    let told = agent.reload(&text)?;
    assert!(told.text.ends_with("nothing differs\n"));
    Ok(())
}

#[test]
fn a_master_whose_priority_is_lowered_leaves_only_when_it_is_beaten() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let [text, _] = cluster.configurations.clone();
    let agent = cluster.agent(0)?;
    agent.reload(&text.replace("priority 100", "priority 81"))?;
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(state(cluster.agent(0)?)?, "MASTER");
    assert_eq!(state(cluster.agent(1)?)?, "BACKUP");
    let probe = cluster.probe()?;
    let agent = cluster.agent(0)?;
    agent.reload(&text.replace("priority 100", "priority 70"))?;
    cluster.wait_for_master(1)?;
    cluster.agent(0)?.wait_for("Entering BACKUP STATE", SOON)?;
    probe.wait_for(now(), PATIENCE, |_| true)?;
    assert_eq!(cluster.masters()?.len(), 1);
    Ok(())
}

#[test]
fn virtual_addresses_that_stay_are_not_touched_and_those_that_differ_come_and_go() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let [text, _] = cluster.configurations.clone();
    let label = "dev ens33 label ens33:0";
    let more = format!("{label}\n     192.168.159.201 dev ens33");
    let seen = tempfile::NamedTempFile::new()?;
    let mut watch = Command::new("ip");
    watch.args(["monitor", "address"]).stdout(seen.reopen()?);
    let _watching = cluster.site.directors[0].start(&mut watch)?;
    std::thread::sleep(Duration::from_millis(300));
    let agent = cluster.agent(0)?;
    agent.reload(&text.replace(label, &more))?;
    let there = || {
        cluster.site.directors[0]
            .has_address("192.168.159.201")
            .ok()
    };
    wait_until(SOON, || there()?.then_some(())).context("the new address is not set")?;
    cluster.agent(0)?.reload(&text)?;
    let there = || {
        cluster.site.directors[0]
            .has_address("192.168.159.201")
            .ok()
    };
    wait_until(SOON, || (!there()?).then_some(())).context("the old address is there")?;
    std::thread::sleep(Duration::from_millis(300));
    let seen = std::fs::read_to_string(seen.path())?;
    assert!(seen.contains("192.168.159.201/32"), "{seen}");
    assert!(!seen.contains("192.168.159.200/"), "{seen}");
    Ok(())
}

#[test]
fn services_come_to_an_agent_that_had_none_and_go_again() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let [text, _] = cluster.configurations.clone();
    let (vrrp_only, _) = text.split_once("virtual_server ").context("no service")?;
    cluster.configurations[0] = vrrp_only.to_owned();
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    assert_eq!(cluster.site.directors[0].program("ens33")?, None);
    cluster.agent(0)?.reload(&text)?;
    drop(cluster.probe()?);
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    cluster.agent(0)?.reload(vrrp_only)?;
    cluster.site.directors[0].wait_until_free("ens33")?;
    // The status file is written once a second.
    let agent = cluster.agent(0)?;
    let master = || (state(agent).ok()? == "MASTER").then_some(());
    wait_until(SOON, master).context("it is not MASTER any more")?;
    Ok(())
}
