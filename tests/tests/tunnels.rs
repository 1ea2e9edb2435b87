//! Tunnels of every type from either family to either: a client's requests go out in them, and the real
//! servers, which take the packets out again (`decap` of lb-ebpf), answer the client themselves.
//!
//! Tunnels of IPv4 in IPv4 without anything between are in `tun`; the kernel's own ends of tunnels in
//! `ipvs`, whose tests run in a guest.

#[path = "tunnels/narrow.rs"]
mod narrow;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use lb_tests::http::Tally;
use lb_tests::{
    Agent, Capture, Frame, Namespace, Need, PATIENCE, Switch, WebServer, load, needs, skipped,
    wait_until,
};

/// `lb_kind TUN` and what follows, and the protocol behind the outer header of a packet of IPv4 and of IPv6.
const TYPES: [(&str, [u8; 2]); 5] = [
    ("", [4, 41]),
    ("type gre", [47, 47]),
    ("type gre csum", [47, 47]),
    ("type gue port 6080", [17, 17]),
    ("type gue port 6080 csum", [17, 17]),
];

/// Who asks, who directs, and who serves: the last byte of an address of each family.
const CLIENT: u8 = 0x50;
const DIRECTOR: u8 = 1;
const SERVERS: [u8; 2] = [0x11, 0x12];

/// An address of the segment.
fn address(is_ipv6: bool, last: u8) -> IpAddr {
    if is_ipv6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into()
    } else {
        Ipv4Addr::new(10, 7, 0, last).into()
    }
}

/// A service, and how it is reached.
#[derive(Clone, Copy, Debug)]
struct Tunnelled {
    /// Of the service, and of its servers.
    families: [bool; 2],
    kind: &'static str,
    /// Protocol behind the outer header.
    protocol: u8,
    last: u8,
}

impl Tunnelled {
    fn service(&self) -> IpAddr {
        address(self.families[0], self.last)
    }

    fn server(&self, number: usize) -> IpAddr {
        address(self.families[1], SERVERS[number])
    }
}

/// Every type from either family to either, on an address of its own.
fn all() -> Vec<Tunnelled> {
    let families = [[false, false], [false, true], [true, false], [true, true]];
    let kinds = families
        .into_iter()
        .flat_map(|families| TYPES.map(|(kind, protocols)| (families, kind, protocols)));
    (100..)
        .zip(kinds)
        .map(|(last, (families, kind, protocols))| Tunnelled {
            families,
            kind,
            protocol: protocols[usize::from(families[0])],
            last,
        })
        .collect()
}

/// A director's `keepalived.conf`.
fn configuration(tunnels: &[Tunnelled]) -> Result<String> {
    let mut text = "global_defs {\nxdp_mode native\n}\n".to_owned();
    for tunnel in tunnels {
        let (service, kind) = (tunnel.service(), tunnel.kind);
        writeln!(
            text,
            "virtual_server {service} 80 {{\ndelay_loop 1\nlvs_sched rr\nlvs_method TUN {kind}\n\
             protocol TCP"
        )?;
        for number in [0, 1] {
            let server = tunnel.server(number);
            writeln!(
                text,
                "real_server {server} 80 {{\nTCP_CHECK {{\nconnect_timeout 2\n}}\n}}"
            )?;
        }
        writeln!(text, "}}")?;
    }
    Ok(text)
}

/// One segment with a client, a director and two servers, each of both families.
struct Network {
    // Before the machines: the agent ends before its namespace does.
    agent: Agent,
    client: Namespace,
    _web: [WebServer; 2],
    director: Namespace,
    _servers: [Namespace; 2],
    segment: Switch,
}

impl Network {
    /// Builds it, and waits until the way to every server is known.
    fn new(tunnels: &[Tunnelled]) -> Result<Self> {
        Self::prepared(tunnels, |_, _| Ok(()))
    }

