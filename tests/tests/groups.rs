//! A `virtual_server_group` is one service of XDP: its addresses and ports share servers, turns and
//! clients, and each of them answers in its own name.

#[path = "six/held.rs"]
mod held;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};

use held::Held;
use lb_tests::http::Tally;
use lb_tests::{Agent, Layout, Mode, PATIENCE, Site, needs, skipped, wait_until};

/// An address of the group.
const SERVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 159, 200);

/// All addresses of the director that groups here have.
const ADDRESSES: [u8; 4] = [200, 201, 202, 203];

/// Three addresses with one port, and one of them with another.
const GROUP: &str = "192.168.159.200-202 80\n192.168.159.200 443\n";

/// A group of these lines, whose servers know nothing of its addresses.
fn text(lines: &str, more: &str) -> String {
    let server = |last: u8| {
        format!("real_server 192.168.160.{last} 80 {{\nTCP_CHECK {{\nconnect_timeout 2\n}}\n}}\n")
    };
    format!(
        "global_defs {{\nxdp_mode native\n}}\nvirtual_server_group web {{\n{lines}}}\n\
         virtual_server group web {{\ndelay_loop 1\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n\
         {more}{}{}}}\n",
        server(105),
        server(106)
    )
}

/// A director with all addresses, and an agent whose servers are in use.
fn start(site: &Site, text: &str) -> Result<Agent> {
    let [director, _] = &site.directors;
    for last in ADDRESSES {
        director.ip(&format!("address add 192.168.159.{last}/24 dev ens33"))?;
    }
    let gateway = site.layout.gateway;
    director.ip(&format!("address add {gateway}/24 dev ens37"))?;
    let agent = Agent::start(director, text)?;
    wait_for_servers(&agent)?;
    Ok(agent)
}

/// Waits until the way to both servers is known. They have one slot each, however many addresses there are.
fn wait_for_servers(agent: &Agent) -> Result<()> {
    let ready = wait_until(PATIENCE, || {
        let backends = agent.dump("backends").ok()?;
        let ready = backends
            .lines()
            .filter(|line| line.trim_end().ends_with("ready"));
        (ready.count() == 2).then_some(())
    });
    ready.with_context(|| format!("{:?}: {}", agent.dump("backends"), agent.log()))
}

fn requests(site: &Site, count: usize, last: u8, port: u16) -> Result<Tally> {
    let target = SocketAddr::from(([192, 168, 159, last], port));
    site.client.enter(|| Ok(Tally::of(count, target, None)))
}

/// Waits until an address and port of the group answer, or do not.
fn wait_for(site: &Site, agent: &Agent, (last, port): (u8, u16), answers: bool) -> Result<()> {
    let seen = wait_until(PATIENCE, || {
        let tally = requests(site, 1, last, port).ok()?;
        (tally.failures.is_empty() == answers).then_some(())
    });
    seen.with_context(|| format!("192.168.159.{last} {port}: {}", agent.log()))
}

#[test]
fn whichever_of_its_addresses_is_asked_answers_by_servers_that_all_of_them_share() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Nat))?;
    let agent = start(&site, &text(GROUP, ""))?;
    let mut first = 0;
    for (last, port) in [(200, 80), (201, 80), (202, 80), (200, 443)] {
        let tally = requests(&site, 20, last, port)?;
        ensure!(
            tally.failures.is_empty(),
            "{last} {port}: {tally:?}: {}",
            agent.log()
        );
        first += tally.from("rs1");
    }
    // Each CPU takes turns of its own.
    ensure!(first.abs_diff(40) <= 4, "{first} of 80");
    let services = agent.dump("services")?;
    let lines: Vec<&str> = services.lines().map(str::trim).collect();
    for line in [
        "TCP  group web rr",
        "192.168.159.200-202 80",
        "192.168.159.200 443",
    ] {
        ensure!(lines.contains(&line), "no `{line}` in {services}");
    }
    ensure!(
        services.matches("192.168.160.105:80").count() == 1,
        "{services}"
    );
    let connections = agent.dump("connections")?;
    for asked in [
        "192.168.159.201:80",
        "192.168.159.202:80",
        "192.168.159.200:443",
    ] {
        ensure!(connections.contains(asked), "no {asked} in {connections}");
    }
    let backends = agent.dump("backends --vip 192.168.159.202:80")?;
    ensure!(backends.contains("192.168.160.106:80"), "{backends}");
    Ok(())
}

#[test]
fn a_client_comes_to_one_server_by_any_port_and_address_of_the_group() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Nat))?;
    let agent = start(&site, &text(GROUP, "persistence_timeout 50\n"))?;
    let mut servers = Vec::new();
    for (last, port) in [(200, 80), (200, 443), (202, 80), (201, 80)] {
        let tally = requests(&site, 5, last, port)?;
        ensure!(tally.failures.is_empty(), "{tally:?}: {}", agent.log());
        servers.extend(tally.served.into_keys());
    }
    servers.dedup();
    ensure!(servers.len() == 1, "{servers:?}");
    let known = agent.dump("connections")?;
    let templates = known.lines().filter(|line| line.contains(" NONE "));
    ensure!(templates.count() == 1, "{known}");
    Ok(())
}

#[test]
fn addresses_come_and_go_and_connections_of_the_others_stay() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Nat))?;
    let agent = start(&site, &text(GROUP, ""))?;
    let mut held = site.client.enter(Held::open)?;
    // Before the one that stays, and it is not the first any more.
    let moved = text("192.168.159.203 80\n192.168.159.200 80\n", "");
    agent.reload(&moved)?;
    wait_for(&site, &agent, (203, 80), true)?;
    wait_for(&site, &agent, (201, 80), false)?;
    held.ask().with_context(|| agent.log())?;
    // The next agent finds the group as it was left.
    agent.kill()?;
    held.ask().context("without an agent")?;
    let [director, _] = &site.directors;
    let agent = Agent::start(director, &moved)?;
    let adopted = wait_until(PATIENCE, || {
        let services = agent.dump("services").ok()?;
        (services.contains("TCP  group web rr") && services.contains("192.168.159.203 80"))
            .then_some(())
    });
    adopted.with_context(|| agent.log())?;
    wait_for(&site, &agent, (203, 80), true)?;
    held.ask().with_context(|| agent.log())?;
    Ok(())
}
