//! Packets that do not fit a tunnel: the client is told, in its own family, and sends smaller ones.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Namespace, PATIENCE, needs, skipped, wait_until};

use super::network::{Network, SERVERS, Tunnelled, address, all};
use super::take_out;

/// What fits the link to the servers, bytes.
const NARROW: u32 = 1400;

/// The answer to a question that fills several packets.
fn ask_at_length(target: SocketAddr) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&target, PATIENCE).context("no connection")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let filler = "x".repeat(6000);
    stream.write_all(format!("GET / HTTP/1.0\r\nX-Filler: {filler}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .context("the question does not come through")?;
    Ok(answer)
}

/// A long question to each server.
fn check_long_questions(network: &Network, tunnel: &Tunnelled) -> Result<()> {
    let target = SocketAddr::from((tunnel.service(), 80));
    for _ in 0..4 {
        let answer = network.client.enter(|| ask_at_length(target));
        let answer = answer.with_context(|| format!("{tunnel:?}: {}", network.agent.log()))?;
        let text = answer.escape_ascii();
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "{tunnel:?}: {text}");
    }
    Ok(())
}

#[test]
fn a_client_of_either_family_learns_what_fits_the_tunnel() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let tunnels = all();
    let network = Network::new(&tunnels, "native", take_out, |_, _| Ok(()))?;
    for tunnel in &tunnels {
        check_long_questions(&network, tunnel)?;
        let service = tunnel.service();
        let way = network.client.ip(&format!("route get {service}"))?;
        ensure!(way.contains("mtu 14"), "{tunnel:?}: {way}");
    }
    Ok(())
}

/// The path to the servers is narrower than the director's own link: a router there tells the director
/// that its tunnel does not fit, in the servers' family, and the director the client.
#[test]
fn tunnels_through_a_narrow_link_carry_long_questions() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let tunnels: Vec<_> = all()
        .into_iter()
        .filter(|it| !it.kind.contains("csum"))
        .collect();
    let router = Namespace::new("router")?;
    let network = Network::new(&tunnels, "native", take_out, |segment, director| {
        router.sysctl("ipv6.conf.default.accept_dad", "0")?;
        segment.plug(&router, "near", &format!("{}/24", address(false, 0xfe)))?;
        router.ip(&format!(
            "address add {}/64 dev near nodad",
            address(true, 0xfe)
        ))?;
        for name in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
            router.sysctl(name, "1")?;
        }
        for name in ["all", "near"] {
            router.sysctl(&format!("ipv4.conf.{name}.send_redirects"), "0")?;
        }
        for (is_ipv6, option) in [(false, "-4"), (true, "-6")] {
            let gateway = address(is_ipv6, 0xfe);
            for server in SERVERS.map(|last| address(is_ipv6, last)) {
                router.ip(&format!(
                    "{option} route add {server} dev near mtu lock {NARROW}"
                ))?;
                director.ip(&format!("{option} route add {server} via {gateway}"))?;
            }
        }
        Ok(())
    })?;
    for tunnel in &tunnels {
        check_long_questions(&network, tunnel)?;
    }
    // Who has learnt it of the way to one server sends the other one nothing longer.
    for family in [".", ":"] {
        let narrowed = wait_until(PATIENCE, || {
            let backends = network.agent.dump("backends --format json").ok()?;
            let backends: serde_json::Value = serde_json::from_str(&backends).ok()?;
            let mut all = backends["backends"].as_array()?.iter();
            all.any(|it| {
                let server = it["real"]["address"].as_str();
                server.is_some_and(|it| it.contains(family)) && it["mtu"] == NARROW
            })
            .then_some(())
        });
        ensure!(narrowed.is_some(), "{:?}", network.agent.dump("backends"));
    }
    Ok(())
}
