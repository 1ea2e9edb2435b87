//! Each scheduler, with a script of connections whose servers are known beforehand: worked out by
//! hand from the kernel's rules, not by the model.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::{self, Dr, Nat};
use lb_agent::config::model::{Scheduler, SchedulerFlags};
use lb_agent::dataplane::desired::{Server, Service};
use lb_common::flow::state::{self, TIMEOUTS};
use lb_common::stats::Reason;

use super::{server_of, weigh};
use crate::fixture::{
    ACK, FIN_ACK, RST, SYN, desired, in_director, packet, reply, server, service,
};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::model::REDIRECT;
use crate::network::Network;
use crate::rig::{Agent, Rig};

/// A service on 198.51.100.20:80 of the servers 11, 12, … with these weights.
fn service_of(network: &Network, scheduler: Scheduler, weights: &[u32]) -> Service {
    let servers = (11..).zip(weights).map(|(last, weight)| Server {
        weight: *weight,
        full_weight: *weight,
        ..server(network, last, 80, Dr)
    });
    Service {
        scheduler,
        ..service(20, 80, TCP, servers.collect())
    }
}

/// The servers of connections from the client's ports 1, 2, …, which all stay open.
fn sequence(
    rig: &mut Rig,
    network: &Network,
    service: &Service,
    ports: std::ops::Range<u16>,
) -> Result<Vec<u8>> {
    let mut servers = Vec::new();
    for port in ports {
        let server = server_of(rig, network, &packet(port, service, SYN))?;
        servers.push(server.unwrap_or(0));
        if server.is_some() {
            let again = server_of(rig, network, &packet(port, service, ACK))?;
            ensure!(again == server, "port {port}: {server:?}, then {again:?}");
        }
    }
    Ok(servers)
}

#[test]
fn open_connections_are_shared_out_as_each_scheduler_says() -> Result<()> {
    use Scheduler::{Fo, Lc, Nq, Ovf, Sed, Wlc};
    let table: [(Scheduler, &[u32], &[u8]); 7] = [
        (Lc, &[1, 5, 0, 1], &[11, 12, 14, 11, 12, 14]),
        (
            Wlc,
            &[1, 2, 3],
            &[11, 12, 13, 13, 12, 13, 11, 12, 13, 13, 12, 13],
        ),
        // (active + 1) / weight: 1, 1/2, 1/3.
        (Sed, &[1, 2, 3], &[13, 12, 13, 11, 12, 13, 13, 12, 13]),
        (Nq, &[1, 2, 3], &[11, 12, 13, 13, 12, 13]),
        (Fo, &[1, 3, 3], &[12, 12, 12, 12]),
        (Ovf, &[1, 2, 3], &[13, 13, 13, 13, 12, 12, 12, 11, 11, 0]),
        (Lc, &[0, 0], &[0, 0]),
    ];
    in_director(|network, rig| {
        for (round, (scheduler, weights, expected)) in (0..).zip(table) {
            // Every round has a service of its own.
            let service = Service {
                key: service(20 + round, 80, TCP, Vec::new()).key,
                ..service_of(network, scheduler, weights)
            };
            rig.configure(&desired(&[&service]))?;
            let found = sequence(rig, network, &service, 1..expected.len() as u16 + 1)?;
            ensure!(found == expected, "{scheduler:?} {weights:?}: {found:?}");
        }
        Ok(())
    })
}

#[test]
fn a_connection_that_ends_weighs_next_to_nothing() -> Result<()> {
    in_director(|network, rig| {
        let service = service_of(network, Scheduler::Lc, &[1, 1]);
        rig.configure(&desired(&[&service]))?;
        ensure!(sequence(rig, network, &service, 1..5)? == [11, 12, 11, 12]);
        // Both of 12's connections end: it gets the next two, until it has as many.
        for port in [2, 4] {
            server_of(rig, network, &packet(port, &service, FIN_ACK))?;
        }
        ensure!(sequence(rig, network, &service, 5..8)? == [12, 12, 11]);
        Ok(())
    })
}

