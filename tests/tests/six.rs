//! IPv6 through the XDP program: a client's requests cross the director's program and come back from
//! the real servers, which answer the client themselves (DR).

#[path = "six/failover.rs"]
mod failover;
#[path = "six/fragments.rs"]
mod fragments;
#[path = "six/held.rs"]
mod held;
#[path = "six/narrow.rs"]
mod narrow;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use held::Held;
use lb_tests::http::Tally;
use lb_tests::{Agent, Namespace, PATIENCE, Switch, WebServer, needs, skipped, wait_until};

/// Where the service is.
const SERVICE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
/// Who asks.
const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
/// The same host by another address of its network.
const OTHER_ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0xa, 0xb, 0xc, 0xd);

/// A director and two servers, as a `keepalived.conf`.
const CONFIGURATION: &str = "\
global_defs {
    xdp_mode native
}
virtual_server 2001:db8::100 80 {
    delay_loop 1
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 2001:db8::11 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
    real_server 2001:db8::12 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
}
";

/// A server that another machine leads to.
const BEHIND_A_ROUTE: &str = "\
global_defs {
    xdp_mode native
}
virtual_server 2001:db8::100 80 {
    delay_loop 1
    lvs_method DR
    protocol TCP
    real_server 2001:db8:1::11 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
}
";

/// One segment with a client, a director and two servers.
struct Network {
    // Before the machines: the agent ends before its namespace does.
    agent: Agent,
    client: Namespace,
    _web: [WebServer; 2],
    director: Namespace,
    servers: [Namespace; 2],
    segment: Switch,
}

impl Network {
    /// Builds it, and waits until the servers are in use.
    fn new(configuration: &str) -> Result<Self> {
        let network = Self::build(configuration, |director, _| add_service(director))?;
        network.wait_for_servers(2)?;
        Ok(network)
    }

    /// Builds it. Director and servers are given what `prepare` adds before there is an agent.
    fn build(
        configuration: &str,
        prepare: impl FnOnce(&Namespace, &[Namespace; 2]) -> Result<()>,
    ) -> Result<Self> {
        let segment = Switch::new("segment")?;
        let client = plug(&segment, "client", "50")?;
        let director = plug(&segment, "director", "1")?;
        let servers = servers(&segment)?;
        prepare(&director, &servers)?;
        let web = web(&servers)?;
        Ok(Self {
            agent: Agent::start(&director, configuration)?,
            client,
            _web: web,
            director,
            servers,
            segment,
        })
    }

    /// Waits until the way to so many servers is known.
    fn wait_for_servers(&self, count: usize) -> Result<()> {
        let ready = wait_until(PATIENCE, || {
            let backends = self.agent.dump("backends").ok()?;
            let ready = backends
                .lines()
                .filter(|line| line.trim_end().ends_with("ready"));
            (ready.count() == count).then_some(())
        });
        ready.with_context(|| format!("not at work: {}", self.agent.log()))
    }

    /// Waits until a request is served as it should be.
    fn wait_for_answer(&self, is_right: impl Fn(&Tally) -> bool) -> Result<()> {
        let served = wait_until(PATIENCE, || {
            let tally = self.requests(1).ok()?;
            is_right(&tally).then_some(())
        });
        served.with_context(|| format!("not served: {}", self.agent.log()))
    }

    /// What becomes of so many requests, one after another.
    fn requests(&self, count: usize) -> Result<Tally> {
        let target = SocketAddr::from((SERVICE, 80));
        self.client
            .enter(|| Ok(Tally::of(count, target, Some(CLIENT.into()))))
    }
}

/// A machine of the segment.
fn plug(segment: &Switch, label: &str, host: &str) -> Result<Namespace> {
    let machine = Namespace::new(label)?;
    // An address is of use at once, instead of being asked for first.
    machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
    machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
    segment.plug(&machine, "eth0", &format!("2001:db8::{host}/64"))?;
    Ok(machine)
}

/// The servers.
fn servers(segment: &Switch) -> Result<[Namespace; 2]> {
    let servers = [plug(segment, "rs1", "11")?, plug(segment, "rs2", "12")?];
    // At `lo` nobody is told of it: to the segment it is the director's alone.
    for server in &servers {
        server.ip(&format!("address add {SERVICE}/128 dev lo nodad"))?;
    }
    Ok(servers)
}

/// What they serve.
fn web([first, second]: &[Namespace; 2]) -> Result<[WebServer; 2]> {
    Ok([
        WebServer::start(first, "rs1", 200)?,
        WebServer::start(second, "rs2", 200)?,
    ])
}

/// Gives the director the virtual address. Deprecated, as keepalived makes a /128: what this host asks
/// has its own address.
fn add_service(director: &Namespace) -> Result<()> {
    director.ip(&format!(
        "address add {SERVICE}/128 dev eth0 nodad preferred_lft 0"
    ))?;
    Ok(())
}

