//! Datagrams of IPv6 in fragments: all pieces of one reach one server, which answers in pieces, too.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Namespace, needs, skipped, wait_until};

use super::{Network, PATIENCE, SERVICE};

/// What goes to and fro: four fragments.
const LENGTH: usize = 5000;
/// Port of the service and of the servers.
const PORT: u16 = 5353;
/// Who answers ends the datagram with this.
const NAMES: [u8; 2] = [1, 2];

/// A service of datagrams, whose servers nobody checks.
const CONFIGURATION: &str = "\
global_defs {
    xdp_mode native
}
virtual_server 2001:db8::100 5353 {
    lvs_sched rr
    lvs_method DR
    protocol UDP
    real_server 2001:db8::11 5353 {
    }
    real_server 2001:db8::12 5353 {
    }
}
";

#[test]
fn datagrams_of_ipv6_in_fragments_reach_one_server_and_so_do_the_answers() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new(CONFIGURATION)?;
    for (server, name) in network.servers.iter().zip(NAMES) {
        echo(server, name)?;
    }
    let ask = || network.client.enter(ask);
    let answered = wait_until(PATIENCE, || ask().ok());
    answered.with_context(|| format!("no answer: {}", network.agent.log()))?;
    let mut served = Vec::new();
    for number in 0..20 {
        served.push(ask().with_context(|| format!("datagram {number}"))?);
    }
    // Each CPU has turns of its own.
    for name in NAMES {
        let theirs = served
            .iter()
            .map(|it| usize::from(*it == name))
            .sum::<usize>();
        ensure!((8..=12).contains(&theirs), "{served:?}");
    }
    let dump = network.agent.dump("all")?;
    let mut lines = dump.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with("fragment"));
    let lost = line.and_then(|line| line.split_whitespace().find_map(|it| it.parse().ok()));
    ensure!(lost == Some(0_u64), "{dump}");
    Ok(())
}

/// Sends a datagram from a port of its own; who has answered with the same.
fn ask() -> Result<u8> {
    let socket = UdpSocket::bind("[::]:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.connect(SocketAddr::from((SERVICE, PORT)))?;
    let question: Vec<u8> = (0..=250).cycle().take(LENGTH).collect();
    socket.send(&question)?;
    let mut answer = vec![0; LENGTH + 2];
    let length = socket.recv(&mut answer).context("no answer")?;
    ensure!(length == LENGTH + 1, "{length} bytes");
    ensure!(answer.starts_with(&question), "another answer");
    answer.get(LENGTH).copied().context("no name")
}

/// Answers every datagram with itself and a name, until the machine is gone.
fn echo(machine: &Namespace, name: u8) -> Result<()> {
    // It answers by the address that it was asked by.
    let socket = machine.enter(|| Ok(UdpSocket::bind((SERVICE, PORT))?))?;
    thread::spawn(move || {
        let mut datagram = vec![0; LENGTH];
        while let Ok((LENGTH, client)) = socket.recv_from(&mut datagram) {
            let answer = [datagram.as_slice(), &[name]].concat();
            let _lost = socket.send_to(&answer, client);
        }
    });
    Ok(())
}