    /// The same; `prepare` adds to segment and director what there is to add before there is an agent.
    fn prepared(
        tunnels: &[Tunnelled],
        prepare: impl FnOnce(&Switch, &Namespace) -> Result<()>,
    ) -> Result<Self> {
        let segment = Switch::new("segment")?;
        let client = machine(&segment, "client", CLIENT)?;
        let director = machine(&segment, "director", DIRECTOR)?;
        let [first, second] = SERVERS;
        let servers = [
            machine(&segment, "rs1", first)?,
            machine(&segment, "rs2", second)?,
        ];
        for server in &servers {
            server.sysctl("ipv4.conf.all.arp_ignore", "1")?;
            server.sysctl("ipv4.conf.all.arp_announce", "2")?;
            load(server, "eth0", "decap")?;
        }
        for tunnel in tunnels {
            let service = tunnel.service();
            let (length, options) = if service.is_ipv6() {
                (128, "nodad")
            } else {
                (32, "")
            };
            for server in &servers {
                server.ip(&format!("address add {service}/{length} dev lo {options}"))?;
            }
            // Deprecated, so that no tunnel has it for its own end.
            let lifetime = if service.is_ipv6() {
                "preferred_lft 0"
            } else {
                ""
            };
            director.ip(&format!(
                "address add {service}/{length} dev eth0 {options} {lifetime}"
            ))?;
        }
        let [one, two] = &servers;
        let web = [
            WebServer::start(one, "rs1", 200)?,
            WebServer::start(two, "rs2", 200)?,
        ];
        prepare(&segment, &director)?;
        let network = Self {
            agent: Agent::start(&director, &configuration(tunnels)?)?,
            client,
            _web: web,
            director,
            _servers: servers,
            segment,
        };
        network.wait_for_servers(2 * tunnels.len())?;
        Ok(network)
    }

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
            format!("not at work: {backends:?}\n{}", self.agent.log())
        })
    }

    /// What becomes of so many requests, one after another.
    fn requests(&self, tunnel: &Tunnelled, count: usize) -> Result<Tally> {
        let target = SocketAddr::from((tunnel.service(), 80));
        self.client.enter(|| Ok(Tally::of(count, target, None)))
    }
}

/// A machine with an address of each family.
fn machine(segment: &Switch, label: &str, last: u8) -> Result<Namespace> {
    let machine = Namespace::new(label)?;
    // An address is of use at once, instead of being asked for first.
    machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
    machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
    segment.plug(&machine, "eth0", &format!("{}/24", address(false, last)))?;
    let ipv6 = address(true, last);
    machine.ip(&format!("address add {ipv6}/64 dev eth0 nodad"))?;
    Ok(machine)
}

/// Source, destination and protocol of the outer header of a frame.
fn outer(frame: &Frame) -> Option<(IpAddr, IpAddr, u8)> {
    let ip = frame.bytes.get(14..)?;
    let v4 = |at: usize| {
        let octets: [u8; 4] = ip.get(at..at + 4)?.try_into().ok()?;
        Some(IpAddr::from(octets))
    };
    let v6 = |at: usize| {
        let octets: [u8; 16] = ip.get(at..at + 16)?.try_into().ok()?;
        Some(IpAddr::from(octets))
    };
    match ip.first()? >> 4 {
        4 => Some((v4(12)?, v4(16)?, *ip.get(9)?)),
        _ => Some((v6(8)?, v6(24)?, *ip.get(6)?)),
    }
}

#[test]
fn requests_reach_both_servers_in_tunnels_of_every_type_from_either_family_to_either() -> Result<()>
{
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let tunnels = all();
    let network = Network::new(&tunnels)?;
    for tunnel in &tunnels {
        let server = tunnel.server(0);
        let wire = network.segment.namespace();
        // What a check sends there is TCP.
        let filter = format!("dst host {server} and not tcp and not icmp6 and not arp");
        let capture = Capture::start(wire, "rs1", "out", &filter)?;
        let tally = network.requests(tunnel, 20)?;
        let place = || format!("{tunnel:?}: {tally:?}\n{}", network.agent.log());
        ensure!(tally.failures.is_empty(), "{}", place());
        ensure!(tally.from("rs1").abs_diff(10) <= 3, "{}", place());
        let client = address(tunnel.families[0], CLIENT);
        ensure!(tally.clients.get(&client) == Some(&20), "{}", place());
        // A request is SYN, ACK, the question, and the end from the client's side.
        let frames = capture.finish()?;
        ensure!(frames.len() >= 4 * tally.from("rs1"), "{}", place());
        let ours = address(tunnel.families[1], DIRECTOR);
        for frame in &frames {
            let expected = (ours, server, tunnel.protocol);
            ensure!(outer(frame) == Some(expected), "{tunnel:?}: {frame:?}");
        }
    }
    let services = network.agent.dump("services")?;
    for tunnel in &tunnels {
        let address = SocketAddr::from((tunnel.service(), 80));
        ensure!(services.contains(&address.to_string()), "{services}");
    }
    Ok(())
}
