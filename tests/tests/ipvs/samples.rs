//! Services and servers of every kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_agent::net::ipvs::{
    Change, Checksum, Destination, DestinationKey, Family, Forwarding, Granularity, Persistence,
    Protocol, SchedulerFlags, Service, ServiceKey, Tunnel,
};
use proptest::prelude::*;

use crate::ipvsadm::Table;

/// The schedulers of Debian's kernel, which lacks `twos`.
pub(crate) const SCHEDULERS: [&str; 13] = [
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq",
];

/// What sets up `table`.
pub(crate) fn changes(table: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    for (service, servers) in table {
        changes.push(Change::NewService(service.clone()));
        let key = service.key;
        changes.extend(
            servers
                .iter()
                .map(|server| Change::NewDestination(key, *server)),
        );
    }
    changes
}

/// The service of TCP port 80 at 192.0.2.`last`.
pub(crate) fn web(last: u8) -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: Ipv4Addr::new(192, 0, 2, last).into(),
        port: 80,
    }
}

/// A service without anything particular.
pub(crate) fn plain(key: ServiceKey, scheduler: &str) -> Service {
    Service {
        key,
        scheduler: scheduler.to_owned(),
        flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        engine: None,
    }
}

/// A server on port 80, without anything particular.
pub(crate) fn server(address: impl Into<IpAddr>, forwarding: Forwarding) -> Destination {
    Destination {
        key: DestinationKey {
            address: address.into(),
            port: 80,
        },
        forwarding,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

fn any_address(family: Family) -> impl Strategy<Value = IpAddr> {
    any::<[u8; 4]>().prop_map(move |[_, a, b, c]| match family {
        Family::V4 => Ipv4Addr::new(10, a, b, c).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, a.into(), 0, b.into(), 0, c.into()).into(),
    })
}

fn any_key() -> impl Strategy<Value = ServiceKey> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let protocol = prop_oneof![
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Sctp)
    ];
    // Greater marks are negative to ipvsadm.
    (family, protocol, 1..u16::MAX, 1..1_u32 << 31, any::<bool>()).prop_flat_map(
        |(family, protocol, port, mark, marked)| {
            any_address(family).prop_map(move |address| {
                if marked {
                    ServiceKey::Mark { mark, family }
                } else {
                    ServiceKey::Address {
                        protocol,
                        address,
                        port,
                    }
                }
            })
        },
    )
}

fn any_service() -> impl Strategy<Value = Service> {
    let scheduler = proptest::sample::select(&SCHEDULERS[..]);
    (
        any_key(),
        scheduler,
        any::<[bool; 6]>(),
        1..100_000_u32,
        1..=32_u8,
    )
        .prop_map(
            |(key, scheduler, [a, b, c, ops, persistent, sip], timeout, bits)| {
                let granularity = match key.family() {
                    Family::V4 => Granularity::Mask((u32::MAX << (32 - u32::from(bits))).into()),
                    Family::V6 => Granularity::Prefix(bits * 4),
                };
                let is_udp = matches!(
                    key,
                    ServiceKey::Address {
                        protocol: Protocol::Udp,
                        ..
                    }
                );
                Service {
                    flags: SchedulerFlags {
                        flag_1: a,
                        flag_2: b,
                        // ipvsadm has no word for it there.
                        flag_3: c && !["sh", "mh"].contains(&scheduler),
                    },
                    // What ipvsadm refuses is left out: it would not read it back either.
                    one_packet: ops && is_udp,
                    persistence: persistent.then_some(Persistence {
                        timeout,
                        granularity,
                    }),
                    engine: (sip && persistent && is_udp).then(|| "sip".to_owned()),
                    ..plain(key, scheduler)
                }
            },
        )
}

fn any_forwarding() -> impl Strategy<Value = Forwarding> {
    let checksum = || {
        prop_oneof![
            Just(Checksum::None),
            Just(Checksum::Full),
            Just(Checksum::Remote)
        ]
    };
    let gre = prop_oneof![Just(Checksum::None), Just(Checksum::Full)];
    prop_oneof![
        Just(Forwarding::Masquerade),
        Just(Forwarding::Route),
        Just(Forwarding::Tunnel(Tunnel::IpIp)),
        (1..u16::MAX, checksum())
            .prop_map(|(port, checksum)| Forwarding::Tunnel(Tunnel::Gue { port, checksum })),
        gre.prop_map(|checksum| Forwarding::Tunnel(Tunnel::Gre { checksum })),
    ]
}

fn any_server(of: ServiceKey) -> impl Strategy<Value = Destination> {
    let other = match of.family() {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    };
    let addresses = (any_address(of.family()), any_address(other), any::<bool>());
    let numbers = (1..u16::MAX, 0..1_i32 << 30, 0..1000_u32, 0..1000_u32);
    (addresses, any_forwarding(), numbers).prop_map(
        move |((same, other, mixed), forwarding, (port, weight, one, two))| {
            // Servers of the other family can only be reached by tunnel.
            let address = match forwarding {
                Forwarding::Tunnel(_) if mixed => other,
                _ => same,
            };
            // With DR and TUN ipvsadm sets the port to the service's: packets keep theirs.
            let port = match (forwarding, of) {
                (Forwarding::Masquerade, _) => port,
                (_, ServiceKey::Address { port, .. }) => port,
                (_, ServiceKey::Mark { .. }) => 0,
            };
            Destination {
                key: DestinationKey { address, port },
                forwarding,
                weight: weight.unsigned_abs(),
                upper_threshold: one.max(two),
                lower_threshold: one.min(two),
            }
        },
    )
}

/// Services of every kind with servers of every kind, each key once.
pub(crate) fn any_table() -> impl Strategy<Value = Table> {
    let pair = any_service().prop_flat_map(|service| {
        let servers = proptest::collection::vec(any_server(service.key), 0..5);
        (Just(service), servers)
    });
    proptest::collection::vec(pair, 1..8).prop_map(|mut table| {
        table.sort_by_key(|(service, _)| service.key);
        table.dedup_by_key(|(service, _)| service.key);
        for (_, servers) in &mut table {
            servers.sort_by_key(|server| server.key);
            servers.dedup_by_key(|server| server.key);
        }
        table
    })
}
