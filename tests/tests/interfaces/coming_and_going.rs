//! Interfaces and addresses that come and go while the agent runs.

use anyhow::{Context, Result};
use lb_tests::{
    Agent, Cluster, Layout, Mode, PATIENCE, configurations, needs, skipped, wait_until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn an_address_that_comes_later_is_served_and_its_absence_is_said_with_what_to_do() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = without_vrrp()?;
    cluster.start(0)?;
    cluster.agent(0)?.wait_for(
        "virtual server [192.168.159.200]:tcp:80 has no interface to serve on: 192.168.159.200 is \
         on no interface",
        PATIENCE,
    )?;
    let director = &cluster.site.directors[0];
    assert_eq!(
        director.program("ens33")?.as_deref(),
        Some("xdp"),
        "the way to the servers"
    );
    director.ip("address add 192.168.159.200/32 dev ens37")?;
    cluster.agent(0)?.wait_for(
        "virtual server [192.168.159.200]:tcp:80 has an interface to serve on now",
        PATIENCE,
    )?;
    let director = &cluster.site.directors[0];
    assert_eq!(director.program("ens37")?.as_deref(), Some("xdp"));
    Ok(())
}

#[test]
fn an_interface_that_goes_and_comes_back_gets_the_program_again() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    let director = &cluster.site.directors[0];
    director.ip("link delete dev ens33")?;
    cluster
        .agent(0)?
        .wait_for("has no interface to serve on", PATIENCE)?;
    cluster
        .site
        .outside
        .plug(&cluster.site.directors[0], "ens33", "192.168.159.103/24")?;
    let director = &cluster.site.directors[0];
    wait_until(PATIENCE, || director.program("ens33").ok()?)
        .context("the program is not on the new interface")?;
    Ok(())
}

#[test]
fn another_interface_with_the_number_of_the_old_one_gets_the_program_too() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = without_vrrp()?;
    let virtual_address = cluster.site.layout.virtual_address;
    let make = |cluster: &Cluster| -> Result<()> {
        let director = &cluster.site.directors[0];
        director.ip("link add name vip0 index 77 type veth peer name vip1")?;
        director.ip("link set dev vip0 up")?;
        director.ip("link set dev vip1 up")?;
        director.ip(&format!("address add {virtual_address}/32 dev vip0"))?;
        Ok(())
    };
    make(&cluster)?;
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("XDP program attached to vip0", PATIENCE)?;
    // The agent hears of both in one breath.
    signal(cluster.agent(0)?, Signal::SIGSTOP)?;
    cluster.site.directors[0].ip("link delete dev vip0")?;
    make(&cluster)?;
    signal(cluster.agent(0)?, Signal::SIGCONT)?;
    let director = &cluster.site.directors[0];
    wait_until(PATIENCE, || director.program("vip0").ok()?)
        .context("the program is not on the new interface")?;
    Ok(())
}

/// The demo's network with a director that has a second interface, `ens37`, and no VRRP; no agent
/// runs yet.
fn without_vrrp() -> Result<Cluster> {
    let [text, _] = configurations::demo(Mode::Dr);
    let (global, rest) = text
        .split_once("vrrp_instance VI_1")
        .context("no vrrp_instance")?;
    let (_, servers) = rest
        .split_once("virtual_server")
        .context("no virtual_server")?;
    let text = format!("{global}virtual_server{servers}");
    let layout = Layout {
        heartbeat: Layout::demo(Mode::Nat).inside,
        ..Layout::demo(Mode::Dr)
    };
    Cluster::new(layout, [text, String::new()])
}

/// Stops the agent's process or lets it go on.
fn signal(agent: &Agent, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(agent.id())?), signal)?)
}
