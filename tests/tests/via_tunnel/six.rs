//! The same questions over IPv6, and through tunnels of one family in the other.

use std::net::{Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use lb_agent::wire::tcp::{Ends, Segment};
use lb_tests::{Agent, Capture, Namespace, Need, Switch, WebServer, needs, skipped};

use super::{PATIENCE, from_now};

/// Where the service is.
const VIP: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);

/// A director and two servers on one segment. No server has the virtual address yet.
struct Network {
    director: Namespace,
    servers: [Namespace; 2],
    web: [Option<WebServer>; 2],
    _segment: Switch,
}

impl Network {
    fn new() -> Result<Self> {
        let segment = Switch::new("segment")?;
        let plug = |label: &str, host: &str| {
            let machine = Namespace::new(label)?;
            // An address is of use at once, instead of being asked for first.
            machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
            machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
            segment.plug(&machine, "eth0", &format!("2001:db8::{host}/64"))?;
            machine.ip(&format!("address add 10.9.0.{host}/24 dev eth0"))?;
            anyhow::Ok(machine)
        };
        let director = plug("director", "1")?;
        let servers = [plug("rs1", "11")?, plug("rs2", "12")?];
        let [first, second] = &servers;
        let web = [
            Some(WebServer::start(first, "rs1", 200)?),
            Some(WebServer::start(second, "rs2", 200)?),
        ];
        Ok(Self {
            director,
            servers,
            web,
            _segment: segment,
        })
    }

    fn server_has_it(&self, server: usize, interface: &str) -> Result<()> {
        let address = format!("address add {VIP}/128 dev {interface} nodad");
        let server = self.servers.get(server).context("no such server")?;
        server.ip(&address)?;
        Ok(())
    }

    /// A director that asks; `master`: it holds the address itself.
    fn director(&self, master: bool) -> Result<Agent> {
        if master {
            let address = format!("address add {VIP}/128 dev eth0 nodad preferred_lft 0");
            self.director.ip(&address)?;
        }
        let servers = ["11", "12"].map(|host| server(&format!("2001:db8::{host}")));
        let text = service(&format!("{VIP} 80"), "DR", &servers.concat());
        Agent::start(&self.director, &text)
    }
}

fn server(address: &str) -> String {
    format!(" real_server {address} 80 {{\n  TCP_CHECK {{\n   xdp_check_via_tunnel\n  }}\n }}\n")
}

fn service(key: &str, mode: &str, servers: &str) -> String {
    format!(
        "virtual_server {key} {{\n delay_loop 0.3\n warmup 0\n connect_timeout 1\n retry 0\n \
         lb_algo rr\n lb_kind {mode}\n protocol TCP\n alpha\n{servers}}}\n"
    )
}

#[test]
fn over_ipv6_a_server_without_the_virtual_address_is_down_and_comes_up_with_it() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for master in [true, false] {
        let network = Network::new()?;
        network.server_has_it(0, "lo")?;
        let mut agent = network.director(master)?;
        agent.wait_for("TCP connection to [2001:db8::11]:tcp:80 success.", PATIENCE)?;
        agent.wait_for(
            "TCP_CHECK on service [2001:db8::12]:tcp:80 failed. no answer from [2001:db8::100]:80 \
             within 1s: is it on the server's lo?.",
            PATIENCE,
        )?;
        network.server_has_it(1, "lo")?;
        from_now(
            &mut agent,
            "TCP connection to [2001:db8::12]:tcp:80 success.",
        )?;
        network.servers[0].ip(&format!("address delete {VIP}/128 dev lo"))?;
        from_now(
            &mut agent,
            "TCP_CHECK on service [2001:db8::11]:tcp:80 failed. no answer from",
        )?;
    }
    Ok(())
}

