//! Who makes room for whom in a full bucket.

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat};
use lb_agent::dataplane::desired::Service;
use lb_common::flow::state::{self, TIMEOUTS};

use super::server_of;
use crate::fixture::{
    ACK, CLIENT, FIN_ACK, RST, SYN, desired, in_director, packet, reply, server, service,
};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;
use crate::world::{buckets_of, resident};

const SECRET: u64 = 0x0fed_cba9_8765_4321;

/// Port of the client that comes last.
const PORT: u16 = 4711;

/// The buckets of its flows.
fn buckets() -> [u32; 3] {
    let client = Endpoint {
        address: CLIENT,
        port: PORT,
    };
    buckets_of(client, SECRET)
}

/// A service of TCP and one of UDP.
fn services(network: &Network, rig: &mut Rig) -> Result<(Service, Service)> {
    rig.set_control(SECRET, 0, &TIMEOUTS);
    let two = |port| [11, 12].map(|last| server(network, last, port, Dr)).into();
    let (tcp, udp) = (service(20, 80, TCP, two(80)), service(20, 53, UDP, two(53)));
    rig.configure(&desired(&[&tcp, &udp]))?;
    Ok((tcp, udp))
}

/// What a client sends, one packet after the other.
fn talk(
    rig: &mut Rig,
    network: &Network,
    service: &Service,
    client: Endpoint,
    packets: &[u8],
) -> Result<()> {
    for flags in packets {
        let segment = Segment {
            source: client,
            ..packet(0, service, *flags)
        };
        ensure!(
            server_of(rig, network, &segment)?.is_some(),
            "not forwarded"
        );
    }
    Ok(())
}

/// Four clients that stand in one bucket and have sent these packets.
fn fill(
    rig: &mut Rig,
    network: &Network,
    service: &Service,
    bucket: u32,
    packets: &[u8],
) -> Result<[Endpoint; 4]> {
    let mut random = Random::new(bucket.into());
    let clients = [(); 4].map(|()| resident(bucket, SECRET, &mut random));
    for client in clients {
        talk(rig, network, service, client, packets)?;
    }
    Ok(clients)
}

/// How many of these clients have a flow in a bucket.
fn held(rig: &Rig, bucket: u32, clients: &[Endpoint]) -> usize {
    let flows = rig.bucket(bucket).into_iter().flatten();
    let held: Vec<_> = flows.map(|flow| flow.client()).collect();
    let has = |client: &&Endpoint| held.contains(&client.address);
    clients.iter().filter(has).count()
}

/// Connections as a client opens them: SYN, ACK, and what it asks for.
const ESTABLISHED: &[u8] = &[SYN, ACK, ACK];
/// What a flood of spoofed senders can do.
const HANDSHAKE: &[u8] = &[SYN, ACK];

/// Fills all buckets of the late client but the first one with live connections, and the first one
/// with these packets; how many of the first one's clients are still there after a new flow.
fn left_after(
    (first, packets, age): (&[u8], &[u8], u32),
    udp: (bool, bool),
) -> Result<Option<usize>> {
    let mut left = None;
    in_director(|network, rig| {
        let (tcp_service, udp_service) = services(network, rig)?;
        let [near, second, beside] = buckets();
        for bucket in [second, beside] {
            fill(rig, network, &tcp_service, bucket, ESTABLISHED)?;
        }
        let of = |udp| if udp { &udp_service } else { &tcp_service };
        let clients = fill(rig, network, of(udp.0), near, first)?;
        rig.age([near].into_iter(), age)?;
        let late = Endpoint {
            address: CLIENT,
            port: PORT,
        };
        talk(rig, network, of(udp.1), late, packets)?;
        left = Some(held(rig, near, &clients));
        Ok(())
    })?;
    Ok(left)
}

