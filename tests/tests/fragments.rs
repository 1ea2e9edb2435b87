//! Datagrams in fragments, there and back, in every mode.

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "all of this is a test, and knows what it has made"
)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lb_tests::{Cluster, Layout, Mode, Namespace, PATIENCE, needs, skipped, wait_until};

/// What goes to and fro: four fragments.
const LENGTH: usize = 5000;
/// What one frame holds for the client, so that what it sends fits the tunnel as well.
const MTU: u32 = 1400;
/// Port of the service and of the servers.
const PORT: u16 = 5353;
/// Who answers ends the datagram with this.
const NAMES: [u8; 2] = [1, 2];

#[test]
fn datagrams_in_fragments_reach_one_server_and_so_do_the_answers() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let layout = Layout::demo(mode);
        let mut cluster = Cluster::new(layout, [configuration(&layout), String::new()])?;
        let site = &cluster.site;
        site.client.ip(&format!("link set dev eth0 mtu {MTU}"))?;
        for ((server, address), name) in site.servers.iter().zip(layout.servers).zip(NAMES) {
            // It answers by the address that it was asked by.
            let address = match mode {
                Mode::Nat => address,
                Mode::Dr | Mode::Tun => layout.virtual_address,
            };
            echo(server, address, name)?;
            let client = match mode {
                Mode::Nat => format!("default via {}", layout.gateway),
                Mode::Dr | Mode::Tun => format!("{}/32 dev eth0", layout.client),
            };
            server.ip(&format!("route replace {client} mtu lock {MTU}"))?;
        }
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        let service = SocketAddr::from((layout.virtual_address, PORT));
        let ask = || cluster.site.client.enter(|| ask(service));
        if wait_until(PATIENCE, || ask().ok()).is_none() {
            let agent = cluster.agent(0)?;
            let (log, dump) = (agent.log(), agent.dump("all")?);
            bail!("{mode}: the service does not answer:\n{log}\n{dump}");
        }
        let mut served = Vec::new();
        for _ in 0..20 {
            served.push(ask().with_context(|| format!("{mode}"))?);
        }
        // Each CPU has turns of its own.
        for name in NAMES {
            let theirs = served
                .iter()
                .filter(|it| **it == name)
                .map(|_| 1_u32)
                .sum::<u32>();
            assert!((8..=12).contains(&theirs), "{mode}: {served:?}");
        }
        let reasons = cluster.agent(0)?.dump("all")?;
        let line = reasons
            .lines()
            .find(|line| line.trim().starts_with("fragment"));
        let lost = line.and_then(|line| line.split_whitespace().find_map(|it| it.parse().ok()));
        assert_eq!(lost, Some(0_u64), "{mode}: {reasons}");
    }
    Ok(())
}

/// Sends a datagram from a port of its own; who has answered with the same.
fn ask(service: SocketAddr) -> Result<u8> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.connect(service)?;
    let question: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    socket.send(&question)?;
    let mut answer = vec![0; LENGTH + 2];
    let length = socket.recv(&mut answer).context("no answer")?;
    ensure!(length == LENGTH + 1, "{length} bytes");
    ensure!(answer[..LENGTH] == question, "another answer");
    Ok(answer[LENGTH])
}

/// Answers every datagram with itself and a name, until the machine is gone.
fn echo(machine: &Namespace, address: Ipv4Addr, name: u8) -> Result<()> {
    let socket = machine.enter(|| Ok(UdpSocket::bind((address, PORT))?))?;
    thread::spawn(move || {
        let mut datagram = vec![0; LENGTH + 1];
        while let Ok((length, client)) = socket.recv_from(&mut datagram) {
            if length == LENGTH {
                datagram[LENGTH] = name;
                let _lost = socket.send_to(&datagram, client);
            }
        }
    });
    Ok(())
}

fn configuration(layout: &Layout) -> String {
    let gateway = match layout.mode {
        Mode::Nat => format!("{}/24 dev ens37", layout.gateway),
        Mode::Dr | Mode::Tun => String::new(),
    };
    let kind = layout.mode;
    let servers = layout
        .servers
        .map(|server| format!(" real_server {server} {PORT} {{\n  weight 1\n }}\n"));
    format!(
        "vrrp_instance VI_1 {{\n state MASTER\n interface ens33\n virtual_router_id 66\n \
         priority 100\n virtual_ipaddress {{\n  {vip}/24\n  {gateway}\n }}\n}}\n\
         virtual_server {vip} {PORT} {{\n lb_algo rr\n lb_kind {kind}\n protocol UDP\n{}}}\n",
        servers.concat(),
        vip = layout.virtual_address,
    )
}
