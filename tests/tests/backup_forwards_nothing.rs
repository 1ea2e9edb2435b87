//! A director that is not MASTER leaves every packet alone, even one that is sent to it by force.

use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::http::get;
use lb_tests::{
    Capture, Cluster, Layout, Mode, Namespace, Need, PATIENCE, configurations, needs, now, skipped,
};

#[test]
fn a_backup_forwards_nothing_and_the_master_everything() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let layout = Layout::demo(mode);
        let cluster = Cluster::at_work(layout, configurations::demo(mode))?;
        let wires = [Some(&cluster.site.outside), cluster.site.inside.as_ref()];
        // Whatever a director sends that carries a packet of the client, bare or in a tunnel.
        let of_the_client = format!(
            "(ip proto 4) or (tcp dst port 80 and (src host {0} or dst host {1}))",
            layout.client, layout.virtual_address
        );
        for (director, forwards) in cluster.site.directors.iter().zip([true, false]) {
            aim(&cluster, director)?;
            if !forwards {
                // The kernel of a router would send the packet on to the MASTER.
                director.sysctl("ipv4.ip_forward", "0")?;
            }
            let captures = wires
                .iter()
                .flatten()
                .map(|wire| {
                    Capture::start(wire.namespace(), director.label(), "in", &of_the_client)
                })
                .collect::<Result<Vec<_>>>()?;
            let target = cluster.site.service();
            let answer = cluster
                .site
                .client
                .enter(|| get(target, None, Duration::from_secs(2)));
            assert_eq!(
                answer.is_ok(),
                forwards,
                "{mode}, {}: {answer:?}",
                director.label()
            );
            let mut sent = 0;
            for capture in captures {
                sent += capture.finish()?.len();
            }
            assert_eq!(
                sent > 0,
                forwards,
                "{mode}: {} has sent {sent}",
                director.label()
            );
        }
    }
    Ok(())
}

#[test]
fn with_xdp_attach_master_only_the_master_has_the_program() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), attached_as_master())?;
    let [first, second] = &cluster.site.directors;
    assert!(has_program(first)?);
    assert!(!has_program(second)?);
    cluster.take(0)?.terminate()?;
    cluster.wait_for_master(1)?;
    let [first, second] = &cluster.site.directors;
    assert!(!has_program(first)?);
    assert!(has_program(second)?);
    assert_eq!(cluster.requests(20)?.failures, Vec::<String>::new());
    Ok(())
}

/// The demo's, with `xdp_attach master`.
fn attached_as_master() -> [String; 2] {
    let attach =
        |text: String| text.replace("global_defs {", "global_defs {\n   xdp_attach master");
    configurations::demo(Mode::Dr).map(attach)
}

#[test]
fn a_new_master_resets_no_connection_while_its_program_is_not_attached() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), attached_as_master())?;
    let second = cluster.site.directors[1].label().to_owned();
    let switch = cluster.site.outside.namespace();
    // Real servers answer by themselves; a reset by the director is its kernel's.
    let filter = format!(
        "src host {} and tcp[tcpflags] & tcp-rst != 0",
        cluster.site.layout.virtual_address
    );
    let resets = Capture::start(switch, &second, "in", &filter)?;
    let probe = cluster.probe()?;
    cluster.take(0)?.terminate()?;
    cluster.wait_for_master(1)?;
    probe
        .wait_for(now(), PATIENCE, |_| true)
        .context("no answer from the new MASTER")?;
    assert_eq!(cluster.requests(20)?.failures, Vec::<String>::new());
    assert_eq!(resets.finish()?.len(), 0);
    let log = cluster.agent(1)?.log();
    let place = |text| {
        log.find(text)
            .with_context(|| format!("no {text:?} in:\n{log}"))
    };
    assert!(
        place("XDP program attached to ens33")? < place("setting VIPs.")?,
        "{log}"
    );
    assert!(!log.contains("taking the addresses without it"), "{log}");
    Ok(())
}

#[test]
fn a_master_that_is_restarted_after_a_crash_keeps_its_program_attached() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), attached_as_master())?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.take(0)?.kill()?;
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("Entering BACKUP STATE (init)", PATIENCE)?;
    assert!(has_program(&cluster.site.directors[0])?);
    cluster.wait_for_master(0)?;
    assert!(has_program(&cluster.site.directors[0])?);
    let log = cluster.agent(0)?.log();
    assert!(!log.contains("taken off"), "{log}");

    // Where another is MASTER by now, it goes.
    cluster.take(0)?.kill()?;
    cluster.start(1)?;
    cluster.wait_for_master(1)?;
    let text = &mut cluster.configurations[0];
    *text = text.replace("priority 100", "priority 50");
    *text = text.replace("state MASTER", "state BACKUP");
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("XDP program taken off ens33", PATIENCE)?;
    cluster.site.directors[0].wait_until_free("ens33")?;
    Ok(())
}

#[test]
fn by_default_both_directors_have_the_program_from_the_start() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    for director in &cluster.site.directors {
        assert!(has_program(director)?, "{}", director.label());
    }
    Ok(())
}

/// Makes the client send everything for the virtual address to `director`, whoever is MASTER.
fn aim(cluster: &Cluster, director: &Namespace) -> Result<()> {
    let link = director.ip("link show dev ens33")?;
    let mut words = link.split_whitespace();
    let mac = words
        .find(|word| *word == "link/ether")
        .and_then(|_| words.next());
    let mac = mac.context("ens33 has no MAC")?;
    let address = cluster.site.layout.virtual_address;
    let entry = format!("neighbour replace {address} lladdr {mac} dev eth0 nud permanent");
    cluster.site.client.ip(&entry)?;
    Ok(())
}

/// Whether an XDP program is attached to the interface of the virtual address.
fn has_program(director: &Namespace) -> Result<bool> {
    Ok(director.program("ens33")?.is_some())
}