#[test]
fn who_was_seen_once_makes_room_and_who_was_seen_again_does_not() -> Result<()> {
    const TCP_FLOW: bool = false;
    const UDP_FLOW: bool = true;
    let silent = TIMEOUTS[usize::from(state::LAST_ACK)] + 2;
    let one = &[0][..];
    let two = &[0, 0][..];
    let syn = &[SYN][..];
    let table = [
        // There, how long ago, of UDP; the new one; how many are left of four.
        ((ESTABLISHED, 0), TCP_FLOW, (syn, TCP_FLOW), 4),
        ((ESTABLISHED, 800), TCP_FLOW, (syn, TCP_FLOW), 4),
        ((ESTABLISHED, 800), TCP_FLOW, (one, UDP_FLOW), 4),
        ((two, 0), UDP_FLOW, (one, UDP_FLOW), 4),
        ((two, 290), UDP_FLOW, (one, UDP_FLOW), 4),
        ((two, 290), UDP_FLOW, (syn, TCP_FLOW), 4),
        ((one, 0), UDP_FLOW, (one, UDP_FLOW), 3),
        ((one, 0), UDP_FLOW, (syn, TCP_FLOW), 3),
        ((syn, 0), TCP_FLOW, (syn, TCP_FLOW), 3),
        ((syn, 3), TCP_FLOW, (one, UDP_FLOW), 3),
        // A handshake under way is not pushed out by a datagram.
        ((syn, 0), TCP_FLOW, (one, UDP_FLOW), 4),
        ((HANDSHAKE, 5), TCP_FLOW, (syn, TCP_FLOW), 4),
        ((HANDSHAKE, silent), TCP_FLOW, (syn, TCP_FLOW), 3),
        // One side may go on.
        ((&[SYN, ACK, FIN_ACK], 0), TCP_FLOW, (syn, TCP_FLOW), 4),
        // Most are over, which is not seen here: there is nobody else to go.
        ((&[SYN, ACK, FIN_ACK], 5), TCP_FLOW, (syn, TCP_FLOW), 3),
        ((&[SYN, ACK, FIN_ACK], silent), TCP_FLOW, (syn, TCP_FLOW), 3),
        ((&[SYN, ACK, RST], 0), TCP_FLOW, (syn, TCP_FLOW), 3),
    ];
    for ((there, age), of_udp, (new, is_udp), expected) in table {
        let left = left_after((there, new, age), (of_udp, is_udp))?;
        ensure!(
            left.is_none_or(|left| left == expected),
            "{there:?} of UDP {of_udp} {age} ago, then {new:?}: {left:?} are left"
        );
    }
    Ok(())
}

#[test]
fn who_has_just_come_makes_no_room_if_the_second_bucket_has_some() -> Result<()> {
    in_director(|network, rig| {
        let (tcp, udp) = services(network, rig)?;
        let [near, ..] = buckets();
        let late = Endpoint {
            address: CLIENT,
            port: PORT,
        };
        for (service, packets) in [(&tcp, &[SYN][..]), (&udp, &[0][..])] {
            rig.age([near].into_iter(), 2000)?;
            let clients = fill(rig, network, service, near, packets)?;
            talk(rig, network, service, late, packets)?;
            ensure!(held(rig, near, &clients) == 4);
        }
        Ok(())
    })
}

#[test]
fn of_those_who_were_seen_once_the_longest_silent_goes() -> Result<()> {
    in_director(|network, rig| {
        let (tcp, udp) = services(network, rig)?;
        let [near, second, beside] = buckets();
        for bucket in [second, beside] {
            fill(rig, network, &tcp, bucket, ESTABLISHED)?;
        }
        let mut random = Random::new(7);
        let clients = [(); 4].map(|()| resident(near, SECRET, &mut random));
        for (client, service) in clients.iter().zip([&tcp, &udp, &tcp, &udp]) {
            talk(rig, network, service, *client, &[SYN])?;
            rig.age([near].into_iter(), 3)?;
        }
        let late = Endpoint {
            address: CLIENT,
            port: PORT,
        };
        talk(rig, network, &udp, late, &[0])?;
        ensure!(held(rig, near, &clients[..1]) == 0 && held(rig, near, &clients[1..]) == 3);
        Ok(())
    })
}

#[test]
fn an_answer_tells_that_a_connection_goes_on_and_not_that_a_sender_of_udp_is_real() -> Result<()> {
    for (protocol, asks, before, after) in [
        (UDP, &[0][..], state::DATAGRAM, state::DATAGRAM),
        (UDP, &[0, 0][..], state::UDP, state::UDP),
        (TCP, HANDSHAKE, state::ACKED, state::ESTABLISHED),
    ] {
        in_director(|network, rig| {
            let service = service(22, 80, protocol, vec![server(network, 13, 80, Nat)]);
            rig.configure(&desired(&[&service]))?;
            let state = |rig: &Rig| rig.maps.flows().map(|flow| flow.entry.state()).next();
            for flags in asks {
                server_of(rig, network, &packet(PORT, &service, *flags))?;
            }
            ensure!(state(rig) == Some(before), "{:?}", state(rig));
            let reply = reply(PORT, &service, &service.servers[0]).frame();
            rig.send(&reply, network.back.index)?;
            ensure!(state(rig) == Some(after), "{:?}", state(rig));
            Ok(())
        })?;
    }
    Ok(())
}
