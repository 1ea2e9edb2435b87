//! What goes to the kernel instead, untouched.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat};
use lb_agent::dataplane::desired::{Path, Service};
use lb_common::flow::state::TIMEOUTS;
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{ACK, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{Endpoint, Segment, TCP, v4};
use crate::model::{DROP, Outcome, PASS, REDIRECT, TX};
use crate::network::UNREACHABLE;
use crate::rig::Agent;

#[test]
fn a_gate_that_closes_passes_everything_untouched_and_opens_to_the_same_flows() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = Service {
            gate: 1,
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired(&[&service]))?;
        let syn = packet(1, &service, SYN).frame();
        let passed = Outcome::of(PASS, syn.clone());
        ensure!(rig.send(&syn, network.front.index)? == passed);
        rig.gates.set(1, true);
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.gates.set(1, false);
        ensure!(rig.send(&syn, network.front.index)? == passed);
        rig.gates.set(1, true);
        ensure!(server_of(rig, network, &packet(1, &service, ACK))? == Some(11));
        ensure!(rig.maps.reason(Reason::NotMaster)? == 2);
        Ok(())
    })
}

#[test]
fn a_sender_that_nobody_could_answer_is_left_to_the_kernel() -> Result<()> {
    in_director(|network, rig| {
        let service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&service]))?;
        let itself = v4(service.key.address).octets();
        let bad = [
            [0, 1, 2, 3],
            [127, 0, 0, 1],
            [224, 0, 0, 18],
            [255; 4],
            itself,
        ];
        for address in bad {
            for flags in [SYN, ACK] {
                let packet = Segment {
                    source: Endpoint {
                        address: address.into(),
                        port: 53,
                    },
                    ..packet(1, &service, flags)
                };
                let frame = packet.frame();
                let passed = Outcome::of(PASS, frame.clone());
                ensure!(
                    rig.send(&frame, network.front.index)? == passed,
                    "{address:?}"
                );
            }
        }
        ensure!(rig.maps.reason(Reason::BadSource)? == 2 * bad.len() as u64);
        Ok(())
    })
}

#[test]
fn a_server_whose_way_is_lost_for_a_while_loses_packets_but_no_connection() -> Result<()> {
    in_director(|network, rig| {
        let mut service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&service]))?;
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        let way = std::mem::replace(&mut service.servers[0].path, Path::Unknown);
        rig.configure(&desired(&[&service]))?;
        // The kernel, which knows nobody at this port, would end the connection.
        let ack = packet(1, &service, ACK);
        ensure!(rig.send(&ack.frame(), network.front.index)?.verdict == DROP);
        ensure!(rig.maps.reason(Reason::NoNeighbour)? == 1);
        service.servers[0].path = way;
        rig.configure(&desired(&[&service]))?;
        ensure!(server_of(rig, network, &ack)? == Some(11));
        Ok(())
    })
}

#[test]
fn an_agent_that_is_silent_for_too_long_stops_the_program_and_one_that_speaks_starts_it()
-> Result<()> {
    in_director(|network, rig| {
        let service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&service]))?;
        rig.set_control(1, 5000, &TIMEOUTS);
        let syn = packet(1, &service, SYN).frame();
        for (agent, verdict) in [
            (Agent::Alive, REDIRECT),
            (Agent::Slow, REDIRECT),
            (Agent::Ahead, REDIRECT),
            (Agent::Silent, PASS),
            (Agent::Alive, REDIRECT),
        ] {
            let ran = rig.run(&syn, network.front.index, agent)?;
            ensure!(ran.outcome.verdict == verdict, "{agent:?}");
        }
        ensure!(rig.maps.reason(Reason::AgentSilent)? == 1);
        Ok(())
    })
}

#[test]
fn what_is_dropped_or_passed_is_not_counted_as_carried() -> Result<()> {
    in_director(|network, rig| {
        let service = service(22, 80, TCP, vec![server(network, 13, 8080, Nat)]);
        rig.configure(&desired(&[&service]))?;
        let [unreachable, _] = UNREACHABLE;
        let destination = Endpoint {
            address: unreachable.into(),
            port: 1,
        };
        let reply = Segment {
            destination,
            ..reply(1, &service, &service.servers[0])
        };
        // No flow: the kernel may know whose it is.
        ensure!(rig.send(&reply.frame(), network.back.index)?.verdict == PASS);
        let last_hop = Segment {
            ttl: 1,
            ..packet(1, &service, SYN)
        };
        ensure!(rig.send(&last_hop.frame(), network.front.index)?.verdict == TX);
        let (slot, _) = rig.maps.backends().next().context("no server")?;
        let traffic = rig.maps.traffic(slot)?;
        ensure!(
            (traffic.in_packets, traffic.out_packets) == (0, 0),
            "{traffic:?}"
        );
        Ok(())
    })
}

#[test]
fn frames_for_somebody_else_are_the_kernels() -> Result<()> {
    in_director(|network, rig| {
        let service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&service]))?;
        rig.set_stations(&[network.front]);
        let syn = packet(1, &service, SYN).frame();
        let to = |mac: [u8; 6]| [&mac, &syn[6..]].concat();
        for (mac, verdict) in [
            (network.front.mac, REDIRECT),
            // Virtual routers: `use_vmac`.
            ([0, 0, 0x5e, 0, 1, 51], REDIRECT),
            // What we have sent to a server ourselves, flooded by a switch.
            ([2, 0, 0, 0xdd, 0, 0x11], PASS),
            ([0xff; 6], PASS),
            ([1, 0, 0x5e, 0, 0, 18], PASS),
        ] {
            let frame = to(mac);
            let found = rig.send(&frame, network.front.index)?;
            ensure!(found.verdict == verdict, "{mac:x?}");
            ensure!(verdict == REDIRECT || found.frame == frame);
        }
        ensure!(rig.maps.reason(Reason::OtherHost)? == 1);
        // Of an interface that nothing is known of, whatever is not for a group.
        for (mac, verdict) in [([2, 0, 0, 0xdd, 0, 0x11], TX), ([0xff; 6], PASS)] {
            ensure!(rig.send(&to(mac), network.back.index)?.verdict == verdict);
        }
        Ok(())
    })
}

#[test]
fn what_cannot_leave_is_dropped_counted_and_not_counted_as_carried() -> Result<()> {
    in_director(|network, rig| {
        let service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&service]))?;
        rig.maps.set_egress(&[])?;
        let syn = packet(1, &service, SYN).frame();
        ensure!(rig.send(&syn, network.front.index)?.verdict == DROP);
        ensure!(rig.maps.reason(Reason::NoEgress)? == 1);
        let (slot, _) = rig.maps.backends().next().context("no server")?;
        ensure!(rig.maps.traffic(slot)?.in_packets == 0);
        Ok(())
    })
}
