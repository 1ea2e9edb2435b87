//! What somebody is told who traces packets of IPv6: by each of the programs that they go through.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::xdp::trace::Tracer;
use lb_common::address6::words;
use lb_common::stats::Reason;
use lb_common::trace::{Event, NO_REASON, decision};

use super::frame::{Extension, built, frame};
use super::related::{answer, error, quoted};
use super::{image, twins};
use crate::fixture::{ACK, CLIENT, SYN, desired, in_director, packet, server, service};
use crate::frame::{TCP, v4};
use crate::model::{PASS, REDIRECT};
use crate::network::Network;
use crate::rig::Rig;
use crate::traced::renew;

/// Sends a frame; what is told of it, and nothing else.
fn told(tracer: &mut Tracer, rig: &mut Rig, network: &Network, frame: &[u8]) -> Result<Event> {
    renew(tracer);
    let found = rig.send(frame, network.front.index)?;
    let event = tracer.take_event().context("nothing is told")?;
    ensure!(tracer.take_event().is_none(), "told twice");
    ensure!(u32::from(event.verdict) == found.verdict, "{event:?}");
    ensure!(event.length as usize == frame.len(), "{event:?}");
    Ok(event)
}

#[test]
fn who_traces_is_told_how_a_packet_of_ipv6_came_to_its_server() -> Result<()> {
    in_director(|network, rig| {
        let servers = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let [ours, theirs] = twins(&service(20, 80, TCP, servers));
        rig.configure(&desired(&[&theirs]))?;
        let [client, name] = [CLIENT, v4(ours.key.address)].map(image);
        let mut tracer = rig.trace(network)?;
        let asked = packet(1, &ours, SYN);
        let piece = |offset, more| {
            let segment = packet(1, &ours, ACK);
            frame(&segment, &[Extension::fragment(offset, more, 7)])
        };
        let page = quoted(&answer(&asked), &[]);
        let refused = built(&asked, [name, name], &[]);
        let with = |flags, port| frame(&packet(port, &ours, flags), &[]);
        let mut slot = 0;
        for (what, sent, how, verdict) in [
            (
                "the first one",
                frame(&asked, &[]),
                decision::SCHEDULED,
                REDIRECT,
            ),
            ("the next one", with(ACK, 1), decision::FLOW, REDIRECT),
            ("a first fragment", piece(0, true), decision::FLOW, REDIRECT),
            ("a later one", piece(9, false), decision::NONE, REDIRECT),
            (
                "an error",
                error(2, name, &page, &[]),
                decision::NONE,
                REDIRECT,
            ),
            ("a stranger", with(ACK, 2), decision::UNKNOWN, REDIRECT),
            ("no sender", refused, decision::NONE, PASS),
            (
                "another port",
                frame(&packet(1, &service(20, 81, TCP, vec![]), SYN), &[]),
                decision::NONE,
                PASS,
            ),
        ] {
            let event = told(&mut tracer, rig, network, &sent)?;
            let place = || format!("{what}: {event:?}");
            ensure!(event.decision == how, "{}", place());
            ensure!(u32::from(event.verdict) == verdict, "{}", place());
            ensure!(
                event.before.version == 6 && event.omitted == 0,
                "{}",
                place()
            );
            ensure!(event.before.destination == words(name), "{}", place());
            let reason = match what {
                "no sender" => Reason::BadSource as u8,
                _ => NO_REASON,
            };
            ensure!(event.reason == reason, "{}", place());
            match how {
                decision::NONE => ensure!(event.slot == 0, "{}", place()),
                decision::FLOW => ensure!(event.slot == slot, "{}", place()),
                _ => {
                    ensure!(event.slot != 0, "{}", place());
                    ensure!(event.before.source == words(client), "{}", place());
                    ensure!(
                        event.before.destination_port == 80_u16.to_be(),
                        "{}",
                        place()
                    );
                }
            }
            if how == decision::SCHEDULED {
                slot = event.slot;
            }
        }
        drop(tracer);
        // Nobody reads any more, and all goes on.
        let found = rig.send(&with(ACK, 1), network.front.index)?;
        ensure!(found.verdict == REDIRECT);
        Ok(())
    })
}
