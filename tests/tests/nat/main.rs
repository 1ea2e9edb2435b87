//! Address translation: the real servers know nothing of the virtual address, and their answers
//! come back through the director.

mod long_run;
mod six;
mod way_back;

use std::net::IpAddr;

use anyhow::{Context, Result};
use lb_tests::{Capture, Cluster, Layout, Mode, Need, configurations, needs, skipped};

#[test]
fn three_hundred_requests_go_and_come_through_the_master_and_none_fails() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let layout = Layout::demo(Mode::Nat);
    let cluster = Cluster::at_work(layout, configurations::demo(Mode::Nat))?;
    let outside = cluster.site.outside.namespace();
    let foreign = format!("tcp and not host {}", layout.virtual_address);
    let foreign = Capture::start(outside, "client", "out", &foreign)?;
    let inside = cluster
        .site
        .inside
        .as_ref()
        .context("no inside")?
        .namespace();
    let to_server = format!("tcp and src host {}", layout.client);
    let to_server = Capture::start(inside, "rs1", "out", &to_server)?;
    let tally = cluster.requests(300)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    // A packet that was lost comes again after a second.
    assert!(tally.slowest.as_millis() < 900, "{tally:?}");
    assert!(tally.from("rs1").abs_diff(150) <= 3, "{tally:?}");
    assert_eq!(tally.clients[&IpAddr::V4(layout.client)], 300);

    assert_eq!(
        foreign.finish()?,
        [],
        "an answer came with the server's own address"
    );
    let frames = to_server.finish()?;
    assert!(
        frames.len() >= 4 * tally.from("rs1"),
        "{} frames",
        frames.len()
    );
    for frame in frames {
        assert_eq!(
            frame.bytes[30..34],
            layout.servers[0].octets(),
            "destination"
        );
    }
    Ok(())
}

#[test]
fn after_a_failover_the_gateway_has_moved_with_the_virtual_address() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let layout = Layout::demo(Mode::Nat);
    let mut cluster = Cluster::at_work(layout, configurations::demo(Mode::Nat))?;
    cluster.take(0)?.terminate()?;
    cluster.wait_for_master(1)?;
    assert!(cluster.site.directors[1].has_address(&layout.gateway.to_string())?);
    assert!(!cluster.site.directors[0].has_address(&layout.gateway.to_string())?);
    // How long clients wait is the matter of failover.rs.
    cluster.probe()?;
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    Ok(())
}
