//! The virtual address on a bond, and on a VLAN of one.

use anyhow::{Result, ensure};
use lb_tests::{Cluster, Mode, Namespace, Need, PATIENCE, skipped};

use crate::cannot_run;
use crate::stage::{OUTSIDE, cluster, offload, serves, vlan};

/// The first director with `ens33` in a bond, and its address on a VLAN of that.
fn tagged_bond() -> Result<Cluster> {
    let cluster = cluster(Mode::Dr, &format!("bond0.{OUTSIDE}"))?;
    let director = &cluster.site.directors[0];
    bond(director)?;
    let [address, _] = cluster.site.layout.outside.directors;
    vlan(director, "bond0", OUTSIDE, &address.to_string())?;
    Ok(cluster)
}

/// Puts `ens33` into a new bond, `bond0`.
fn bond(director: &Namespace) -> Result<()> {
    director.ip("address flush dev ens33")?;
    director.ip("link add bond0 type bond mode active-backup miimon 100")?;
    director.ip("link set dev ens33 down")?;
    director.ip("link set dev ens33 master bond0")?;
    director.ip("link set dev bond0 up")?;
    offload(director, "ens33", "rxvlan off")
}

#[test]
fn a_vlan_of_a_bond_is_served_by_the_program_on_the_bond() -> Result<()> {
    if cannot_run() || skipped(&[Need::Bonding]) {
        return Ok(());
    }
    let mut cluster = tagged_bond()?;
    cluster.start(0)?;
    let said = "bond0.10 is VLAN 10 of bond0: the XDP program on bond0 (native) has its frames";
    cluster.agent(0)?.wait_for(said, PATIENCE)?;
    serves(&mut cluster)?;
    let director = &cluster.site.directors[0];
    ensure!(director.program("bond0.10")?.is_none());
    Ok(())
}

#[test]
fn a_port_that_joins_the_bond_while_it_serves_brings_the_frames_of_the_vlan_too() -> Result<()> {
    if cannot_run() || skipped(&[Need::Bonding]) {
        return Ok(());
    }
    let mut cluster = tagged_bond()?;
    cluster.start(0)?;
    serves(&mut cluster)?;
    // Another cable to the same switch, and the first one is cut.
    let director = &cluster.site.directors[0];
    let switch = cluster.site.outside.namespace();
    director.ip(&format!(
        "link add name ens34 type veth peer name second netns {}",
        switch.name()
    ))?;
    for (machine, interface, what) in [
        (director, "ens34", "tx off rxvlan off"),
        (switch, "second", "txvlan off"),
    ] {
        offload(machine, interface, what)?;
    }
    switch.ip("link set dev second master switch up")?;
    lb_tests::load(switch, "second", "pass")?;
    director.ip("link set dev ens34 master bond0")?;
    director.ip("link set dev ens33 down")?;
    cluster.probe()?;
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    Ok(())
}
