//! SCTP: whose associations last, and what becomes of a checksum.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat};
use lb_common::flow::sctp::{ACKED, CLOSED, ESTABLISHED, INIT1};
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{CLIENT, desired, in_director, packet, reply, server, service};
use crate::frame::{ABORT, ETHERNET, Endpoint, SCTP, Segment, crc32c};
use crate::model::{DROP, PASS, REDIRECT};
use crate::random::Random;
use crate::rig::Rig;
use crate::world::{bucket_mate, bucket_of};

/// Where a checksum stands in a frame without IP options.
const CHECKSUM: usize = ETHERNET + 20 + 8;

/// Types of chunks.
const DATA: u8 = 0;
const INIT: u8 = 1;
const COOKIE_ECHO: u8 = 10;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_COMPLETE: u8 = 14;

/// The state of the flow of the client's port 1, which is the only one.
fn state(rig: &Rig) -> Result<u8> {
    let flow = rig.maps.flows().next().context("no flow")?;
    Ok(flow.entry.state())
}

#[test]
fn an_association_keeps_its_server_from_init_to_the_end_and_the_next_one_is_scheduled() -> Result<()>
{
    in_director(|network, rig| {
        let two = vec![server(network, 11, 3868, Dr), server(network, 12, 3868, Dr)];
        let service = service(20, 3868, SCTP, two);
        rig.configure(&desired(&[&service]))?;
        for (chunk, after) in [
            (INIT, INIT1),
            (COOKIE_ECHO, ACKED),
            (DATA, ESTABLISHED),
            (INIT, ESTABLISHED),
        ] {
            let found = server_of(rig, network, &packet(1, &service, chunk))?;
            ensure!(found == Some(11), "{chunk}: {found:?}");
            ensure!(state(rig)? == after, "{chunk}: {}", state(rig)?);
        }
        for chunk in [SHUTDOWN, SHUTDOWN_COMPLETE, DATA] {
            ensure!(server_of(rig, network, &packet(1, &service, chunk))? == Some(11));
        }
        ensure!(state(rig)? == CLOSED);
        ensure!(server_of(rig, network, &packet(1, &service, INIT))? == Some(12));
        ensure!(state(rig)? == INIT1);
        Ok(())
    })
}

#[test]
fn an_abort_ends_an_association_also_behind_a_cookie() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 3868, Dr), server(network, 12, 3868, Dr)];
        let service = service(20, 3868, SCTP, two);
        rig.configure(&desired(&[&service]))?;
        ensure!(server_of(rig, network, &packet(1, &service, INIT))? == Some(11));
        let both = Segment {
            // Whose length is filled up to a multiple of four.
            payload: [&[0; 8][..], &ABORT].concat(),
            ..packet(1, &service, COOKIE_ECHO)
        };
        ensure!(server_of(rig, network, &both)? == Some(11));
        ensure!(state(rig)? == CLOSED, "{}", state(rig)?);
        ensure!(server_of(rig, network, &packet(1, &service, INIT))? == Some(12));
        Ok(())
    })
}

#[test]
fn a_flood_of_inits_and_forged_cookies_pushes_out_no_established_association() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 3868, Dr), server(network, 12, 3868, Dr)];
        let service = service(20, 3868, SCTP, two);
        rig.configure(&desired(&[&service]))?;
        let secret = rig.maps.read_control().secret;
        let mut random = Random::new(secret);
        let first = Endpoint {
            address: CLIENT,
            port: 1,
        };
        let mut mates = || bucket_mate(first, secret, &mut random);
        let established: Vec<Endpoint> = (0..4).map(|_| mates()).collect();
        let flood: Vec<Endpoint> = (0..40).map(|_| mates()).collect();
        let send = |rig: &mut Rig, client: Endpoint, chunk| {
            let segment = Segment {
                source: client,
                ..packet(0, &service, chunk)
            };
            server_of(rig, network, &segment)
        };
        let mut given = Vec::new();
        for client in &established {
            given.push(send(rig, *client, INIT)?);
            send(rig, *client, COOKIE_ECHO)?;
            send(rig, *client, DATA)?;
        }
        for client in flood.iter().cycle().take(200) {
            ensure!(send(rig, *client, INIT)?.is_some());
            ensure!(send(rig, *client, COOKIE_ECHO)?.is_some());
        }
        for (client, server) in established.iter().zip(&given) {
            ensure!(send(rig, *client, DATA)? == *server);
        }
        let bucket = rig.bucket(bucket_of(first, secret)).context("no bucket")?;
        let states = bucket.map(|flow| flow.state());
        ensure!(states == [ESTABLISHED; 4], "{states:?}");
        Ok(())
    })
}

