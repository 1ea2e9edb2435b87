//! `ICMPv6` errors about packets that are translated: they and what they quote, in both directions.

use anyhow::{Result, ensure};
use lb_agent::dataplane::desired::{Server, Service};

use super::{ROUTERS, at_work, chains, same};
use crate::fixture::{ACK, CLIENT, desired, in_director, packet, reply};
use crate::frame::{ETHERNET, Endpoint, Segment, TCP, UDP, v4};
use crate::model::{PASS, REDIRECT};
use crate::six::frame::HEADER;
use crate::six::image;
use crate::six::related::{error_from, quoted_to};

/// A server's answer on its way to the client: before the director, and behind it.
fn answer(service: &Service, server: &Server) -> [Segment; 2] {
    let before = Segment {
        payload: vec![3; 1100],
        ..reply(1, service, server)
    };
    let behind = Segment {
        source: packet(1, service, 0).destination,
        ..before.clone()
    };
    [before, behind]
}

#[test]
fn an_error_about_a_reply_of_ipv6_goes_to_the_server_as_one_about_its_own_packet() -> Result<()> {
    in_director(|network, rig| {
        for protocol in [TCP, UDP] {
            let (ours, server) = at_work(network, rig, protocol)?;
            let [before, behind] = answer(&ours, &server);
            let [name, its] = [v4(ours.key.address), v4(server.address)].map(image);
            for kind in 1..=4 {
                for (outer, inner) in chains().iter().zip(chains().iter().rev()) {
                    for from in [ROUTERS[0], image(CLIENT)] {
                        // Whole, all of the headers, ports and no more.
                        let headers = quoted_to(&behind, inner, usize::MAX).len() - 1100;
                        let ports = headers - if protocol == TCP { 12 } else { 0 };
                        for most in [1232, headers, headers - 1, ports] {
                            let most = most.max(ports);
                            let expected = quoted_to(&before, inner, most);
                            // What does not come back of the checksum is not mended.
                            let sent = error_from(
                                kind,
                                [from, name],
                                60,
                                &quoted_to(&behind, inner, most),
                                outer,
                            );
                            let expected = error_from(kind, [from, its], 59, &expected, outer);
                            let found = rig.send(&sent, network.front.index)?;
                            ensure!(found.verdict == REDIRECT && found.frame[5] == 0x13);
                            let cut = protocol == TCP && most < headers && most > ports + 8;
                            if !cut {
                                same(&found.frame, &expected)?;
                            }
                        }
                    }
                }
            }
            rig.configure(&desired(&[]))?;
        }
        Ok(())
    })
}

#[test]
fn an_error_about_a_request_of_ipv6_goes_to_the_client_in_the_name_of_the_service() -> Result<()> {
    in_director(|network, rig| {
        for protocol in [TCP, UDP] {
            let (ours, server) = at_work(network, rig, protocol)?;
            let before = Segment {
                payload: vec![5; 900],
                ..packet(1, &ours, ACK)
            };
            let behind = Segment {
                destination: reply(1, &ours, &server).source,
                ..before.clone()
            };
            let [name, its, client] = [v4(ours.key.address), v4(server.address), CLIENT].map(image);
            for kind in 1..=4 {
                for (outer, inner) in chains().iter().zip(chains().iter().rev()) {
                    for from in [ROUTERS[1], its] {
                        let sent = error_from(
                            kind,
                            [from, client],
                            60,
                            &quoted_to(&behind, inner, 1232),
                            outer,
                        );
                        let found = rig.send(&sent, network.back.index)?;
                        // A router's comes to light by what it quotes alone: not behind options.
                        if from != its && !outer.is_empty() {
                            ensure!((found.verdict, &found.frame) == (PASS, &sent));
                            continue;
                        }
                        ensure!(
                            found.verdict == REDIRECT,
                            "{kind} {from} {outer:?} {inner:?}"
                        );
                        let expected = quoted_to(&before, inner, 1232);
                        let expected = error_from(kind, [name, client], 59, &expected, outer);
                        same(&found.frame, &expected)?;
                    }
                }
            }
            // About somebody else's packet, to somebody else, no error, cut off.
            let stranger = Segment {
                source: Endpoint {
                    port: 2,
                    ..behind.source
                },
                ..behind.clone()
            };
            let whole = quoted_to(&behind, &[], 1232);
            let sound = error_from(2, [its, client], 60, &whole, &[]);
            for sent in [
                error_from(2, [its, client], 60, &quoted_to(&stranger, &[], 1232), &[]),
                error_from(2, [its, name], 60, &whole, &[]),
                error_from(129, [its, client], 60, &whole, &[]),
                error_from(2, [its, client], 1, &whole, &[]),
                error_from(2, [its, client], 60, &whole[..HEADER + 7], &[]),
            ] {
                let found = rig.send(&sent, network.back.index)?;
                ensure!((found.verdict, &found.frame) == (PASS, &sent));
            }
            for length in ETHERNET..sound.len() {
                let cut = sound[..length].to_vec();
                let found = rig.send(&cut, network.back.index)?;
                ensure!((found.verdict, &found.frame) == (PASS, &cut), "{length}");
            }
            ensure!(rig.maps.flows().count() == 1, "an error has made a flow");
            rig.configure(&desired(&[]))?;
        }
        Ok(())
    })
}