#[test]
fn a_full_server_gets_no_new_connections_until_enough_have_gone() -> Result<()> {
    for scheduler in [
        Scheduler::Rr,
        Scheduler::Wlc,
        Scheduler::Fo,
        Scheduler::Twos,
    ] {
        in_director(|network, rig| {
            let mut service = service_of(network, scheduler, &[1, 1]);
            for server in &mut service.servers {
                (server.uthreshold, server.lthreshold) = (2, 1);
            }
            rig.configure(&desired(&[&service]))?;
            let mut found = sequence(rig, network, &service, 1..7)?;
            found.sort_unstable();
            ensure!(found == [0, 0, 11, 11, 12, 12], "{scheduler:?}: {found:?}");
            ensure!(rig.maps.reason(Reason::Full)? >= 2);
            // Those that there are go on, and the others time out: nobody is full any more.
            ensure!(server_of(rig, network, &packet(1, &service, ACK))?.is_some());
            rig.maps
                .set_control(rig.maps.read_control().secret, 250, 0, &[0; state::COUNT]);
            rig.age_everything(5)?;
            rig.take_census()?;
            ensure!(server_of(rig, network, &packet(9, &service, SYN))?.is_some());
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn turns_of_a_full_server_are_shared_by_all_others() -> Result<()> {
    in_director(|network, rig| {
        let mut service = service_of(network, Scheduler::Wrr, &[100, 1, 1]);
        service.servers[0].uthreshold = 1;
        rig.configure(&desired(&[&service]))?;
        let found = sequence(rig, network, &service, 1..60)?;
        for server in [12, 13] {
            let theirs = found.iter().filter(|it| **it == server);
            let theirs = theirs.copied().map(u32::from).count();
            ensure!(theirs >= 10, "{server} has {theirs} of {found:?}");
        }
        Ok(())
    })
}

#[test]
fn who_was_full_is_not_taken_to_be_so_when_nobody_counts_any_more() -> Result<()> {
    for scheduler in [
        Scheduler::Rr,
        Scheduler::Wlc,
        Scheduler::Sh,
        Scheduler::Twos,
    ] {
        in_director(|network, rig| {
            let mut service = service_of(network, scheduler, &[1]);
            service.servers[0].uthreshold = 1;
            rig.configure(&desired(&[&service]))?;
            rig.set_control(1, 15_000, &TIMEOUTS);
            ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
            ensure!(server_of(rig, network, &packet(2, &service, SYN))?.is_none());
            let frame = packet(3, &service, SYN).frame();
            let ran = rig.run(&frame, network.front.index, Agent::Slow)?;
            ensure!(ran.outcome.verdict == REDIRECT, "{scheduler:?}: {ran:?}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_client_of_sh_and_mh_has_one_server_and_its_port_counts_only_if_asked() -> Result<()> {
    for scheduler in [Scheduler::Sh, Scheduler::Mh] {
        in_director(|network, rig| {
            let mut service = service_of(network, scheduler, &[1, 1, 1, 1]);
            rig.configure(&desired(&[&service]))?;
            let same = sequence(rig, network, &service, 1..50)?;
            ensure!(same.iter().all(|it| *it == same[0]), "{same:?}");
            service.flags = SchedulerFlags {
                flag_2: true,
                ..SchedulerFlags::default()
            };
            rig.configure(&desired(&[&service]))?;
            let spread = sequence(rig, network, &service, 1001..1200)?;
            for server in 11..=14 {
                let theirs = spread.iter().filter(|it| **it == server);
                let share = theirs.copied().map(u32::from).count();
                ensure!(
                    (20..=90).contains(&share),
                    "{scheduler:?} {server}: {share}"
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// SYN of another client.
fn from(client: [u8; 4], service: &Service) -> Segment {
    Segment {
        source: Endpoint {
            address: client.into(),
            port: 4000,
        },
        ..packet(1, service, SYN)
    }
}

#[test]
fn a_resting_server_of_mh_moves_its_own_clients_only_and_only_with_a_fallback() -> Result<()> {
    in_director(|network, rig| {
        let mut service = service_of(network, Scheduler::Mh, &[1, 1, 1]);
        let clients: Vec<[u8; 4]> = (0..200).map(|it| [172, 16, 7, it]).collect();
        let places = |rig: &mut Rig, service: &Service| -> Result<Vec<Option<u8>>> {
            rig.configure(&desired(&[service]))?;
            rig.age_everything(10_000)?;
            let each = clients.iter();
            each.map(|it| server_of(rig, network, &from(*it, service)))
                .collect()
        };
        let before = places(rig, &service)?;
        service = weigh(&service, &[1, 0, 1]);
        let without = places(rig, &service)?;
        service.flags.flag_1 = true;
        let with = places(rig, &service)?;
        for ((before, without), with) in before.iter().zip(without).zip(with) {
            if *before == Some(12) {
                ensure!(without.is_none(), "{without:?}");
                ensure!(matches!(with, Some(11 | 13)), "{with:?}");
            } else {
                ensure!(without == *before && with == *before);
            }
        }
        Ok(())
    })
}

#[test]
fn every_datagram_of_an_ops_service_is_scheduled_by_itself() -> Result<()> {
    in_director(|network, rig| {
        let servers = (11..14).map(|last| server(network, last, 53, Dr));
        let mut service = service(20, 53, UDP, servers.collect());
        rig.configure(&desired(&[&service]))?;
        let turns = |rig: &mut Rig, service: &Service| -> Result<Vec<Option<u8>>> {
            let one = packet(7, service, 0);
            (0..4).map(|_| server_of(rig, network, &one)).collect()
        };
        ensure!(turns(rig, &service)? == [Some(11); 4]);
        rig.age_everything(10_000)?;
        service.ops = true;
        rig.configure(&desired(&[&service]))?;
        ensure!(turns(rig, &service)? == [Some(12), Some(13), Some(11), Some(12)]);
        ensure!(rig.maps.flows().count() == 1);
        Ok(())
    })
}

#[test]
fn twos_shares_out_by_weight_and_takes_the_less_loaded_one() -> Result<()> {
    in_director(|network, rig| {
        let service = service_of(network, Scheduler::Twos, &[1, 3]);
        rig.configure(&desired(&[&service]))?;
        let found = sequence(rig, network, &service, 1..801)?;
        let mut shares: BTreeMap<u8, usize> = BTreeMap::new();
        for server in found {
            *shares.entry(server).or_default() += 1;
        }
        // Open connections level out at the weights; lots alone would stray much further.
        ensure!(shares[&11].abs_diff(200) < 20, "{shares:?}");
        Ok(())
    })
}

#[test]
fn lblc_leaves_an_address_with_its_server_until_that_is_overloaded() -> Result<()> {
    in_director(|network, rig| {
        let service = service_of(network, Scheduler::Lblc, &[2, 2]);
        rig.configure(&desired(&[&service]))?;
        // The first has more than its weight only with the third; the second has nothing to do.
        let found = sequence(rig, network, &service, 1..6)?;
        ensure!(found == [11, 11, 11, 12, 12], "{found:?}");
        Ok(())
    })
}

/// A service whose clients may have so many connections each.
fn limited(network: &Network, limit: u32, method: Forwarding) -> Service {
    Service {
        source_limit: limit,
        ..service(20, 80, TCP, vec![server(network, 11, 80, method)])
    }
}

#[test]
fn who_connects_many_times_at_once_gets_no_more_connections_than_it_may() -> Result<()> {
    in_director(|network, rig| {
        let service = limited(network, 3, Dr);
        rig.configure(&desired(&[&service]))?;
        // Nothing counts yet.
        ensure!(sequence(rig, network, &service, 1..11)? == [11; 10]);
        let ask = |rig: &mut Rig, port| server_of(rig, network, &packet(port, &service, ACK));
        let mut served = Vec::new();
        for port in 1..11 {
            served.push(ask(rig, port)?.is_some());
        }
        ensure!(
            served == [[true; 3].as_slice(), &[false; 7]].concat(),
            "{served:?}"
        );
        ensure!(rig.maps.reason(Reason::SourceLimit)? == 7);
        // Those that there are go on; one is reset, and another one has its place.
        ensure!(ask(rig, 3)?.is_some());
        ensure!(server_of(rig, network, &packet(1, &service, RST))?.is_some());
        rig.take_census()?;
        ensure!(ask(rig, 9)?.is_some() && ask(rig, 10)?.is_none());
        Ok(())
    })
}

#[test]
fn an_answer_to_a_client_at_its_limit_arrives_and_its_next_packet_does_not() -> Result<()> {
    in_director(|network, rig| {
        let service = limited(network, 1, Nat);
        rig.configure(&desired(&[&service]))?;
        ensure!(sequence(rig, network, &service, 1..3)? == [11, 11]);
        for (port, served) in [(1, true), (2, false)] {
            let reply = reply(port, &service, &service.servers[0]).frame();
            let sent = rig.send(&reply, network.back.index)?;
            ensure!(sent.verdict == REDIRECT, "{port}: {sent:?}");
            let next = server_of(rig, network, &packet(port, &service, ACK))?;
            ensure!(next.is_some() == served, "{port}: {next:?}");
        }
        Ok(())
    })
}

#[test]
fn two_packets_in_anybodys_name_count_for_nothing() -> Result<()> {
    in_director(|network, rig| {
        let service = limited(network, 1, Dr);
        rig.configure(&desired(&[&service]))?;
        for (port, second) in (1..).zip([SYN, ACK, FIN_ACK, RST, 0]) {
            for flags in [SYN, second] {
                let packet = packet(port, &service, flags);
                ensure!(
                    server_of(rig, network, &packet)?.is_some(),
                    "{port} {flags}"
                );
            }
            rig.take_census()?;
        }
        ensure!(rig.maps.reason(Reason::SourceLimit)? == 0);
        Ok(())
    })
}

#[test]
fn connections_of_another_director_are_limited_only_where_their_server_is_a_guess() -> Result<()> {
    for scheduler in [Scheduler::Sh, Scheduler::Dh, Scheduler::Mh, Scheduler::Rr] {
        in_director(|network, rig| {
            let service = Service {
                new_flow_limit: 10,
                ..service_of(network, scheduler, &[1, 1])
            };
            rig.configure(&desired(&[&service]))?;
            for port in 0..1000 {
                server_of(rig, network, &packet(port, &service, ACK))?;
            }
            let refused = rig.maps.reason(Reason::NewFlowLimit)?;
            let is_guess = scheduler == Scheduler::Rr;
            ensure!((refused > 0) == is_guess, "{scheduler:?}: {refused}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn more_new_flows_or_more_of_one_client_than_allowed_are_dropped_and_counted() -> Result<()> {
    in_director(|network, rig| {
        let mut service = service_of(network, Scheduler::Rr, &[1, 1]);
        service.source_limit = 3;
        rig.configure(&desired(&[&service]))?;
        let found = sequence(rig, network, &service, 1..4)?;
        ensure!(found == [11, 12, 11], "{found:?}");
        // SYN and ACK, which is all that has come yet, can come in anybody's name.
        ensure!(server_of(rig, network, &packet(4, &service, SYN))?.is_some());
        for port in 1..4 {
            server_of(rig, network, &packet(port, &service, ACK))?;
        }
        ensure!(server_of(rig, network, &packet(5, &service, SYN))?.is_none());
        ensure!(rig.maps.reason(Reason::SourceLimit)? == 1);
        ensure!(server_of(rig, network, &from([172, 16, 7, 7], &service))?.is_some());
        // They time out, and the agent notices.
        rig.maps
            .set_control(rig.maps.read_control().secret, 250, 0, &[0; state::COUNT]);
        rig.age_everything(5)?;
        rig.take_census()?;
        ensure!(server_of(rig, network, &packet(6, &service, SYN))?.is_some());

        service.source_limit = 0;
        // Of 10 in a second a tick of 256/250 s has room for 10.
        service.new_flow_limit = 10;
        rig.configure(&desired(&[&service]))?;
        let mut let_in = 0;
        for last in 0..250 {
            let syn = from([172, 16, 8, last], &service);
            let_in += usize::from(server_of(rig, network, &syn)?.is_some());
        }
        let refused = rig.maps.reason(Reason::NewFlowLimit)? as usize;
        ensure!(let_in + refused == 250, "{let_in} {refused}");
        ensure!(refused > 0 && let_in >= 10, "{let_in}");
        // Ten times as many packets of connections that nobody knows.
        let mut through = 0;
        for port in 0..2500 {
            let mut ack = from([172, 16, 9, 1], &service);
            (ack.source.port, ack.flags) = (port, ACK);
            through += usize::from(server_of(rig, network, &ack)?.is_some());
        }
        let refused = rig.maps.reason(Reason::NewFlowLimit)? as usize - refused;
        ensure!(through + refused == 2500, "{through} {refused}");
        ensure!(refused > 0 && through >= 100, "{through}");
        Ok(())
    })
}
