//! Fragments: all of a packet to one server, in whatever way that gets its packets.

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat, Tun};
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{desired, in_director, packet, reply, server, service};
use crate::frame::{ETHERNET, Segment, UDP, checksum, v4};
use crate::model::{Outcome, PASS, REDIRECT};

/// "More fragments".
const MORE: u16 = 0x2000;

/// Another fragment of the packet that `first` is the first one of.
fn later(first: &Segment, fragment: u16) -> Segment {
    Segment {
        fragment,
        payload: b"what comes later has no ports".to_vec(),
        ..first.clone()
    }
}

#[test]
fn all_fragments_of_a_packet_go_to_the_server_of_the_first() -> Result<()> {
    in_director(|network, rig| {
        for method in [Dr, Tun, Nat] {
            let servers = [11, 12].map(|last| server(network, last, 5353, method));
            let service = service(25, 53, UDP, servers.to_vec());
            rig.configure(&desired(&[&service]))?;
            let mut served = Vec::new();
            for port in 1..=4 {
                let first = Segment {
                    fragment: MORE,
                    payload: vec![7; 64],
                    ..packet(port, &service, 0)
                };
                served.extend(server_of(rig, network, &first)?);
                for fragment in [MORE | 9, 20] {
                    let segment = later(&first, fragment);
                    let found = rig.send(&segment.frame(), network.front.index)?;
                    ensure!(found.verdict == REDIRECT, "{method:?}");
                    let digits = found.frame[5] / 16 * 10 + found.frame[5] % 16;
                    ensure!(served.last() == Some(&digits), "{method:?} {port}");
                    let ip = &found.frame[ETHERNET..];
                    ensure!(checksum(&ip[..20]) == 0);
                    let inner = if method == Tun { &ip[20..] } else { ip };
                    ensure!(inner[6..8] == fragment.to_be_bytes());
                    // Not a byte of what it carries is taken for ports.
                    ensure!(inner[20..] == segment.frame()[ETHERNET + 20..]);
                    ensure!(method == Dr || ip[16..20] == [10, 0, 0, digits]);
                }
            }
            served.sort_unstable();
            ensure!(served == [11, 11, 12, 12], "{method:?}: {served:?}");
        }
        ensure!(rig.maps.reason(Reason::Fragment)? == 0);
        Ok(())
    })
}

#[test]
fn all_fragments_of_a_reply_come_in_the_name_of_the_service() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 5353, Nat);
        let service = service(26, 53, UDP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        server_of(rig, network, &packet(1, &service, 0))?;
        let first = Segment {
            fragment: MORE,
            payload: vec![7; 64],
            ..reply(1, &service, &nat)
        };
        for segment in [first.clone(), later(&first, MORE | 9), later(&first, 20)] {
            let found = rig.send(&segment.frame(), network.back.index)?;
            ensure!(found.verdict == REDIRECT);
            ensure!(found.frame[26..30] == v4(service.key.address).octets());
            ensure!(checksum(&found.frame[ETHERNET..ETHERNET + 20]) == 0);
        }
        Ok(())
    })
}

#[test]
fn a_fragment_is_the_kernels_without_the_first_one_or_long_after_it() -> Result<()> {
    in_director(|network, rig| {
        let service = service(27, 53, UDP, vec![server(network, 11, 53, Dr)]);
        rig.configure(&desired(&[&service]))?;
        let first = Segment {
            fragment: MORE,
            payload: vec![7; 64],
            ..packet(1, &service, 0)
        };
        let last = later(&first, 20).frame();
        let passed = Outcome::of(PASS, last.clone());
        ensure!(rig.send(&last, network.front.index)? == passed);
        server_of(rig, network, &first)?;
        ensure!(rig.send(&last, network.front.index)?.verdict == REDIRECT);
        // Of another packet.
        let mut other = last.clone();
        other[ETHERNET + 5] ^= 1;
        ensure!(rig.send(&other, network.front.index)?.verdict == PASS);
        // Thirty seconds at 250 Hz are 29 ticks.
        rig.age(std::iter::empty(), 31)?;
        ensure!(rig.send(&last, network.front.index)? == passed);
        ensure!(rig.maps.reason(Reason::Fragment)? == 3);
        Ok(())
    })
}

#[test]
fn fragments_of_a_client_that_is_a_server_as_well_go_to_the_server_of_the_first() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 5353, Nat);
        let service = service(26, 53, UDP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        let mut first = Segment {
            fragment: MORE,
            payload: vec![7; 64],
            ..packet(1, &service, 0)
        };
        first.source.address = v4(nat.address);
        for segment in [first.clone(), later(&first, 20)] {
            let found = rig.send(&segment.frame(), network.front.index)?;
            ensure!(found.verdict == REDIRECT);
            let ip = &found.frame[ETHERNET..];
            ensure!(ip[12..16] == v4(nat.address).octets(), "the source stays");
            ensure!(ip[16..20] == v4(nat.address).octets());
        }
        Ok(())
    })
}
