//! Tunnels of XDP and the kernel's own: its devices take our packets out, and its IPVS puts the same in front
//! of a packet as we do.

#![expect(
    clippy::indexing_slicing,
    reason = "a frame that is too short fails the test"
)]

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_agent::wire::ipv4;
use lb_common::checksum::{fold, sum};
use lb_tests::{Capture, Namespace, Need, needs, skipped};

use crate::network::{Network, Tunnelled, address, all};

/// What the ends of tunnels are made by. Most are nobody's who does not ask for them.
const MODULES: [&str; 7] = [
    "fou",
    "fou6",
    "ipip",
    "sit",
    "ip6_tunnel",
    "ip_gre",
    "ip6_gre",
];

/// Bytes of a datagram that a client sends: an odd one, and one that fits everywhere.
const LENGTHS: [usize; 2] = [3, 1100];

/// An emulated machine takes its time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether this machine can run these tests; if not, that has been said.
#[expect(
    clippy::print_stdout,
    reason = "this line is how a test says that it did not run"
)]
fn is_able() -> bool {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs, Need::Program("tcpdump")]) {
        return false;
    }
    let loaded = Command::new("modprobe").arg("-a").args(MODULES).output();
    let is_able = loaded.is_ok_and(|it| it.status.success());
    if !is_able {
        println!("skipped: this kernel has no ends for all tunnels: {MODULES:?}");
    }
    is_able
}

/// Makes a server the end of tunnels of every type; those of GRE want checksums, or take none.
fn end(server: &Namespace, last: u8, has_checksums: bool) -> Result<()> {
    for name in ["all", "default"] {
        server.sysctl(&format!("ipv4.conf.{name}.rp_filter"), "0")?;
    }
    let [ipv4, ipv6] = [false, true].map(|is_ipv6| address(is_ipv6, last));
    let checksums = if has_checksums { "icsum" } else { "" };
    for (name, kind) in [
        ("i4", format!("ipip local {ipv4}")),
        ("s4", format!("sit local {ipv4}")),
        ("t6", format!("ip6tnl mode any local {ipv6}")),
        ("g4", format!("gre local {ipv4} {checksums}")),
        ("g6", format!("ip6gre local {ipv6} {checksums}")),
    ] {
        server.ip(&format!("link add name {name} type {kind}"))?;
        server.ip(&format!("link set {name} up"))?;
    }
    for family in ["-4", "-6"] {
        server.ip(&format!("{family} fou add port 6080 gue"))?;
    }
    Ok(())
}

/// Tunnels with checksums, or those without.
fn with(has_checksums: bool) -> Vec<Tunnelled> {
    let all = all().into_iter();
    all.filter(|it| it.kind.contains("csum") == has_checksums)
        .collect()
}

/// The network, with the kernel's ends.
fn network(tunnels: &[Tunnelled], mode: &str, has_checksums: bool) -> Result<Network> {
    let end = |server: &Namespace, last: u8| end(server, last, has_checksums);
    Network::new(tunnels, mode, end, |_, _| Ok(()))
}

/// What a client's datagrams look like on their way to the first server.
fn datagrams(network: &Network, tunnel: &Tunnelled) -> Result<Vec<Vec<u8>>> {
    let [server, _] = tunnel.servers();
    let filter = format!("dst host {server} and not tcp and not icmp6 and not icmp and not arp");
    let wire = network.segment.namespace();
    let capture = Capture::start(wire, "rs1", "out", &filter)?;
    network.client.enter(|| {
        let any = if tunnel.families[0] { "::" } else { "0.0.0.0" };
        let socket = UdpSocket::bind((any, 7000))?;
        for length in LENGTHS {
            socket.send_to(&vec![7; length], (tunnel.service(), 53))?;
        }
        Ok(())
    })?;
    capture.wait_for(PATIENCE, |frames| frames.len() >= LENGTHS.len())?;
    let frames = capture.finish()?;
    Ok(frames.into_iter().map(|frame| frame.bytes).collect())
}

/// The packet of a frame without what is chance or ours to choose, which has to be sound: identifications, flow labels,
/// the source port of GUE, and the checksums over them.
fn without_chance(tunnel: &Tunnelled, mut frame: Vec<u8>) -> Result<Vec<u8>> {
    ensure!(frame.len() > 14, "no packet");
    // Each network has Ethernet addresses of its own.
    let mut frame = frame.split_off(14);
    let packet = &mut frame[..];
    let at = ip(packet)?;
    let inner = match tunnel.protocol {
        47 => {
            let length = if packet[at] & 0x80 == 0 { 4 } else { 8 };
            if length == 8 {
                ensure!(
                    fold(sum(&packet[at..])) == 0xffff,
                    "a wrong checksum of GRE"
                );
                packet[at + 4..at + 6].fill(0);
            }
            at + length
        }
        17 => {
            let has_checksum = packet[at + 6..at + 8] != [0, 0];
            ensure!(has_checksum == tunnel.kind.contains("csum"));
            if has_checksum {
                let addresses = if packet[0] >> 4 == 6 { 8..40 } else { 12..20 };
                let length = packet[at + 4..at + 6].to_vec();
                let pseudo = [&packet[addresses], &[0, 17], &length].concat();
                let all = [&pseudo, &packet[at..]].concat();
                ensure!(fold(sum(&all)) == 0xffff, "a wrong checksum of UDP");
            }
            packet[at..at + 2].fill(0);
            packet[at + 6..at + 8].fill(0);
            at + 12
        }
        _ => at,
    };
    ip(&mut packet[inner..])?;
    Ok(frame)
}

/// The length of an IP header, which is sound and loses what is chance.
fn ip(packet: &mut [u8]) -> Result<usize> {
    if packet[0] >> 4 == 6 {
        packet[1] &= 0xf0;
        packet[2..4].fill(0);
        return Ok(40);
    }
    let header = &mut packet[..ipv4::HEADER_LEN];
    ensure!(fold(sum(header)) == 0xffff, "a wrong checksum of IPv4");
    header[4..6].fill(0);
    header[10..12].fill(0);
    Ok(ipv4::HEADER_LEN)
}

fn check(has_checksums: bool) -> Result<()> {
    if !is_able() {
        return Ok(());
    }
    let tunnels = with(has_checksums);
    let seen = |mode| {
        // Both servers have answered, from behind the kernel's own ends.
        let network = network(&tunnels, mode, has_checksums)?;
        let frames = tunnels.iter().map(|tunnel| {
            let frames = datagrams(&network, tunnel)?.into_iter();
            let frames = frames.map(|frame| without_chance(tunnel, frame));
            let frames: Result<Vec<_>> = frames.collect();
            frames.with_context(|| format!("{mode}: {tunnel:?}"))
        });
        frames.collect::<Result<Vec<_>>>()
    };
    let (by_xdp, by_ipvs) = (seen("native")?, seen("off")?);
    for ((tunnel, ours), theirs) in tunnels.iter().zip(by_xdp).zip(by_ipvs) {
        ensure!(
            ours == theirs,
            "{tunnel:?}\nXDP  {ours:02x?}\nIPVS {theirs:02x?}"
        );
    }
    Ok(())
}

#[test]
fn the_kernel_takes_our_packets_out_and_makes_the_same_itself() -> Result<()> {
    check(false)
}

#[test]
fn the_kernel_takes_our_packets_with_checksums_out_and_makes_the_same_itself() -> Result<()> {
    check(true)
}
