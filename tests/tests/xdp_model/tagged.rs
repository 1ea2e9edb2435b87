//! Frames with VLAN tags: what becomes of them is what becomes of the same frame without, which the model
//! says. What is the kernel's goes to it with its tags, and so does an answer to the sender.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_common::vlan::{CUSTOMER, SERVICE, Tag, VlanKey};

use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::{Segment, TCP};
use crate::model::{Outcome, PASS, REDIRECT, TX};
use crate::network::Network;
use crate::random::Random;
use crate::rig::{Agent, Rig};
use crate::six;
use crate::trial::Trial;

/// Both addresses of an Ethernet header.
const ADDRESSES: usize = 12;

/// VLANs that are ours on every interface: with one tag, and with two.
const OURS: [[Tag; 2]; 3] = [
    [Tag::new(CUSTOMER, 10), Tag::NONE],
    [Tag::new(SERVICE, 4094), Tag::NONE],
    [Tag::new(SERVICE, 20), Tag::new(CUSTOMER, 30)],
];

/// And such that nobody has told the program of.
const OTHERS: [[Tag; 2]; 4] = [
    [Tag::new(CUSTOMER, 11), Tag::NONE],
    [Tag::new(SERVICE, 10), Tag::NONE],
    [Tag::new(SERVICE, 20), Tag::NONE],
    [Tag::new(CUSTOMER, 10), Tag::new(CUSTOMER, 30)],
];

/// Tells the program of our VLANs. Each is taken for the interface below it, since the kernel is asked the
/// way back from there.
pub(crate) fn announce(rig: &mut Rig, network: &Network) -> Result<()> {
    let mut vlans = BTreeMap::new();
    for ifindex in [network.front.index, network.back.index] {
        for [outer, inner] in OURS {
            let key = VlanKey {
                ifindex,
                outer,
                inner,
            };
            vlans.insert(key, ifindex);
        }
    }
    Ok(rig.maps.set_vlans(&vlans)?)
}

/// One frame with some tags to the program, without them to the model.
pub(crate) fn send(
    trial: &mut Trial<'_>,
    frame: &[u8],
    ingress: u32,
    agent: Agent,
    random: &mut Random,
) -> Result<Outcome> {
    if random.chance(10) {
        let sent = with(frame, random.pick(&OTHERS), random);
        let found = trial.rig.send(&sent, ingress)?;
        ensure!(found == untouched(&sent), "{found:?}");
    }
    let sent = with(frame, random.pick(&OURS), random);
    let tags = sent.len() - frame.len();
    trial.send_as(frame, &sent, ingress, agent, |outcome, answered| {
        if outcome.verdict == PASS {
            return Outcome {
                frame: sent.clone(),
                ..outcome
            };
        }
        if outcome.verdict == TX && answered {
            let tags = &sent[ADDRESSES..ADDRESSES + tags];
            let frame = inserted(&outcome.frame, tags);
            return Outcome { frame, ..outcome };
        }
        outcome
    })
}

fn untouched(frame: &[u8]) -> Outcome {
    Outcome {
        verdict: PASS,
        frame: frame.to_vec(),
        handed: None,
    }
}

/// The frame with these tags, of any priority.
fn with(frame: &[u8], tags: [Tag; 2], random: &mut Random) -> Vec<u8> {
    let tags = tags.into_iter().filter(|tag| tag.exists());
    let tags = tags.flat_map(|tag| {
        let mut bytes = tag.word().to_ne_bytes();
        bytes[2] |= (random.number() as u8) << 4;
        bytes
    });
    inserted(frame, &tags.collect::<Vec<u8>>())
}

/// The frame with these bytes behind its addresses, where it has them.
pub(crate) fn inserted(frame: &[u8], tags: &[u8]) -> Vec<u8> {
    match frame.split_at_checked(ADDRESSES) {
        Some((addresses, rest)) => [addresses, tags, rest].concat(),
        None => frame.to_vec(),
    }
}

/// A packet of a client to port 80 of [`service`] 20.
fn to_web(port: u16, flags: u8) -> Segment {
    packet(port, &service(20, 80, TCP, Vec::new()), flags)
}

#[test]
fn a_packet_of_ipv6_with_tags_goes_where_it_goes_without() -> Result<()> {
    in_director(|network, rig| {
        announce(rig, network)?;
        let servers = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let web = service(20, 80, TCP, servers);
        let [_, theirs] = six::twins(&web);
        rig.configure(&desired(&[&theirs]))?;
        let mut random = Random::new(7);
        for (port, tags) in (1..).zip(OURS.into_iter().cycle().take(12)) {
            // The first packet of a connection takes another way than those that follow.
            let syn = with(&six::frame(&to_web(port, SYN), &[]), tags, &mut random);
            let opened = rig.send(&syn, network.front.index)?;
            let plain = six::frame(&to_web(port, ACK), &[]);
            let expected = rig.send(&plain, network.front.index)?;
            ensure!(opened.verdict == REDIRECT, "{opened:?}");
            ensure!(expected.verdict == REDIRECT, "{expected:?}");
            ensure!(opened.frame[..6] == expected.frame[..6], "another server");
            let found = rig.send(&with(&plain, tags, &mut random), network.front.index)?;
            ensure!(found == expected, "{found:?} instead of {expected:?}");
        }
        // What is nobody's, and what has no hop left.
        let mut elsewhere = to_web(1, ACK);
        elsewhere.destination.port = 81;
        let sent = with(&six::frame(&elsewhere, &[]), OURS[2], &mut random);
        let found = rig.send(&sent, network.front.index)?;
        ensure!(found == untouched(&sent), "{found:?}");
        let spent = six::frame(
            &Segment {
                ttl: 1,
                ..to_web(1, ACK)
            },
            &[],
        );
        let sent = with(&spent, OURS[0], &mut random);
        let found = rig.send(&sent, network.front.index)?;
        ensure!(found.verdict == TX, "{found:?}");
        ensure!(found.frame[12..16] == sent[12..16], "it has lost its tag");
        ensure!(found.frame[16..18] == [0x86, 0xdd], "{found:?}");
        Ok(())
    })
}

#[test]
fn a_tagged_frame_is_the_kernels_as_long_as_nobody_has_told_of_its_vlan() -> Result<()> {
    in_director(|network, rig| {
        let web = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired(&[&web]))?;
        let mut random = Random::new(7);
        let plain = to_web(1, SYN).frame();
        for tags in OURS.into_iter().chain(OTHERS) {
            let sent = with(&plain, tags, &mut random);
            let found = rig.send(&sent, network.front.index)?;
            ensure!(found == untouched(&sent), "{found:?}");
        }
        announce(rig, network)?;
        let sent = with(&plain, OURS[0], &mut random);
        ensure!(rig.send(&sent, network.front.index)?.verdict == REDIRECT);
        // On no other interface, and not for a group.
        let found = rig.send(&sent, network.aside.index);
        ensure!(found.map_or(true, |it| it == untouched(&sent)));
        let mut group = sent.clone();
        group[0] |= 1;
        let found = rig.send(&group, network.front.index)?;
        ensure!(found == untouched(&group), "{found:?}");
        Ok(())
    })
}
