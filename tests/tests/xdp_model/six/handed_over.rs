//! What the first program of IPv6 leaves for the one for new flows, when another packet comes in between.

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;

use super::frame::{built, frame};
use super::promises::sent_to;
use super::{image, twins};
use crate::fixture::{CLIENT, SYN, desired, in_director, packet, server, service};
use crate::frame::{TCP, v4};
use crate::model::REDIRECT;

#[test]
fn a_packet_is_not_given_what_was_asked_about_another() -> Result<()> {
    in_director(|network, rig| {
        let [first, second] = [20, 21].map(|last| {
            let servers = vec![server(network, last - 9, 80, Dr)];
            twins(&service(last, 80, TCP, servers))
        });
        let ([ours, theirs], [beside, image_beside]) = (first, second);
        rig.configure(&desired(&[&theirs, &image_beside]))?;
        let name = image(v4(ours.key.address));
        let stranger = image([192, 0, 2, 11].into());
        let mut known = 0;
        for (port, source, asked, expected) in [
            // Of another client, and of the same one to another service.
            (1, stranger, packet(1, &ours, SYN), 0x11),
            (2, image(CLIENT), packet(2, &beside, SYN), 0x11),
        ] {
            ensure!(sent_to(rig, network, &frame(&asked, &[]))?.is_some());
            let ours = built(&packet(port, &ours, SYN), [source, name], &[]);
            let found = rig.hand_over(&ours, network.front.index)?;
            ensure!(found.verdict == REDIRECT, "{port}: {}", found.verdict);
            ensure!(found.frame[5] == expected, "{port}: {:x}", found.frame[5]);
            known += 2;
            let flows: Vec<_> = rig.maps.flows().map(|flow| flow.client).collect();
            ensure!(flows.len() == known, "{port}: {flows:?}");
            ensure!(flows.contains(&source.into()), "{port}: {flows:?}");
        }
        Ok(())
    })
}