#[test]
fn requests_over_ipv6_are_served_by_both_servers_which_see_the_client() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new(CONFIGURATION)?;
    let tally = network.requests(100)?;
    ensure!(tally.failures.is_empty(), "{tally:?}");
    for server in ["rs1", "rs2"] {
        // Each CPU takes turns of its own, and may stop in the middle of a round.
        ensure!(tally.from(server).abs_diff(50) <= 4, "{tally:?}");
    }
    ensure!(tally.clients[&IpAddr::V6(CLIENT)] == 100);
    let services = network.agent.dump("services")?;
    ensure!(services.contains("[2001:db8::100]:80 rr"), "{services}");
    ensure!(services.contains("[2001:db8::11]:80"), "{services}");
    let connections = network.agent.dump("connections")?;
    let of_client = connections
        .lines()
        .filter(|line| line.contains("[2001:db8::50]:") && line.contains("[2001:db8::100]:80"));
    ensure!(of_client.count() > 90, "{connections}");
    Ok(())
}

#[test]
fn a_network_of_ipv6_clients_stays_with_its_server() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let persistent = "protocol TCP\n    persistence_timeout 50\n    persistence_granularity 64";
    let network = Network::new(&CONFIGURATION.replace("protocol TCP", persistent))?;
    let client = &network.client;
    client.ip(&format!("address add {OTHER_ADDRESS}/64 dev eth0 nodad"))?;
    let tally = network.requests(20)?;
    ensure!(
        tally.failures.is_empty() && tally.served.len() == 1,
        "{tally:?}"
    );
    let target = SocketAddr::from((SERVICE, 80));
    let other = client.enter(|| Ok(Tally::of(20, target, Some(OTHER_ADDRESS.into()))))?;
    ensure!(
        other.failures.is_empty() && other.served == tally.served,
        "{other:?} and {tally:?}"
    );
    let known = network.agent.dump("connections")?;
    let template = |line: &&str| line.contains(" NONE ") && line.contains("[2001:db8::]:0");
    ensure!(known.lines().filter(template).count() == 1, "{known}");
    Ok(())
}

#[test]
fn an_agent_that_is_replaced_keeps_the_connections_of_ipv6() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new(CONFIGURATION)?;
    ensure!(network.requests(4)?.failures.is_empty());
    // One for each server.
    let open = || network.client.enter(Held::open);
    let mut held = [open()?, open()?];
    let Network {
        agent,
        client,
        _web,
        director,
        servers: _servers,
        segment: _segment,
    } = network;
    // Killed: program and maps stay, and go on.
    agent.kill()?;
    let target = SocketAddr::from((SERVICE, 80));
    let requests = || client.enter(|| Ok(Tally::of(20, target, Some(CLIENT.into()))));
    let without = requests()?;
    ensure!(without.failures.is_empty(), "without an agent: {without:?}");
    for held in &mut held {
        held.ask().context("without an agent")?;
    }
    let agent = Agent::start(&director, CONFIGURATION)?;
    let adopted = wait_until(Duration::from_secs(30), || {
        let connections = agent.dump("connections").ok()?;
        (connections.matches("[2001:db8::50]:").count() > 10).then_some(())
    });
    ensure!(adopted.is_some(), "{:?}", agent.dump("connections"));
    let after = requests()?;
    ensure!(after.failures.is_empty(), "{after:?}: {}", agent.log());
    for held in &mut held {
        held.ask().with_context(|| agent.log())?;
    }
    Ok(())
}

#[test]
fn an_address_of_ipv6_that_comes_after_the_agent_is_served() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::build(CONFIGURATION, |_, _| Ok(()))?;
    // The service is there, its address is not.
    let known = wait_until(PATIENCE, || {
        let services = network.agent.dump("services").ok()?;
        services.contains("[2001:db8::11]:80").then_some(())
    });
    known.with_context(|| network.agent.log())?;
    add_service(&network.director)?;
    network.wait_for_servers(2)?;
    network.wait_for_answer(|tally| tally.failures.is_empty())
}

#[test]
fn a_server_of_ipv6_gets_its_packets_by_another_next_hop_when_its_route_changes() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::build(BEHIND_A_ROUTE, |director, servers| {
        // Whoever gets the packet is the server, and says who it is.
        for server in servers {
            server.ip("address add 2001:db8:1::11/128 dev lo nodad")?;
        }
        director.ip("-6 route add 2001:db8:1::11/128 via 2001:db8::11")?;
        add_service(director)
    })?;
    network.wait_for_servers(1)?;
    network.wait_for_answer(|tally| tally.from("rs1") == 1)?;
    network
        .director
        .ip("-6 route replace 2001:db8:1::11/128 via 2001:db8::12")?;
    network.wait_for_answer(|tally| tally.from("rs2") == 1)
}
