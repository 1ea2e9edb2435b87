//! Both planes: one director on XDP, the other on IPVS, with the same file; and both on one director.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::http::get;
use lb_tests::{
    Agent, Cluster, Layout, Mode, Need, WebServer, configurations, needs, skipped, wait_until,
};

use crate::agent::wait_for;
use crate::machine;

/// An emulated machine takes its time, for the verifier above all.
const PATIENCE: Duration = Duration::from_mins(3);

/// Both directors' configurations: the first serves by XDP, the second by IPVS.
fn pair(lb_algo: &str) -> [String; 2] {
    let [first, second] = configurations::demo(Mode::Dr);
    let with = |text: &str, mode: &str| {
        let text = text.replace("lb_algo wrr", &format!("lb_algo {lb_algo}"));
        let text = text.replace("delay_loop 6", "delay_loop 1");
        format!("global_defs {{\nxdp_mode {mode}\n}}\n{text}")
    };
    [with(&first, "auto"), with(&second, "off")]
}

/// The server of each client that has an address of its own.
fn servers(cluster: &Cluster, clients: &[IpAddr]) -> Result<Vec<String>> {
    let target = cluster.site.service();
    cluster.site.client.enter(|| {
        let server = |client: &IpAddr| Ok(get(target, Some(*client), PATIENCE)?.server);
        clients.iter().map(server).collect()
    })
}

/// The first director MASTER, by XDP, and the second one beside it.
fn start_both(cluster: &mut Cluster) -> Result<()> {
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.start(1)?;
    cluster
        .agent(1)?
        .wait_for("Entering BACKUP STATE", PATIENCE)?;
    let log = cluster.agent(0)?.log();
    ensure!(!log.contains("IPVS"), "the first serves by XDP:\n{log}");
    Ok(())
}

/// The first server of the file fails and comes back, and both directors have noticed.
fn fail_and_return(cluster: &mut Cluster) -> Result<()> {
    let server = cluster.site.layout.servers[0];
    let notice = |cluster: &mut Cluster, positions: [usize; 2], what: &str| {
        let line = format!("{what} service [{server}]:tcp:80");
        for (director, position) in positions.into_iter().enumerate() {
            let agent = cluster.agent(director)?;
            agent.wait_for_after(position, &line, PATIENCE)?;
        }
        anyhow::Ok(())
    };
    let positions = |cluster: &mut Cluster| -> Result<[usize; 2]> {
        Ok([cluster.agent(0)?.log().len(), cluster.agent(1)?.log().len()])
    };
    let before = positions(cluster)?;
    drop(cluster.site.web[0].take());
    notice(cluster, before, "Removing")?;
    let before = positions(cluster)?;
    let web = WebServer::start(&cluster.site.servers[0], "rs1", 200)?;
    cluster.site.web[0] = Some(web);
    notice(cluster, before, "Adding")
}

fn both_planes_choose_the_same_by(lb_algo: &str) -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs]) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), pair(lb_algo))?;
    let clients: Vec<IpAddr> = (20..44).map(|last| [192, 168, 159, last].into()).collect();
    for client in &clients {
        let client = format!("address add {client}/32 dev lo");
        cluster.site.client.ip(&client)?;
    }
    start_both(&mut cluster)?;
    let asked = |cluster: &Cluster| wait_until(PATIENCE, || servers(cluster, &clients).ok());
    let by_xdp = asked(&cluster).context("XDP does not serve")?;
    fail_and_return(&mut cluster)?;
    // What was logged is in the maps a moment later.
    let as_before = || (servers(&cluster, &clients).ok()? == by_xdp).then_some(());
    wait_until(PATIENCE, as_before).with_context(|| {
        let again = servers(&cluster, &clients);
        format!("XDP chooses otherwise than before: {by_xdp:?}\n{again:?}")
    })?;
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    cluster.wait_for_master(1)?;
    let by_ipvs = asked(&cluster).context("IPVS does not serve")?;
    ensure!(by_xdp == by_ipvs, "XDP {by_xdp:?}\nIPVS {by_ipvs:?}");
    let both = ["rs1", "rs2"].map(|name| by_xdp.iter().filter(|it| *it == name).count());
    ensure!(!both.contains(&0), "{both:?}");
    Ok(())
}

#[test]
fn both_planes_choose_the_same_servers_by_sh() -> Result<()> {
    both_planes_choose_the_same_by("sh")
}

#[test]
fn both_planes_choose_the_same_servers_by_mh() -> Result<()> {
    both_planes_choose_the_same_by("mh")
}

#[test]
fn new_connections_go_on_when_the_other_director_serves_by_the_other_plane() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs]) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), pair("wrr"))?;
    start_both(&mut cluster)?;
    let served = |cluster: &Cluster| -> Result<[usize; 2]> {
        let tally = cluster.requests(8)?;
        ensure!(tally.failures.is_empty(), "{:?}", tally.failures);
        Ok(["rs1", "rs2"].map(|name| tally.from(name)))
    };
    wait_until(PATIENCE, || served(&cluster).ok()).context("XDP does not serve")?;
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    cluster.wait_for_master(1)?;
    let both = wait_until(PATIENCE, || served(&cluster).ok()).context("IPVS does not serve")?;
    ensure!(both == [4, 4], "{both:?}");
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    wait_until(PATIENCE, || served(&cluster).ok()).context("XDP does not serve again")?;
    Ok(())
}

#[test]
fn connections_go_on_to_and_fro_by_mh() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs]) {
        return Ok(());
    }
    crate::synced::mixed_by_mh()
}

#[test]
fn a_sorry_server_on_another_port_of_this_host_is_ipvs_s_in_auto() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    machine.ip("link add name eth0 type veth peer name far")?;
    machine.ip("address add 192.0.2.1/24 dev eth0")?;
    for link in ["eth0", "far"] {
        machine.ip(&format!("link set {link} up"))?;
    }
    let server = |vip: &str, sorry: &str| {
        format!(
            "virtual_server {vip} 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
             sorry_server {sorry}\nalpha\nreal_server 192.0.2.77 80 {{\nTCP_CHECK {{\n\
             connect_timeout 1\n}}\n}}\n}}\n"
        )
    };
    let text = server("192.0.2.1", "127.0.0.1 8080") + &server("192.0.2.2", "192.0.2.50 80");
    let mut agent = Agent::start(&machine, &text)?;
    agent.wait_for(
        "virtual server [192.0.2.1]:tcp:80 is served by the kernel's IPVS: XDP has no way to port \
         8080 of 127.0.0.1",
        PATIENCE,
    )?;
    wait_for(
        &machine,
        &[
            "-A -t 192.0.2.1:80 -s rr",
            "-a -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 1",
        ],
    )
    .with_context(|| agent.log())?;
    // The maps may be there before the status file says who serves what.
    let mut seen = serde_json::Value::Null;
    let told = wait_until(PATIENCE, || {
        let dump = machine.enter(|| agent.dump("services --format json"));
        seen = serde_json::from_str(&dump.ok()?).ok()?;
        let planes: Vec<_> = seen["planes"].as_array().into_iter().flatten().collect();
        let names: Vec<_> = planes.iter().map(|it| it["plane"].as_str()).collect();
        (names == [Some("ipvs"), Some("xdp")]).then_some(())
    });
    ensure!(told.is_some(), "{seen:#}");
    Ok(())
}
