//! Tunnels of every type from either family to either: a client's requests go out in them, and the real
//! servers, which take the packets out again (`decap` of lb-ebpf), answer the client themselves.
//!
//! Tunnels of IPv4 in IPv4 without anything between are in `tun`; the kernel's own ends of tunnels in
//! `ipvs`, whose tests run in a guest.

#[path = "tunnels/narrow.rs"]
mod narrow;
#[path = "tunnels/network.rs"]
mod network;

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Capture, Frame, Namespace, Need, PATIENCE, load, needs, skipped};

use network::{CLIENT, DIRECTOR, Network, address, all};

/// A server takes packets out of any tunnel.
fn take_out(server: &Namespace, _: u8) -> Result<()> {
    load(server, "eth0", "decap")
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
    let network = Network::new(&tunnels, "native", take_out, |_, _| Ok(()))?;
    for tunnel in &tunnels {
        let [server, _] = tunnel.servers();
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
        // A request is several packets, but the segment may merge some of them.
        let least = tally.from("rs1");
        capture
            .wait_for(PATIENCE, |frames| frames.len() >= least)
            .with_context(place)?;
        let frames = capture.finish()?;
        let ours = address(tunnel.families[1], DIRECTOR);
        for frame in &frames {
            let expected = (ours, server, tunnel.protocol);
            ensure!(outer(frame) == Some(expected), "{tunnel:?}: {frame:?}");
        }
    }
    let backends = network.agent.dump("backends")?;
    for tunnel in &tunnels {
        let [server, _] = tunnel.servers();
        let ends = [tunnel.service(), server].map(|it| SocketAddr::from((it, 80)).to_string());
        let line = backends
            .lines()
            .find(|line| ends.iter().all(|end| line.contains(end)));
        let is_told =
            line.is_some_and(|line| line.contains(format!("Tunnel {}", tunnel.kind).trim()));
        ensure!(is_told, "{tunnel:?}: {backends}");
    }
    Ok(())
}
