//! ICMP errors about packets of our flows: who gets them, and with which addresses in them.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{self, Dr, Nat, Tun};
use lb_agent::dataplane::desired::{Server, Service};

use super::server_of;
use crate::fixture::{CLIENT, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{
    ETHERNET, Endpoint, Segment, TCP, UDP, checksum, ethernet, pseudo_checksum, v4,
};
use crate::model::{Outcome, PASS, REDIRECT};
use crate::network::Network;
use crate::rig::Rig;

/// A router somewhere between.
const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// "Does not fit: 1400 bytes do", from `from` to the sender of `quoted`, of which `quote` bytes
/// come back.
fn too_big(from: Ipv4Addr, quoted: &Segment, quote: usize) -> Vec<u8> {
    let whole = quoted.frame();
    let mut icmp = vec![3, 4, 0, 0, 0, 0, 0x05, 0x78];
    icmp.extend(whole[ETHERNET..].iter().take(quote));
    let check = checksum(&icmp).to_be_bytes();
    icmp[2..4].copy_from_slice(&check);
    let mut ip = vec![0x45, 0xc0];
    ip.extend((20 + icmp.len() as u16).to_be_bytes());
    ip.extend([0, 0, 0, 0, 62, 1, 0, 0]);
    ip.extend(from.octets());
    ip.extend(quoted.source.address.octets());
    let check = checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&check);
    [ethernet(0x0800), ip, icmp].concat()
}

/// What the server of `service` sends the client under the name of the service.
fn answer(service: &Service) -> Segment {
    let asked = packet(1, service, 0);
    Segment {
        source: asked.destination,
        destination: asked.source,
        payload: vec![7; 40],
        ..asked
    }
}

/// One server of 10.0.0.13:8080 in `method` with one flow of the client.
fn at_work(
    network: &Network,
    rig: &mut Rig,
    protocol: u8,
    method: Forwarding,
) -> Result<(Service, Server)> {
    let server = server(network, 13, 8080, method);
    let service = service(24, 80, protocol, vec![server]);
    rig.configure(&desired(&[&service]))?;
    ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(13));
    Ok((service, server))
}

/// Every checksum in an error that quotes a whole packet.
fn check_sums(ip: &[u8]) -> Result<()> {
    let (outer, icmp) = ip.split_at(20);
    let (inner, transport) = icmp[8..].split_at(20);
    ensure!(checksum(outer) == 0, "outer header");
    ensure!(checksum(icmp) == 0, "ICMP");
    ensure!(checksum(inner) == 0, "quoted header");
    let address = |at: usize| Ipv4Addr::new(inner[at], inner[at + 1], inner[at + 2], inner[at + 3]);
    let sum = pseudo_checksum(address(12), address(16), inner[9], transport);
    ensure!(sum == 0, "quoted transport header");
    Ok(())
}

#[test]
fn an_error_about_a_packet_of_a_server_reaches_that_server() -> Result<()> {
    in_director(|network, rig| {
        for method in [Dr, Tun, Nat] {
            for protocol in [TCP, UDP] {
                let (service, _) = at_work(network, rig, protocol, method)?;
                for quote in [28, 576] {
                    let error = too_big(ROUTER, &answer(&service), quote);
                    let found = rig.send(&error, network.front.index)?;
                    ensure!(found.verdict == REDIRECT, "{method:?} {protocol} {quote}");
                    ensure!(found.frame[5] == 0x13, "another server");
                    let ip = &found.frame[ETHERNET..];
                    let ip = if method == Tun { &ip[20..] } else { ip };
                    // What it says, and by whom it is said.
                    ensure!(ip[20..22] == [3, 4] && ip[24..28] == [0, 0, 0x05, 0x78]);
                    ensure!(ip[12..16] == ROUTER.octets() && ip[8] == 61);
                    let (name, port) = if method == Nat {
                        ([10, 0, 0, 13], 8080_u16)
                    } else {
                        (v4(service.key.address).octets(), 80)
                    };
                    ensure!(ip[16..20] == name && ip[40..44] == name, "{method:?}");
                    ensure!(ip[44..48] == CLIENT.octets());
                    ensure!(ip[48..50] == port.to_be_bytes() && ip[50..52] == [0, 1]);
                    if quote == 576 {
                        check_sums(ip).with_context(|| format!("{method:?} {protocol}"))?;
                    }
                }
            }
        }
        Ok(())
    })
}

#[test]
fn an_error_about_a_packet_of_a_client_comes_back_in_the_name_of_the_service() -> Result<()> {
    in_director(|network, rig| {
        for protocol in [TCP, UDP] {
            let (service, server) = at_work(network, rig, protocol, Nat)?;
            let sent = Segment {
                destination: reply(1, &service, &server).source,
                payload: vec![7; 40],
                ..packet(1, &service, 0)
            };
            // From the server itself, and from a router that stands before it.
            for from in [v4(server.address), Ipv4Addr::new(10, 0, 0, 254)] {
                let found = rig.send(&too_big(from, &sent, 576), network.back.index)?;
                ensure!(found.verdict == REDIRECT, "{protocol} {from}");
                let ip = &found.frame[ETHERNET..];
                let name = v4(service.key.address).octets();
                ensure!(ip[12..16] == name && ip[16..20] == CLIENT.octets());
                ensure!(ip[40..44] == CLIENT.octets() && ip[44..48] == name);
                ensure!(ip[48..50] == [0, 1] && ip[50..52] == [0, 80]);
                check_sums(ip)?;
            }
        }
        Ok(())
    })
}

#[test]
fn an_error_about_anything_else_is_the_kernels() -> Result<()> {
    in_director(|network, rig| {
        let (service, _) = at_work(network, rig, TCP, Nat)?;
        let answer = answer(&service);
        let stranger = Endpoint {
            address: CLIENT,
            port: 2,
        };
        let other_port = Endpoint {
            port: 81,
            ..answer.source
        };
        let mut echo = too_big(ROUTER, &answer, 576);
        echo[ETHERNET + 20] = 8;
        let mut astray = too_big(ROUTER, &answer, 576);
        astray[ETHERNET + 19] ^= 1;
        let frames = [
            // No such flow, no such service, no error, not to the one who is quoted.
            too_big(
                ROUTER,
                &Segment {
                    destination: stranger,
                    ..answer.clone()
                },
                576,
            ),
            too_big(
                ROUTER,
                &Segment {
                    source: other_port,
                    ..answer.clone()
                },
                576,
            ),
            echo,
            astray,
            // Seven bytes of the ports' header.
            too_big(ROUTER, &answer, 27),
        ];
        for (number, frame) in frames.into_iter().enumerate() {
            let found = rig.send(&frame, network.front.index)?;
            ensure!(found == Outcome::of(PASS, frame), "number {number}");
        }
        Ok(())
    })
}
