//! The virtual address on a VLAN.

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Capture, Cluster, Mode, Need, PATIENCE, skipped, wait_until};

use crate::cannot_run;
use crate::stage::{INSIDE, OUTSIDE, cluster, offload, serves, vlan};

/// The first director with its address on a VLAN.
fn tagged(mode: Mode) -> Result<Cluster> {
    let cluster = cluster(mode, &format!("ens33.{OUTSIDE}"))?;
    let director = &cluster.site.directors[0];
    let [address, _] = cluster.site.layout.outside.directors;
    vlan(director, "ens33", OUTSIDE, &address.to_string())?;
    Ok(cluster)
}

#[test]
fn in_native_mode_the_interface_below_serves_a_vlan_and_frames_leave_with_its_tag() -> Result<()> {
    if cannot_run() || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    for mode in [Mode::Dr, Mode::Tun, Mode::Nat] {
        let mut cluster = tagged(mode)?;
        cluster.start(0)?;
        let said = "ens33.10 is VLAN 10 of ens33: the XDP program on ens33 (native) has its frames";
        cluster.agent(0)?.wait_for(said, PATIENCE)?;
        let inside = cluster.site.inside.as_ref();
        let (wire, id) = inside.map_or((&cluster.site.outside, OUTSIDE), |it| (it, INSIDE));
        let filter = format!("vlan {id} and (tcp dst port 80 or ip proto 4)");
        let capture = Capture::start(wire.namespace(), "director1", "in", &filter)?;
        serves(&mut cluster).with_context(|| mode.to_string())?;
        let director = &cluster.site.directors[0];
        ensure!(director.program("ens33")?.as_deref() == Some("xdp"));
        ensure!(director.program("ens33.10")?.is_none());
        let frames = capture.finish()?;
        ensure!(frames.len() > 100, "{mode}: {} frames", frames.len());
        let services = cluster.agent(0)?.dump("services")?;
        let how = "native mode on ens33: ens33.10 is VLAN 10 of ens33";
        ensure!(services.contains(how), "{services}");
        let exit = cluster.take(0)?.terminate()?;
        ensure!(exit.status.success(), "{}", exit.log);
        cluster.site.directors[0].wait_until_free("ens33")?;
    }
    Ok(())
}

#[test]
fn where_the_card_takes_tags_off_a_vlan_has_generic_mode_and_is_told_how_to_have_native()
-> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let mut cluster = tagged(Mode::Dr)?;
    offload(&cluster.site.directors[0], "ens33", "rxvlan on")?;
    // Merged packets fit no MTU.
    offload(&cluster.site.directors[0], "ens33", "gro off")?;
    cluster.start(0)?;
    let why = "ens33.10 is VLAN 10 of ens33, and ens33 takes VLAN tags off before a native program sees \
               them; `ethtool -K ens33 rxvlan off` makes native mode possible";
    let said = format!("XDP program attached to ens33.10 (generic): {why}");
    cluster.agent(0)?.wait_for(&said, PATIENCE)?;
    serves(&mut cluster)?;
    let services = cluster.agent(0)?.dump("services")?;
    ensure!(
        services.contains(&format!("generic mode: {why}")),
        "{services}"
    );
    ensure!(cluster.site.directors[0].program("ens33")?.is_none());
    // A reload looks again.
    offload(&cluster.site.directors[0], "ens33", "rxvlan off")?;
    let text = cluster.configurations[0].clone();
    cluster.agent(0)?.reload(&text)?;
    cluster
        .agent(0)?
        .wait_for("the XDP program on ens33 (native) has its frames", PATIENCE)?;
    let director = &cluster.site.directors[0];
    wait_until(PATIENCE, || {
        director.program("ens33.10").ok()?.is_none().then_some(())
    })
    .context("the generic program stays")?;
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_vlan_that_goes_and_comes_back_is_served_again() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let mut cluster = tagged(Mode::Dr)?;
    cluster.start(0)?;
    serves(&mut cluster)?;
    let director = &cluster.site.directors[0];
    director.ip("link delete dev ens33.10")?;
    cluster
        .agent(0)?
        .wait_for("has no interface to serve on", PATIENCE)?;
    let position = cluster.agent(0)?.log().len();
    let director = &cluster.site.directors[0];
    director.wait_until_free("ens33")?;
    let [address, _] = cluster.site.layout.outside.directors;
    vlan(director, "ens33", OUTSIDE, &address.to_string())?;
    let said = "the XDP program on ens33 (native) has its frames";
    cluster.agent(0)?.wait_for_after(position, said, PATIENCE)?;
    cluster
        .agent(0)?
        .wait_for_after(position, "Entering MASTER STATE", PATIENCE)?;
    cluster.probe()?;
    Ok(())
}

#[test]
fn the_next_agent_takes_a_vlan_over_as_the_one_before_has_left_it() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let mut cluster = tagged(Mode::Dr)?;
    cluster.start(0)?;
    serves(&mut cluster)?;
    cluster.take(0)?.kill()?;
    let director = &cluster.site.directors[0];
    ensure!(director.program("ens33")?.as_deref() == Some("xdp"));
    cluster.start(0)?;
    let agent = cluster.agent(0)?;
    agent.wait_for("adopted the data plane of an earlier agent", PATIENCE)?;
    serves(&mut cluster)?;
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    cluster.site.directors[0].wait_until_free("ens33")
}
