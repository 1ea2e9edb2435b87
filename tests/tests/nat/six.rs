//! NAT of IPv6 with real traffic: the servers have ports and addresses of their own, and the answers come back
//! through the director, by the interface of the clients or by another one.

mod paths;
mod streams;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use lb_tests::http::Tally;
use lb_tests::{
    Agent, Capture, Namespace, Need, PATIENCE, Switch, WebServer, needs, skipped, wait_until,
};

/// Where the services are.
const SERVICE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
/// Who asks.
const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
/// Where the servers are.
const SERVERS: [&str; 2] = ["fd00:1::11", "fd00:1::12"];

/// A director and two servers, as a `keepalived.conf`; a web site, streams, datagrams, and a port where
/// nobody listens.
const CONFIGURATION: &str = "\
global_defs {
    xdp_mode native
}
virtual_server 2001:db8::100 80 {
    delay_loop 1
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server fd00:1::11 8080 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
    real_server fd00:1::12 8080 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
}
virtual_server 2001:db8::100 9 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server fd00:1::11 9009 {
    }
}
virtual_server 2001:db8::100 53 {
    lvs_sched rr
    lvs_method NAT
    protocol UDP
    real_server fd00:1::11 5353 {
    }
}
virtual_server 2001:db8::100 54 {
    lvs_sched rr
    lvs_method NAT
    protocol UDP
    real_server fd00:1::11 5454 {
    }
}
";

/// Servers of [`CONFIGURATION`], each as often as it is one.
const USES: usize = 5;

/// Where the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arms {
    /// On the link of the clients.
    One,
    /// On a link of their own.
    Two,
}

/// A client, a director and two servers.
struct Network {
    // Before the machines: the agent ends before its namespace does.
    agent: Agent,
    _web: [WebServer; 2],
    client: Namespace,
    director: Namespace,
    servers: [Namespace; 2],
    outside: Switch,
    _inside: Option<Switch>,
}

impl Network {
    /// Builds it, and waits until the servers are in use.
    fn new(arms: Arms) -> Result<Self> {
        let network = Self::build(arms, CONFIGURATION, |_, _, _| Ok(()))?;
        network.wait_for_servers(USES)?;
        Ok(network)
    }

    /// Builds it; `prepare` gets director, servers and the servers' switch before there is an agent.
    fn build(
        arms: Arms,
        configuration: &str,
        prepare: impl FnOnce(&Namespace, &[Namespace; 2], &Switch) -> Result<()>,
    ) -> Result<Self> {
        let outside = Switch::new("outside")?;
        let client = machine("client")?;
        outside.plug(&client, "eth0", "2001:db8::50/64")?;
        let director = machine("director")?;
        director.sysctl("ipv6.conf.all.forwarding", "1")?;
        outside.plug(&director, "eth0", "2001:db8::1/64")?;
        director.ip(&format!(
            "address add {SERVICE}/128 dev eth0 nodad preferred_lft 0"
        ))?;
        let inside = match arms {
            Arms::One => {
                director.ip("address add fd00:1::1/64 dev eth0 nodad")?;
                None
            }
            Arms::Two => {
                let inside = Switch::new("inside")?;
                inside.plug(&director, "eth1", "fd00:1::1/64")?;
                Some(inside)
            }
        };
        let servers = [machine("rs1")?, machine("rs2")?];
        let switch = inside.as_ref().unwrap_or(&outside);
        for (server, address) in servers.iter().zip(SERVERS) {
            switch.plug(server, "eth0", &format!("{address}/64"))?;
            server.ip("-6 route add default via fd00:1::1")?;
        }
        prepare(&director, &servers, switch)?;
        let [first, second] = &servers;
        let web = [
            WebServer::for_many(first, "rs1", 8080, 1024)?,
            WebServer::for_many(second, "rs2", 8080, 1024)?,
        ];
        Ok(Self {
            agent: Agent::start(&director, configuration)?,
            _web: web,
            client,
            director,
            servers,
            outside,
            _inside: inside,
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
        ready.with_context(|| {
            let backends = self.agent.dump("backends");
            format!("not at work: {backends:?} {}", self.agent.log())
        })
    }

    /// What becomes of so many requests, one after another.
    fn requests(&self, count: usize) -> Result<Tally> {
        let target = SocketAddr::from((SERVICE, 80));
        self.client
            .enter(|| Ok(Tally::of(count, target, Some(CLIENT.into()))))
    }

    /// How often the program has counted a reason.
    fn reason(&self, name: &str) -> Result<u64> {
        let dump = self.agent.dump("all")?;
        let mut lines = dump.lines().map(str::trim);
        let line = lines.find(|line| line.split_whitespace().next() == Some(name));
        line.and_then(|line| line.split_whitespace().find_map(|word| word.parse().ok()))
            .with_context(|| format!("no {name}: {dump}"))
    }
}

/// A machine whose addresses are of use at once.
fn machine(label: &str) -> Result<Namespace> {
    let machine = Namespace::new(label)?;
    machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
    machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
    Ok(machine)
}

#[test]
fn requests_over_ipv6_go_and_come_through_the_director_by_one_interface_and_by_two() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    for arms in [Arms::Two, Arms::One] {
        let network = Network::new(arms)?;
        let attached = network.director.program("eth1");
        ensure!(
            arms == Arms::One || attached?.is_some(),
            "no program on eth1"
        );
        // Whose MAC the director does not know: the first answer goes by the agent.
        let client = format!("-6 neighbour flush to {CLIENT} dev eth0");
        network.director.ip(&client)?;
        let foreign = format!("tcp and not host {SERVICE}");
        let wire = network.outside.namespace();
        let foreign = Capture::start(wire, "client", "out", &foreign)?;
        let tally = network.requests(100)?;
        ensure!(tally.failures.is_empty(), "{arms:?}: {tally:?}");
        // A packet that was lost comes again after a second.
        ensure!(tally.slowest.as_millis() < 900, "{arms:?}: {tally:?}");
        for server in ["rs1", "rs2"] {
            let log = || network.agent.log();
            ensure!(tally.from(server).abs_diff(50) <= 4, "{tally:?} {}", log());
        }
        ensure!(tally.clients[&IpAddr::V6(CLIENT)] == 100, "{tally:?}");
        let frames = foreign.finish()?;
        ensure!(
            frames.is_empty(),
            "{arms:?}: an answer with the server's own address"
        );
        ensure!(network.reason("no_way_back")? == 0);
        let connections = network.agent.dump("connections")?;
        let of_client = connections.lines().filter(|line| {
            line.contains("[2001:db8::50]:")
                && line.contains("[2001:db8::100]:80")
                && line.contains("]:8080")
        });
        ensure!(of_client.count() > 90, "{connections}");
        let services = network.agent.dump("services")?;
        ensure!(services.contains("Masq"), "{services}");
    }
    Ok(())
}

#[test]
fn forwarding_of_ipv6_that_is_off_is_said_with_the_command_that_turns_it_on() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut network = Network::build(Arms::Two, CONFIGURATION, |director, _, _| {
        director.sysctl("ipv6.conf.all.forwarding", "0")
    })?;
    let command = "`sysctl -w net/ipv6/conf/all/forwarding=1` turns it on";
    network.agent.wait_for(command, PATIENCE)?;
    network.director.sysctl("ipv6.conf.all.forwarding", "1")?;
    let over = "net/ipv6/conf/all/forwarding is as it should be now";
    network.agent.wait_for(over, PATIENCE)?;
    network.wait_for_servers(USES)?;
    let tally = network.requests(4)?;
    ensure!(tally.failures.is_empty(), "{tally:?}");
    Ok(())
}
