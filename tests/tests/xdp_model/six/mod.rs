//! IPv6. A world of IPv4 has an image in IPv6, address by address, and what is true of the one is
//! true of the other: `twins` runs both through the program. What IPv6 alone has, its headers above
//! all, `damage` and `promises` look at, `nat` at what is translated, `related` at errors and fragments, `refused` at
//! those that cannot go on, `handed_over` at what one program leaves for the next, `limits` at who counts as one
//! client, `races` at clients whose keys are the same, and `traced` at what somebody is told who traces.

mod damage;
pub(crate) mod frame;
mod handed_over;
mod limits;
mod nat;
mod promises;
mod races;
mod refused;
mod related;
mod traced;
mod twins;

pub(crate) use frame::frame;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::{Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_common::address6;
use lb_common::hash::mix;

use crate::frame::{SCTP, v4};

/// The image of an address. Its four words come to the address of IPv4 when they are folded, so that
/// what hashes an address chooses alike; each has a network of 64 bits for itself, and so counts as one
/// client.
pub(crate) fn image(address: Ipv4Addr) -> Ipv6Addr {
    let [first, host] = [0x2001_0db8, 1];
    let words = [first, first ^ address.to_bits(), host, host];
    let bits = words.map(u128::from).into_iter();
    Ipv6Addr::from_bits(bits.fold(0, |all, word| all << 32 | word))
}

/// Addresses whose flows from one port have the same key and the same buckets, as only who knows the
/// secret can find them.
fn namesake(number: u32, secret: u64) -> Ipv6Addr {
    let [prefix, _] = address6::words(Ipv6Addr::from_bits(
        0x2001_0db8 << 96 | u128::from(number) << 64,
    ));
    address6::address([prefix, mix(prefix, secret) ^ 9])
}

/// A service and its image, without tunnels, and without NAT of SCTP.
pub(crate) fn twins(service: &Service) -> [Service; 2] {
    let servers = service.servers.iter().map(|server| Server {
        method: match server.method {
            Forwarding::Tun => Forwarding::Dr,
            // Which over IPv6 is not translated.
            Forwarding::Nat if service.key.proto == SCTP => Forwarding::Dr,
            method @ (Forwarding::Dr | Forwarding::Nat) => method,
        },
        path: match server.path {
            // What does not fit is the matter of `promises`: the headers are not of one length.
            Path::Via(hop) => Path::Via(Hop { mtu: 1500, ..hop }),
            path @ (Path::Unknown | Path::Local) => path,
        },
        ..*server
    });
    let servers: Vec<Server> = servers.collect();
    let images = servers.iter().map(|server| Server {
        address: image(v4(server.address)).into(),
        ..*server
    });
    let image_of = |key: Key| Key {
        address: IpAddr::V6(image(v4(key.address))),
        ..key
    };
    let others = service.others.iter();
    let theirs = Service {
        key: image_of(service.key),
        others: others.map(|(key, gate)| (image_of(*key), *gate)).collect(),
        servers: images.collect(),
        ..service.clone()
    };
    let ours = Service {
        servers,
        ..service.clone()
    };
    [ours, theirs]
}
