//! A `virtual_server_group`: one pool behind several addresses and ports.

use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat};
use lb_agent::config::model::Scheduler;
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{ACK, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::TCP;
use crate::model::{PASS, REDIRECT};

/// A group of 198.51.100.20 and .21, each with these ports.
fn group(of: &Service, ports: &[u16]) -> Service {
    let keys = [20, 21].into_iter().flat_map(|last| {
        let ports = ports.iter();
        ports.map(move |port| (service(last, *port, TCP, Vec::new()).key, 0))
    });
    of.of(keys.collect()).unwrap_or_else(|| of.clone())
}

/// One address and port of a group, to send packets to.
fn alone(last: u8, port: u16) -> Service {
    service(last, port, TCP, Vec::new())
}

#[test]
fn turns_go_round_over_all_addresses_and_ports_of_a_group() -> Result<()> {
    in_director(|network, rig| {
        let three = [11, 12, 13].map(|last| server(network, last, 80, Dr));
        let group = group(&service(20, 80, TCP, three.to_vec()), &[80, 443]);
        rig.configure(&desired(&[&group]))?;
        let asked = [(20, 80), (21, 80), (20, 443), (21, 443)];
        let asked = asked.into_iter().cycle();
        for (port, ((last, asked), server)) in (1..).zip(asked.zip([11, 12, 13].repeat(4))) {
            let found = server_of(rig, network, &packet(port, &alone(last, asked), SYN))?;
            ensure!(found == Some(server), "{port}: {found:?}");
        }
        ensure!(rig.maps.backends().count() == 3);
        Ok(())
    })
}

#[test]
fn servers_are_compared_by_the_connections_of_all_of_a_group() -> Result<()> {
    in_director(|network, rig| {
        let two = [11, 12].map(|last| server(network, last, 80, Dr));
        let group = Service {
            scheduler: Scheduler::Lc,
            ..group(&service(20, 80, TCP, two.to_vec()), &[80])
        };
        rig.configure(&desired(&[&group]))?;
        let mut found = Vec::new();
        for (port, last) in [(1, 20), (2, 21), (3, 20), (4, 21)] {
            found.push(server_of(
                rig,
                network,
                &packet(port, &alone(last, 80), SYN),
            )?);
        }
        ensure!(found == [11, 12, 11, 12].map(Some), "{found:?}");
        Ok(())
    })
}

#[test]
fn a_client_keeps_its_server_over_ports_and_addresses_of_a_group() -> Result<()> {
    in_director(|network, rig| {
        let two = [11, 12].map(|last| server(network, last, 0, Dr));
        let group = Service {
            persistence: Some(Persistence {
                timeout: Duration::from_mins(1),
                mask: [255; 4].into(),
                prefix: 128,
            }),
            ..group(&service(20, 80, TCP, two.to_vec()), &[80, 443])
        };
        rig.configure(&desired(&[&group]))?;
        let first = server_of(rig, network, &packet(1, &alone(20, 80), SYN))?;
        for (port, (last, asked)) in (2..).zip([(20, 443), (21, 80), (21, 443), (20, 80)]) {
            let found = server_of(rig, network, &packet(port, &alone(last, asked), SYN))?;
            ensure!(found == first, "{last} {asked}: {found:?}");
        }
        Ok(())
    })
}

#[test]
fn one_port_of_a_client_is_two_flows_to_two_addresses_and_each_answers_in_its_name() -> Result<()> {
    in_director(|network, rig| {
        let two = [11, 12].map(|last| server(network, last, 8080, Nat));
        let group = group(&service(20, 80, TCP, two.to_vec()), &[80]);
        rig.configure(&desired(&[&group]))?;
        ensure!(server_of(rig, network, &packet(7, &alone(20, 80), SYN))? == Some(11));
        ensure!(server_of(rig, network, &packet(7, &alone(21, 80), SYN))? == Some(12));
        for (from, last) in two.iter().zip([20, 21]) {
            let answer = reply(7, &alone(last, 80), from);
            let found = rig.send(&answer.frame(), network.back.index)?;
            ensure!(found.verdict == REDIRECT, "{last}");
            ensure!(found.frame[26..30] == [198, 51, 100, last], "{last}");
            ensure!(found.frame[34..36] == 80_u16.to_be_bytes(), "{last}");
        }
        Ok(())
    })
}

#[test]
fn what_leaves_a_group_is_nobodys_and_its_number_may_be_given_to_another() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 11, 8080, Nat);
        let both = group(&service(20, 80, TCP, vec![nat]), &[80]);
        rig.configure(&desired(&[&both]))?;
        for last in [20, 21] {
            server_of(rig, network, &packet(7, &alone(last, 80), SYN))?;
            server_of(
                rig,
                network,
                &packet(u16::from(last), &alone(last, 80), SYN),
            )?;
        }
        let one = Service {
            servers: vec![nat],
            ..alone(20, 80)
        };
        rig.configure(&desired(&[&one]))?;
        // Its server would answer in the name of nobody.
        let answer = reply(21, &alone(21, 80), &nat);
        ensure!(rig.send(&answer.frame(), network.back.index)?.verdict == PASS);
        ensure!(
            server_of(rig, network, &packet(7, &one, ACK))? == Some(11),
            "the other goes on"
        );
        // Another service, with the number that is free and a server of its own.
        let other = service(30, 80, TCP, vec![server(network, 12, 80, Dr)]);
        rig.configure(&desired(&[&one, &other]))?;
        ensure!(server_of(rig, network, &packet(7, &other, SYN))? == Some(12));
        ensure!(rig.maps.reason(Reason::NoServer)? == 0);
        Ok(())
    })
}