#[test]
fn over_ipv6_a_server_that_gives_the_address_away_refuses_or_is_gone_is_said_to_be_so() -> Result<()>
{
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut network = Network::new()?;
    network.server_has_it(0, "eth0")?;
    network.server_has_it(1, "lo")?;
    let mut agent = network.director(true)?;
    agent.wait_for(
        "TCP_CHECK on service [2001:db8::11]:tcp:80 failed. the server answers neighbour \
         solicitations for 2001:db8::100 (it is at ",
        PATIENCE,
    )?;
    agent.wait_for("TCP connection to [2001:db8::12]:tcp:80 success.", PATIENCE)?;
    // Nobody listens there any more.
    drop(network.web[1].take());
    from_now(
        &mut agent,
        "TCP_CHECK on service [2001:db8::12]:tcp:80 failed. the server refuses connections to \
         [2001:db8::100]:80.",
    )?;
    network.servers[0].ip(&format!("address delete {VIP}/128 dev eth0"))?;
    network.server_has_it(0, "lo")?;
    from_now(
        &mut agent,
        "TCP connection to [2001:db8::11]:tcp:80 success.",
    )
}

#[test]
fn over_ipv6_a_server_that_is_gone_answers_no_solicitation() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new()?;
    network.servers[1].ip("link set eth0 down")?;
    let mut agent = network.director(true)?;
    agent.wait_for(
        "TCP_CHECK on service [2001:db8::12]:tcp:80 failed. the server does not answer neighbour \
         solicitations within 1s.",
        PATIENCE,
    )
}

/// The servers take nothing out of tunnels: what comes there is looked at on the wire.
#[test]
fn a_tunnel_of_either_family_carries_the_packet_of_either() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let network = Network::new()?;
    let [server_machine, _] = &network.servers;
    let text = [
        ("2001:db8::100 80", "2001:db8::11"),
        ("2001:db8::101 80", "10.9.0.11"),
        ("192.0.2.100 80", "2001:db8::11"),
        ("192.0.2.101 80", "10.9.0.11"),
    ]
    .map(|(key, address)| service(key, "TUN", &server(address)))
    .concat();
    // Whether a data plane of this host can carry them is not asked here.
    let text = format!("global_defs {{\n xdp_required off\n}}\n{text}");
    let cases = [
        ("ip6 proto 41", 40, "[2001:db8::1]:0", "[2001:db8::100]:80"),
        ("ip proto 41", 20, "[2001:db8::1]:0", "[2001:db8::101]:80"),
        ("ip6 proto 4", 40, "10.9.0.1:0", "192.0.2.100:80"),
        ("ip proto 4", 20, "10.9.0.1:0", "192.0.2.101:80"),
    ];
    let captures = cases
        .map(|(filter, ..)| Capture::start(server_machine, "eth0", "in", filter))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut agent = Agent::start(&network.director, &text)?;
    for (capture, (filter, outer, source, service)) in captures.into_iter().zip(cases) {
        let source: SocketAddr = source.parse()?;
        let service: SocketAddr = service.parse()?;
        let is_ours = |bytes: &[u8]| {
            let segment = bytes.get(14 + outer..).and_then(Segment::parse);
            segment.is_some_and(|segment| {
                let (from, to) = match segment.ends {
                    Ends::V4 {
                        source,
                        destination,
                    } => (SocketAddr::V4(source), SocketAddr::V4(destination)),
                    Ends::V6 {
                        source,
                        destination,
                    } => (SocketAddr::V6(source), SocketAddr::V6(destination)),
                };
                segment.flags.syn && from.ip() == source.ip() && to == service
            })
        };
        capture
            .wait_for(PATIENCE, |frames| {
                frames.iter().any(|frame| is_ours(&frame.bytes))
            })
            .context(filter)?;
    }
    agent.wait_for(
        "no answer from [2001:db8::100]:80 within 1s: is it on the server's tunnel interface, and \
         is that up?",
        PATIENCE,
    )?;
    agent.wait_for(
        "no answer from 192.0.2.100:80 within 1s: is it on the server's tunnel interface, is that \
         up, and is rp_filter 0 there?",
        PATIENCE,
    )
}
