//! What the agent asks of the kernel beside services: sync daemons, marks; and a socket that is
//! overrun.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::dataplane::ipvs::desired::{Desired, Service};
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_tests::{Agent, Layout, Mode, Namespace, Need, Site, skipped, wait_until};
use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

use crate::agent::PLAIN;
use crate::ipvsadm::{ipvsadm, saved};
use crate::machine;
use crate::samples::{plain, web};
use crate::synced::{converse, say};
use crate::traffic::mark;

const PATIENCE: Duration = Duration::from_mins(1);

fn daemons(machine: &Namespace) -> Result<String> {
    machine.enter(|| ipvsadm("-L --daemon"))
}

fn wait_for_daemon(machine: &Namespace, agent: &Agent, what: &str) -> Result<()> {
    let there = wait_until(PATIENCE, || {
        let found = daemons(machine).ok()?;
        (found.trim().contains(what) && found.lines().count() == what.lines().count()).then_some(())
    });
    ensure!(
        there.is_some(),
        "{what}: {}\n{}",
        daemons(machine)?,
        agent.log()
    );
    Ok(())
}

#[test]
fn the_sync_daemon_follows_the_instance_and_is_started_again() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    machine.ip("link add name eth0 type veth peer name far")?;
    machine.ip("address add 192.0.2.7/24 dev eth0")?;
    for link in ["eth0", "far"] {
        machine.ip(&format!("link set {link} up"))?;
    }
    let instance = "vrrp_instance VI_1 {\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\n\
                    priority 100\nadvert_int 1\nlvs_sync_daemon_interface eth0\n\
                    virtual_ipaddress {\n192.0.2.1\n}\n}\n";
    let mut agent = Agent::start(&machine, &format!("{PLAIN}{instance}"))?;
    wait_for_daemon(
        &machine,
        &agent,
        "backup sync daemon (mcast=eth0, syncid=51",
    )?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    wait_for_daemon(
        &machine,
        &agent,
        "master sync daemon (mcast=eth0, syncid=51",
    )?;
    machine.enter(|| ipvsadm("--stop-daemon master"))?;
    agent.wait_for("somebody has changed IPVS's sync daemons", PATIENCE)?;
    wait_for_daemon(
        &machine,
        &agent,
        "master sync daemon (mcast=eth0, syncid=51",
    )?;
    agent.terminate()?;
    let left = daemons(&machine)?;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

/// A rule of the operator or of ours marks what belongs together.
pub(crate) fn site(needs: &[Need]) -> Result<Option<Site>> {
    if skipped(&crate::SITE) || skipped(needs) {
        return Ok(None);
    }
    let site = Site::new(Layout::demo(Mode::Dr))?;
    let vip = site.layout.virtual_address;
    site.directors[0].ip(&format!("address add {vip}/24 dev ens33"))?;
    Ok(Some(site))
}

pub(crate) fn wait_until_served(site: &Site, agent: &Agent) -> Result<()> {
    let target = site.service();
    let served = wait_until(PATIENCE, || {
        let tally = site
            .client
            .enter(|| Ok(lb_tests::http::Tally::of(4, target, None)))
            .ok()?;
        (tally.failures.is_empty() && tally.from("rs1") == 2).then_some(())
    });
    ensure!(served.is_some(), "{}", agent.log());
    Ok(())
}

#[test]
fn the_operators_marks_are_served_for_two_ports_together() -> Result<()> {
    let Some(site) = site(&[Need::Program("iptables-legacy")])? else {
        return Ok(());
    };
    for port in [80, 443] {
        mark(&site, port, 6)?;
    }
    two_ports_together(&site)
}

/// Ports 80 and 443 bear mark 6: a client has the same server for both.
pub(crate) fn two_ports_together(site: &Site) -> Result<()> {
    let [one, two] = site.layout.servers;
    let text = format!(
        "virtual_server fwmark 6 {{\nlb_algo rr\nlb_kind DR\npersistence_timeout 60\n\
         real_server {one} 0 {{\n}}\nreal_server {two} 0 {{\n}}\n}}\n"
    );
    for (number, server) in (1..).zip(&site.servers) {
        converse(server, 443, number)?;
    }
    let clients: Vec<IpAddr> = (60..66).map(|last| [192, 168, 159, last].into()).collect();
    for client in &clients {
        site.client.ip(&format!("address add {client}/32 dev lo"))?;
    }
    let mut agent = Agent::start(&site.directors[0], &text)?;
    agent.wait_for(
        "virtual server FWM 6 is served by the kernel's IPVS: it sees a packet before a firewall \
         marks it",
        PATIENCE,
    )?;
    let served = wait_until(PATIENCE, || servers_of(site, &clients).ok());
    let served = match served {
        Some(served) => served,
        None => servers_of(site, &clients).with_context(|| agent.log())?,
    };
    let same = |it: &(String, u8)| it.0 == format!("rs{}", it.1);
    ensure!(served.iter().all(same), "{served:?}");
    let both = ["rs1", "rs2"].map(|name| served.iter().filter(|it| it.0 == name).count());
    ensure!(!both.contains(&0), "{both:?}");
    let dump = site.directors[0].enter(|| agent.dump("services"))?;
    ensure!(dump.contains("FWM  6 rr persistent 60"), "{dump}");
    Ok(())
}

/// Who serves port 80, and who port 443, of each client.
fn servers_of(site: &Site, clients: &[IpAddr]) -> Result<Vec<(String, u8)>> {
    let target = site.service();
    let both = |client: &IpAddr| {
        let web = lb_tests::http::get(target, Some(*client), Duration::from_secs(5))?.server;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(*client, 0).into())?;
        let secure = SocketAddr::new(target.ip(), 443);
        socket.connect_timeout(&secure.into(), Duration::from_secs(5))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok((web, say(&TcpStream::from(socket))?))
    };
    site.client.enter(|| clients.iter().map(both).collect())
}

#[test]
fn refusals_that_overrun_the_socket_are_found_out_and_mended() -> Result<()> {
    const ROOM: &str = "/proc/sys/net/core/rmem_default";
    let Some(machine) = machine()? else {
        return Ok(());
    };
    let before = fs::read_to_string(ROOM)?;
    fs::write(ROOM, "2304")?;
    let opened = machine.enter(|| Ok(Plane::open()?));
    fs::write(ROOM, before.trim())?;
    let mut plane = opened?;
    let service = |last: u8, scheduler: &str| Service {
        settings: plain(web(last), scheduler),
        servers: Vec::new(),
    };
    let all = |scheduler: &str| Desired {
        services: (1..=200).map(|last| service(last, scheduler)).collect(),
    };
    machine.enter(|| {
        let overrun = plane.apply(&all("nonsense"));
        let overrun = overrun.err().context("200 refusals fit into 2304 bytes")?;
        ensure!(overrun.errno() == Some(Errno::ENOBUFS), "{overrun}");
        // The next one finds out what is so.
        let outcome = plane.apply(&all("rr"));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(_again) => plane.apply(&all("rr"))?,
        };
        ensure!(outcome.refused.is_empty(), "{:?}", outcome.refused);
        ensure!(saved()?.len() == 200);
        Ok(())
    })
}
