//! The agent writes another next hop into a slot while packets go there: each of them leaves with
//! one whole address or the other, or not at all.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Path, Server};
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::{Operation, plan};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::backend::Backend;

use super::race;
use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::TCP;
use crate::rig::TICKS;

/// Packets that leave meanwhile.
const PACKETS: usize = 300_000;

/// A hop with MAC addresses of one byte only.
fn by(server: &Server, byte: u8) -> Server {
    let Path::Via(hop) = server.path else {
        return *server;
    };
    Server {
        path: Path::Via(Hop {
            dst_mac: [byte; 6],
            src_mac: [byte; 6],
            ..hop
        }),
        ..*server
    }
}

#[test]
fn no_packet_leaves_with_half_of_a_hop_while_the_agent_writes_another() -> Result<()> {
    in_director(|network, rig| {
        let old = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&old]))?;
        let mut backends: Vec<(u32, Backend)> = Vec::new();
        for byte in [0x2a, 0x54] {
            let mut service = old.clone();
            service.servers = vec![by(&old.servers[0], byte)];
            for operation in plan(&desired(&[&service]), &rig.maps.installed()?, TICKS)? {
                if let Operation::WriteBackend { slot, backend } = operation {
                    backends.push((slot, backend));
                }
            }
        }
        let [one, other] = backends[..] else {
            anyhow::bail!("{backends:?}");
        };
        let pins = Pins::of(network.director.name());
        let mut object = Object::load(&pins)?;
        let mut maps = Maps::open(&pins)?;
        let (mut syn, ack) = (packet(1, &old, SYN).frame(), packet(1, &old, ACK).frame());
        object.run(&mut syn)?;
        maps.execute(&write(one))?;
        let done = AtomicBool::new(false);
        race(
            || {
                while !done.load(Ordering::Relaxed) {
                    maps.execute(&write(other))?;
                    maps.execute(&write(one))?;
                }
                Ok(())
            },
            || {
                let sent = send(&mut object, &ack);
                done.store(true, Ordering::Relaxed);
                let [first, second] = sent?;
                ensure!(first > 0 && second > 0, "{first} and {second}");
                Ok(())
            },
        )
    })
}

const fn write((slot, backend): (u32, Backend)) -> Operation {
    Operation::WriteBackend { slot, backend }
}

/// Sends packets; how many have left by each hop.
fn send(object: &mut Object, frame: &[u8]) -> Result<[usize; 2]> {
    let mut sent = [0; 2];
    for _ in 0..PACKETS {
        let mut out = frame.to_vec();
        object.run(&mut out)?;
        match out[..12] {
            [0x2a, ..] => sent[0] += 1,
            [0x54, ..] => sent[1] += 1,
            // No next hop at this moment: the kernel gets it.
            _ => {
                ensure!(out == frame, "{:02x?}", &out[..12]);
                continue;
            }
        }
        ensure!(
            out[..12].iter().all(|byte| *byte == out[0]),
            "{:02x?}",
            &out[..12]
        );
    }
    Ok(sent)
}