#[test]
fn in_nat_mode_the_middle_of_an_unknown_association_is_the_kernel_s() -> Result<()> {
    in_director(|network, rig| {
        let service = service(22, 3868, SCTP, vec![server(network, 13, 3869, Nat)]);
        rig.configure(&desired(&[&service]))?;
        for chunk in [DATA, COOKIE_ECHO, SHUTDOWN] {
            let frame = packet(1, &service, chunk).frame();
            ensure!(rig.send(&frame, network.front.index)?.verdict == PASS);
        }
        ensure!(rig.maps.reason(Reason::NoFlow)? == 3);
        Ok(())
    })
}

/// Whether the checksum of a packet of SCTP is right.
fn is_right(frame: &[u8]) -> bool {
    let mut sctp = frame[ETHERNET + 20..].to_vec();
    let stated = sctp.splice(8..12, [0; 4]).collect::<Vec<u8>>();
    stated == crc32c(&sctp).to_le_bytes()
}

#[test]
fn a_checksum_is_right_behind_the_translation_if_it_was_before_and_only_then() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 3869, Nat);
        let service = service(22, 3868, SCTP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        let mut random = Random::from_anywhere();
        ensure!(server_of(rig, network, &packet(1, &service, INIT))? == Some(13));
        for length in [0, 1, 2, 3, 4, 100, 200, 239, 240, 241, 500, 1000, 1452] {
            let payload = random.bytes(length);
            let there = Segment {
                payload: payload.clone(),
                ..packet(1, &service, DATA)
            };
            let back = Segment {
                flags: DATA,
                payload,
                ..reply(1, &service, &nat)
            };
            let ways = [(there, network.front.index), (back, network.back.index)];
            for (segment, ingress) in ways {
                let sound = segment.frame();
                let found = rig.send(&sound, ingress)?;
                ensure!(found.verdict == REDIRECT && is_right(&found.frame));
                let mut broken = sound.clone();
                let last = broken.len() - 1;
                broken[last] ^= 0x10;
                let found = rig.send(&broken, ingress)?;
                ensure!(found.verdict == REDIRECT && !is_right(&found.frame));
                // Both ends have agreed on none (RFC 9653), or a card is to fill it in.
                let mut without = sound.clone();
                without[CHECKSUM..CHECKSUM + 4].fill(0);
                let found = rig.send(&without, ingress)?;
                ensure!(found.verdict == REDIRECT);
                ensure!(found.frame.get(CHECKSUM..CHECKSUM + 4) == Some(&[0; 4][..]));
            }
        }
        Ok(())
    })
}

#[test]
fn a_fragment_goes_on_unless_its_port_would_have_to_change() -> Result<()> {
    in_director(|network, rig| {
        let [same, other] = [3868, 3869].map(|port| server(network, 13, port, Nat));
        let [same, other] =
            [(21, same), (22, other)].map(|(last, server)| service(last, 3868, SCTP, vec![server]));
        rig.configure(&desired(&[&same, &other]))?;
        for service in [&same, &other] {
            ensure!(server_of(rig, network, &packet(1, service, INIT))? == Some(13));
        }
        let first = |service| Segment {
            fragment: 0x2000,
            payload: vec![1; 64],
            ..packet(1, service, DATA)
        };
        let later = |service| Segment {
            fragment: 10,
            ..first(service)
        };
        ensure!(server_of(rig, network, &first(&same))? == Some(13));
        ensure!(server_of(rig, network, &later(&same))? == Some(13));
        let found = rig.send(&first(&other).frame(), network.front.index)?;
        ensure!(found.verdict == DROP);
        ensure!(rig.maps.reason(Reason::SctpFragment)? == 1);
        let found = rig.send(&later(&other).frame(), network.front.index)?;
        ensure!(found.verdict == PASS);
        ensure!(rig.maps.reason(Reason::Fragment)? == 1);
        Ok(())
    })
}
