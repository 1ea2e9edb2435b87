//! One segment with a client, a director and two servers, all of both families, and services of either
//! that are reached by tunnels.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_tests::http::Tally;
use lb_tests::{Agent, Namespace, Switch, WebServer, wait_until};

/// An emulated machine takes its time, for the verifier above all.
const PATIENCE: Duration = Duration::from_mins(3);

/// `lb_kind TUN` and what follows, and the protocol behind the outer header of a packet of IPv4 and of IPv6.
const TYPES: [(&str, [u8; 2]); 5] = [
    ("", [4, 41]),
    ("type gre", [47, 47]),
    ("type gre csum", [47, 47]),
    ("type gue port 6080", [17, 17]),
    ("type gue port 6080 csum", [17, 17]),
];

/// Who asks, who directs, and who serves: the last byte of an address of each family.
pub(crate) const CLIENT: u8 = 0x50;
pub(crate) const DIRECTOR: u8 = 1;
pub(crate) const SERVERS: [u8; 2] = [0x11, 0x12];

/// An address of the segment.
pub(crate) fn address(is_ipv6: bool, last: u8) -> IpAddr {
    if is_ipv6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into()
    } else {
        Ipv4Addr::new(10, 7, 0, last).into()
    }
}

/// A service, and how it is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tunnelled {
    /// Of the service, and of its servers.
    pub(crate) families: [bool; 2],
    pub(crate) kind: &'static str,
    /// Protocol behind the outer header.
    pub(crate) protocol: u8,
    last: u8,
}

impl Tunnelled {
    pub(crate) fn service(&self) -> IpAddr {
        address(self.families[0], self.last)
    }

    pub(crate) fn servers(&self) -> [IpAddr; 2] {
        SERVERS.map(|last| address(self.families[1], last))
    }
}

/// Every type from either family to either, on an address of its own.
pub(crate) fn all() -> Vec<Tunnelled> {
    let families = [[false, false], [false, true], [true, false], [true, true]];
    let kinds = families
        .into_iter()
        .flat_map(|families| TYPES.map(|(kind, protocols)| (families, kind, protocols)));
    (100..)
        .zip(kinds)
        .map(|(last, (families, kind, protocols))| Tunnelled {
            families,
            kind,
            protocol: if families[0] {
                protocols[1]
            } else {
                protocols[0]
            },
            last,
        })
        .collect()
}

/// A director's `keepalived.conf`: of each service requests go to both servers, datagrams to the first.
fn configuration(tunnels: &[Tunnelled], mode: &str) -> Result<String> {
    let mut text = format!("global_defs {{\nxdp_mode {mode}\n}}\n");
    for tunnel in tunnels {
        let (service, kind) = (tunnel.service(), tunnel.kind);
        let [first, second] = tunnel.servers();
        write!(
            text,
            "virtual_server {service} 80 {{\ndelay_loop 1\nlvs_sched rr\nlvs_method TUN {kind}\n\
             protocol TCP\n"
        )?;
        for server in [first, second] {
            write!(
                text,
                "real_server {server} 80 {{\nTCP_CHECK {{\nconnect_timeout 2\n}}\n}}\n"
            )?;
        }
        write!(
            text,
            "}}\nvirtual_server {service} 53 {{\nlvs_sched rr\nlvs_method TUN {kind}\nprotocol UDP\n\
             real_server {first} 53 {{\n}}\n}}\n"
        )?;
    }
    Ok(text)
}

/// One segment with a client, a director and two servers, each of both families.
pub(crate) struct Network {
    // Before the machines: the agent ends before its namespace does.
    pub(crate) agent: Agent,
    pub(crate) client: Namespace,
    _web: [WebServer; 2],
    _director: Namespace,
    _servers: [Namespace; 2],
    pub(crate) segment: Switch,
}

impl Network {
    /// Builds it, and waits until everything is served; `xdp_mode` is `mode`, `end` makes a server the end
    /// of tunnels, and `prepare` adds to segment and director what there is to add before there is an
    /// agent.
    pub(crate) fn new(
        tunnels: &[Tunnelled],
        mode: &str,
        end: impl Fn(&Namespace, u8) -> Result<()>,
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
        for (server, last) in servers.iter().zip(SERVERS) {
            server.sysctl("ipv4.conf.all.arp_ignore", "1")?;
            server.sysctl("ipv4.conf.all.arp_announce", "2")?;
            end(server, last)?;
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
            agent: Agent::start(&director, &configuration(tunnels, mode)?)?,
            client,
            _web: web,
            _director: director,
            _servers: servers,
            segment,
        };
        for tunnel in tunnels {
            network.wait_for_answers(tunnel)?;
        }
        Ok(network)
    }

    /// Waits until both servers answer.
    fn wait_for_answers(&self, tunnel: &Tunnelled) -> Result<()> {
        let mut seen = None;
        let served = wait_until(PATIENCE, || {
            let tally = self.requests(tunnel, 4).ok()?;
            let is_served = tally.failures.is_empty() && tally.served.len() == 2;
            seen = Some(tally);
            is_served.then_some(())
        });
        served.with_context(|| {
            let backends = self.agent.dump("backends");
            format!("{tunnel:?}: {seen:?}, {backends:?}\n{}", self.agent.log())
        })
    }

    /// What becomes of so many requests, one after another.
    pub(crate) fn requests(&self, tunnel: &Tunnelled, count: usize) -> Result<Tally> {
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
