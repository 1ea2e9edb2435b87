//! Weights and persistence in every mode, with the demo's configuration; what a tutorial that asks
//! for them gets is in `dr`.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use lb_tests::http::Tally;
use lb_tests::{Cluster, Layout, Mode, configurations, needs, skipped};

#[test]
fn weights_of_two_to_one_are_met_in_every_mode() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let [text, other] = configurations::demo(mode);
        let (before, after) = text.split_once("weight 1").context("there is no weight")?;
        let cluster = Cluster::at_work(
            Layout::demo(mode),
            [format!("{before}weight 2{after}"), other],
        )?;
        let tally = cluster.requests(300)?;
        assert_eq!(tally.failures, Vec::<String>::new(), "{mode}");
        // Each CPU takes turns of its own, and may stop in the middle of a round; two per cent.
        assert!(tally.from("rs1").abs_diff(200) <= 2, "{mode}: {tally:?}");
        assert!(tally.from("rs2").abs_diff(100) <= 2, "{mode}: {tally:?}");
    }
    Ok(())
}

#[test]
fn a_client_that_is_remembered_stays_with_its_server_in_every_mode() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let persistent =
            |text: String| text.replace("#persistence_timeout 120", "persistence_timeout 120");
        let configurations = configurations::demo(mode).map(persistent);
        let cluster = Cluster::at_work(Layout::demo(mode), configurations)?;
        let (client, target) = (&cluster.site.client, cluster.site.service());
        let mut servers = Vec::new();
        for host in 60..66 {
            let address = Ipv4Addr::new(192, 168, 159, host);
            client.ip(&format!("address add {address}/24 dev eth0"))?;
            let tally = client.enter(|| Ok(Tally::of(30, target, Some(address.into()))))?;
            assert_eq!(tally.failures, Vec::<String>::new(), "{mode}");
            assert_eq!(tally.clients[&IpAddr::V4(address)], 30, "{mode}");
            assert_eq!(
                tally.served.len(),
                1,
                "{mode}: {address} was moved: {tally:?}"
            );
            servers.extend(tally.served.into_keys());
        }
        for server in ["rs1", "rs2"] {
            let has_somebody = servers.iter().any(|name| name == server);
            assert!(has_somebody, "{mode}: nobody was given to {server}");
        }
    }
    Ok(())
}
