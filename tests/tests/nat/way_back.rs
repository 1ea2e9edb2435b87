//! The answers' way back to clients: what it needs of the kernel, and what keeps it.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use lb_tests::http::Tally;
use lb_tests::{
    Cluster, Layout, Mode, Namespace, PATIENCE, configurations, needs, skipped, wait_until,
};

#[test]
fn answers_through_a_router_do_not_wait_for_anybody_to_ask_for_it() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    let far = behind_a_router(&cluster)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let director = &cluster.site.directors[0];
    far.know(director, cluster.site.layout.virtual_address)?;
    wait_until(PATIENCE, || {
        let known = director
            .ip("neighbour show 192.168.159.254 nud reachable")
            .ok()?;
        known.contains("lladdr").then_some(())
    })
    .context("nobody has asked for the router")?;
    let target = cluster.site.service();
    let tally = far.client.enter(|| Ok(Tally::of(20, target, None)))?;
    assert_eq!(tally.failures, Vec::<String>::new());
    // The first answer that is lost is sent again a second later.
    assert!(tally.slowest.as_millis() < 900, "{tally:?}");
    let reasons = cluster.agent(0)?.dump("all")?;
    let lost = reasons.lines().find(|line| line.contains("no_way_back"));
    let lost = lost.context("no such reason")?;
    assert!(lost.split_whitespace().any(|word| word == "0"), "{lost}");
    Ok(())
}

#[test]
fn a_new_master_answers_clients_of_its_own_link_at_once_whose_mac_it_does_not_know() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    cluster.take(0)?.terminate()?;
    cluster.wait_for_master(1)?;
    let (target, client) = (cluster.site.service(), cluster.site.layout.client);
    let director = &cluster.site.directors[1];
    // From the moment on that the client and the servers know the new MASTER.
    cluster.probe()?;
    for round in 1..=5 {
        director.ip("neighbour flush dev ens33")?;
        let known = director.ip(&format!("neighbour show {client}"))?;
        assert!(!known.contains("lladdr"), "{known}");
        let tally = cluster
            .site
            .client
            .enter(|| Ok(Tally::of(1, target, None)))?;
        assert_eq!(tally.failures, Vec::<String>::new());
        // A first answer that is lost is sent again a second later.
        assert!(tally.slowest.as_millis() < 200, "{round}: {tally:?}");
    }
    let reasons = cluster.agent(1)?.dump("all")?;
    let count = |reason: &str| -> Option<u64> {
        let line = reasons.lines().find(|line| line.contains(reason))?;
        line.split_whitespace().find_map(|word| word.parse().ok())
    };
    assert!(count("unresolved") >= Some(5), "{reasons}");
    assert_eq!(count("no_way_back"), Some(0), "{reasons}");
    Ok(())
}

#[test]
fn a_server_that_does_not_answer_arp_leaves_the_program_where_it_is() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    let [first, second] = cluster.site.layout.servers;
    let inside = cluster.site.inside.as_ref().context("no inside")?;
    for server in &cluster.site.servers {
        inside.unplug(server)?;
    }
    let director = &cluster.site.directors[0];
    director.ip("neighbour flush dev ens37")?;
    for server in [first, second] {
        let said = format!("{server} on ens37 does not answer");
        cluster.agent(0)?.wait_for(&said, PATIENCE)?;
    }
    let inside = cluster.site.inside.as_ref().context("no inside")?;
    for server in &cluster.site.servers {
        inside.replug(server)?;
    }
    cluster.probe()?;
    let log = cluster.agent(0)?.log();
    let attached = log.matches("XDP program attached to ens37").count();
    assert_eq!(attached, 1, "{log}");
    Ok(())
}

#[test]
fn forwarding_that_is_off_is_said_once_with_the_command_that_turns_it_on() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    cluster.site.directors[0].sysctl("ipv4.ip_forward", "0")?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let command = "`sysctl -w net/ipv4/ip_forward=1` turns it on";
    cluster.agent(0)?.wait_for(command, PATIENCE)?;
    cluster.site.directors[0].sysctl("ipv4.ip_forward", "1")?;
    let over = "net/ipv4/ip_forward is as it should be now";
    cluster.agent(0)?.wait_for(over, PATIENCE)?;
    cluster.probe()?;
    let log = cluster.agent(0)?.log();
    assert_eq!(log.matches(command).count(), 1, "{log}");
    Ok(())
}

/// A client that reaches the site through a router.
struct Far {
    client: Namespace,
    router: Namespace,
}

impl Far {
    /// Tells the router the virtual address's MAC, as a gratuitous ARP does: it does not ask, so
    /// the director hears nothing of it.
    fn know(&self, director: &Namespace, virtual_address: Ipv4Addr) -> Result<()> {
        let link = director.ip("-oneline link show dev ens33")?;
        let mac = link
            .split_once("link/ether ")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .context("ens33 has no MAC")?;
        self.router.ip(&format!(
            "neighbour replace {virtual_address} lladdr {mac} dev near nud permanent"
        ))?;
        Ok(())
    }
}

fn behind_a_router(cluster: &Cluster) -> Result<Far> {
    let (client, router) = (Namespace::new("far")?, Namespace::new("router")?);
    cluster
        .site
        .outside
        .plug(&router, "near", "192.168.159.254/24")?;
    router.ip(&format!(
        "link add name away type veth peer name eth0 netns {}",
        client.name()
    ))?;
    for (machine, interface, host) in [(&router, "away", 1), (&client, "eth0", 2)] {
        let address = Ipv4Addr::new(10, 9, 9, host);
        machine.ip(&format!("address add {address}/24 dev {interface}"))?;
        machine.ip(&format!("link set dev {interface} up"))?;
        machine.run(std::process::Command::new("ethtool").args(["-K", interface, "tx", "off"]))?;
    }
    router.sysctl("ipv4.ip_forward", "1")?;
    client.ip("route add default via 10.9.9.1")?;
    for director in &cluster.site.directors {
        director.ip("route add default via 192.168.159.254")?;
    }
    Ok(Far { client, router })
}
