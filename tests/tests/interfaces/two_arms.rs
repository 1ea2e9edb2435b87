//! The servers stand on a segment of their own: packets come by one interface and leave by
//! another. The servers answer the client directly, who has a foot in both segments.

use anyhow::{Context, Result};
use lb_tests::{
    Cluster, Layout, Mode, Namespace, PATIENCE, built, configurations, needs, skipped, wait_until,
};

#[test]
fn packets_leave_by_the_interface_of_the_servers_which_carries_the_program_too() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in [Mode::Dr, Mode::Tun] {
        let mut cluster = two_arms(mode, |text| text)?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.probe()?;
        let director = &cluster.site.directors[0];
        assert_eq!(director.program("ens33")?.as_deref(), Some("xdp"));
        assert_eq!(director.program("ens37")?.as_deref(), Some("xdp"));
        let tally = cluster.requests(50)?;
        assert_eq!(tally.failures, Vec::<String>::new(), "{mode}");
        assert!(tally.from("rs1").abs_diff(25) <= 3, "{tally:?}");
        let exit = cluster.take(0)?.terminate()?;
        assert!(exit.status.success(), "{}", exit.log);
        let director = &cluster.site.directors[0];
        director.wait_until_free("ens37")?;
    }
    Ok(())
}

#[test]
fn behind_a_bridge_servers_are_unready_and_generic_mode_reaches_them() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = two_arms(Mode::Dr, |text| text)?;
    put_on_a_bridge(&cluster.site.directors[0])?;
    let server = cluster.site.layout.servers[0];
    cluster.start(0)?;
    let why = "inside0 takes packets of other interfaces only beside a native XDP program of its own, \
               and has none: inside0 is a bridge, where the kernel has no native XDP";
    let said = format!(
        "{server} cannot be reached by XDP: its packets are dropped, new connections go to others \
         where there are any: {why}"
    );
    cluster.agent(0)?.wait_for(&said, PATIENCE)?;
    let unready = || {
        let backends = cluster.agent(0).ok()?.dump("backends").ok()?;
        let unready = backends.lines().filter(|line| line.contains(why)).count();
        (unready == 2 && backends.contains("unresolved")).then_some(())
    };
    wait_until(PATIENCE, unready).context("`dump backends` does not say why")?;
    cluster.take(0)?.terminate()?;

    let [first, _] = &mut cluster.configurations;
    *first = first.replace("global_defs {", "global_defs {\n   xdp_mode generic");
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_veth_whose_other_end_does_not_listen_is_said_and_used_when_it_does() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = two_arms(Mode::Dr, |text| text)?;
    let inside = cluster.site.inside.as_ref().context("no inside")?;
    let inside = inside.namespace().name().to_owned();
    let on_port = |what: &str| -> Result<()> {
        let arguments = format!("-n {inside} link set dev director1 {what}");
        let arguments = arguments.split_whitespace();
        lb_tests::checked(std::process::Command::new("ip").args(arguments))?;
        Ok(())
    };
    on_port("xdp off")?;
    let server = cluster.site.layout.servers[0];
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("the other end of ens37, a veth, takes packets", PATIENCE)?;
    let object = built::bpf_object("pass")?;
    let object = object.to_str().context("a path that is not UTF-8")?;
    on_port(&format!("xdp obj {object} sec xdp"))?;
    let said = format!("{server} can be reached by XDP now");
    cluster.agent(0)?.wait_for(&said, PATIENCE)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    Ok(())
}

#[test]
fn xdp_interfaces_keeps_the_program_off_the_servers_interface() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let named =
        |text: String| text.replace("global_defs {", "global_defs {\n   xdp_interfaces ens33");
    let mut cluster = two_arms(Mode::Dr, named)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    // A veth takes packets without a program of its own.
    cluster.probe()?;
    let director = &cluster.site.directors[0];
    assert_eq!(director.program("ens33")?.as_deref(), Some("xdp"));
    assert_eq!(director.program("ens37")?, None);
    Ok(())
}

/// The network of the demo with the servers on the inside; no agent runs yet.
fn two_arms(mode: Mode, change: impl Fn(String) -> String) -> Result<Cluster> {
    let demo = Layout::demo(Mode::Nat);
    let layout = Layout { mode, ..demo };
    let kind = format!("lb_kind {mode}");
    let configurations =
        configurations::demo(Mode::Nat).map(|text| change(text.replace("lb_kind NAT", &kind)));
    let cluster = Cluster::new(layout, configurations)?;
    let inside = cluster.site.inside.as_ref().context("no inside")?;
    inside.plug(&cluster.site.client, "eth1", "192.168.160.50/24")?;
    for server in &cluster.site.servers {
        server.ip("route add 192.168.159.0/24 via 192.168.160.50")?;
    }
    Ok(cluster)
}

/// Puts `ens37` on a bridge `inside0`, which takes over its name in the configuration as well: the
/// addresses move.
fn put_on_a_bridge(director: &Namespace) -> Result<()> {
    director.ip("link add inside0 type bridge stp_state 0 mcast_snooping 0")?;
    director.ip("link set dev inside0 up")?;
    director.ip("address flush dev ens37")?;
    director.ip("link set dev ens37 master inside0")?;
    director.ip("address add 192.168.160.103/24 dev inside0")?;
    Ok(())
}
