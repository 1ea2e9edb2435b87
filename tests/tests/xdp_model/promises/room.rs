//! The second bucket of a flow, and flows without any room.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{self, Dr, Nat};
use lb_agent::dataplane::desired::Service;
use lb_common::flow::state::TIMEOUTS;
use lb_common::stats::Reason;

use super::{server_of, weigh};
use crate::fixture::{ACK, CLIENT, RST, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::model::{DROP, Outcome, PASS, REDIRECT};
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;
use crate::world::{buckets_of, resident};

const SECRET: u64 = 0x0123_4567_89ab_cdef;

/// Port of the client that we look at.
const PORT: u16 = 4711;

/// The buckets of its flows.
fn buckets() -> [u32; 3] {
    let client = Endpoint {
        address: CLIENT,
        port: PORT,
    };
    buckets_of(client, SECRET)
}

/// Two servers.
fn two(network: &Network, port: u16, protocol: u8, method: Forwarding) -> Service {
    let servers = [11, 12].map(|last| server(network, last, port, method));
    service(20, port, protocol, servers.into())
}

/// Live flows of others in all four places of a bucket, each with more packets than one; the
/// clients.
fn fill(rig: &mut Rig, network: &Network, service: &Service, bucket: u32) -> Result<[Endpoint; 4]> {
    let mut random = Random::new(bucket.into());
    let clients = [(); 4].map(|()| resident(bucket, SECRET, &mut random));
    for source in clients {
        for flags in [SYN, ACK] {
            let segment = Segment {
                source,
                ..packet(0, service, flags)
            };
            server_of(rig, network, &segment)?.context("not forwarded")?;
        }
    }
    Ok(clients)
}

#[test]
fn a_flow_without_a_place_in_its_first_bucket_stands_in_its_second() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &TIMEOUTS);
        let service = two(network, 80, TCP, Nat);
        rig.configure(&desired(&[&service]))?;
        let [first, second, _] = buckets();
        fill(rig, network, &service, first)?;
        let given = server_of(rig, network, &packet(PORT, &service, SYN))?;
        let clients = rig
            .bucket(second)
            .context("no bucket")?
            .map(|it| it.client());
        ensure!(clients.contains(&CLIENT), "{clients:?}");
        // Whoever is scheduled now gets the other one.
        let weights = if given == Some(11) { [0, 1] } else { [1, 0] };
        rig.configure(&desired(&[&weigh(&service, &weights)]))?;
        ensure!(server_of(rig, network, &packet(PORT, &service, ACK))? == given);
        let index = usize::from(given == Some(12));
        let reply = reply(PORT, &service, &service.servers[index]).frame();
        let found = rig.send(&reply, network.back.index)?;
        ensure!(found.verdict == REDIRECT && found.frame[26..30] == [198, 51, 100, 20]);
        Ok(())
    })
}

#[test]
fn a_flow_in_nat_mode_without_room_in_both_buckets_is_dropped_and_any_other_is_served() -> Result<()>
{
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &TIMEOUTS);
        let (nat, direct) = (two(network, 80, TCP, Nat), two(network, 81, TCP, Dr));
        rig.configure(&desired(&[&nat, &direct]))?;
        for bucket in buckets() {
            fill(rig, network, &direct, bucket)?;
        }
        let untouched = |segment: &Segment, verdict| Outcome::of(verdict, segment.frame());
        let syn = packet(PORT, &nat, SYN);
        let found = rig.send(&syn.frame(), network.front.index)?;
        ensure!(found == untouched(&syn, DROP), "{found:?}");
        // The middle of a connection: the kernel resets it.
        let ack = packet(PORT, &nat, ACK);
        let found = rig.send(&ack.frame(), network.front.index)?;
        ensure!(found == untouched(&ack, PASS), "{found:?}");
        let counted = [Reason::NoRoom, Reason::NoFlow].map(|reason| rig.maps.reason(reason));
        ensure!(matches!(counted, [Ok(1), Ok(1)]), "{counted:?}");
        // Without memory all packets of a flow still go to one server.
        let given = server_of(rig, network, &packet(PORT, &direct, SYN))?;
        ensure!(given.is_some());
        for _ in 0..3 {
            ensure!(server_of(rig, network, &packet(PORT, &direct, ACK))? == given);
        }
        Ok(())
    })
}

#[test]
fn a_udp_flow_in_its_second_bucket_stays_with_its_server_when_the_first_has_room() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &TIMEOUTS);
        let (tcp, udp) = (two(network, 80, TCP, Dr), two(network, 53, UDP, Dr));
        rig.configure(&desired(&[&tcp, &udp]))?;
        let [first, ..] = buckets();
        let others = fill(rig, network, &tcp, first)?;
        let datagram = packet(PORT, &udp, 0);
        let given = server_of(rig, network, &datagram)?;
        for source in others {
            let reset = Segment {
                source,
                ..packet(0, &tcp, RST)
            };
            server_of(rig, network, &reset)?;
        }
        for _ in 0..3 {
            ensure!(server_of(rig, network, &datagram)? == given);
        }
        Ok(())
    })
}
