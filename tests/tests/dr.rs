//! Direct routing: a client's request crosses the MASTER's XDP program and comes back from a real
//! server, which answers the client itself.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use lb_tests::http::Tally;
use lb_tests::{Cluster, Layout, Mode, Segment, configurations, needs, skipped};

#[test]
fn three_hundred_requests_are_served_by_both_servers_and_none_fails() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let tally = cluster.requests(300)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    // A packet that was lost comes again after a second.
    assert!(tally.slowest.as_millis() < 900, "{tally:?}");
    assert!(tally.from("rs1").abs_diff(150) <= 3, "{tally:?}");
    assert_eq!(tally.clients[&IpAddr::V4(cluster.site.layout.client)], 300);
    Ok(())
}

#[test]
fn weights_of_two_to_one_are_met_within_two_per_cent() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = weighted(&WEIGHTED.replace("    persistence_timeout 50\n", ""))?;
    let tally = cluster.requests(300)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    // Two per cent of what is the smaller one's.
    assert!(tally.from("rs1").abs_diff(200) <= 2, "{tally:?}");
    assert!(tally.from("rs2").abs_diff(100) <= 2, "{tally:?}");
    Ok(())
}

#[test]
fn with_persistence_each_client_stays_with_its_server() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = weighted(WEIGHTED)?;
    let (client, target) = (&cluster.site.client, cluster.site.service());
    let mut servers = Vec::new();
    for host in 60..66 {
        let address = Ipv4Addr::new(192, 168, 126, host);
        client.ip(&format!("address add {address}/24 dev eth0"))?;
        let tally = client.enter(|| Ok(Tally::of(50, target, Some(address.into()))))?;
        assert_eq!(tally.failures, Vec::<String>::new());
        assert_eq!(tally.clients[&IpAddr::V4(address)], 50);
        assert_eq!(tally.served.len(), 1, "{address} was moved: {tally:?}");
        servers.extend(tally.served.into_keys());
    }
    for server in ["rs1", "rs2"] {
        assert!(
            servers.iter().any(|name| name == server),
            "nobody was given to {server}"
        );
    }
    let known = cluster.agent(0)?.dump("connections")?;
    for host in 60..66 {
        let client = format!("192.168.126.{host}:0");
        let of_client = |line: &&str| line.contains(" NONE ") && line.contains(&client);
        assert_eq!(known.lines().filter(of_client).count(), 1, "{known}");
    }
    Ok(())
}

/// A tutorial's director with weights 2 and 1, and VRRP on an interface of its own. It has no
/// peer here.
const WEIGHTED: &str = include_str!("../configs/weighted.conf");

/// The network that [`WEIGHTED`] speaks of, with the first director at work.
fn weighted(configuration: &str) -> Result<Cluster> {
    let in_126 = |host| Ipv4Addr::new(192, 168, 126, host);
    let layout = Layout {
        mode: Mode::Dr,
        outside: Segment {
            interface: "eth0",
            directors: [in_126(11), in_126(12)],
        },
        inside: None,
        heartbeat: Some(Segment {
            interface: "eth1",
            directors: [Ipv4Addr::new(10, 1, 1, 1), Ipv4Addr::new(10, 1, 1, 2)],
        }),
        virtual_address: in_126(100),
        gateway: in_126(1),
        client: in_126(50),
        servers: [in_126(138), in_126(139)],
    };
    let mut cluster = Cluster::new(layout, [configuration.to_owned(), String::new()])?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe().context("not at work")?;
    Ok(cluster)
}
