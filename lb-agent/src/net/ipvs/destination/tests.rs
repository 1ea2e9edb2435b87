use proptest::prelude::*;

use super::*;
use crate::net::attribute::attributes;
use crate::net::ipvs::golden::{SERVER_ANSWER, hex, server, servers};

#[test]
fn linuxs_answer_is_read_with_connections_and_statistics() {
    let bytes = hex(SERVER_ANSWER);
    let (_, inner) = attributes(&bytes[4..]).next().unwrap();
    let entry = decode(Family::V4, inner).unwrap();
    assert_eq!(entry.destination, servers()[1].0);
    assert_eq!(
        [
            entry.active_connections,
            entry.inactive_connections,
            entry.persistent_connections
        ],
        [21, 22, 23]
    );
    assert_eq!(entry.statistics.totals.conns, 11);
}

#[test]
fn old_kernels_give_no_family_and_no_tunnel() {
    let mut writer = Writer::default();
    writer
        .put(
            kind::ADDR,
            &[10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        )
        .be16(kind::PORT, 80)
        .u32(kind::FWD_METHOD, method::TUNNEL)
        .u32(kind::WEIGHT, 1);
    let entry = decode(Family::V4, writer.bytes()).unwrap();
    let expected = server("10.0.0.1", 80, Forwarding::Tunnel(Tunnel::IpIp), 1);
    assert_eq!(entry.destination, expected);
}

#[test]
fn a_method_that_nobody_knows_hides_the_server() {
    let mut writer = Writer::default();
    let destination = server("10.0.0.1", 80, Forwarding::Route, 1);
    destination.key.encode(&mut writer);
    writer.u32(kind::FWD_METHOD, 7).u32(kind::WEIGHT, 1);
    assert_eq!(decode(Family::V4, writer.bytes()), None);
}

fn any_forwarding() -> impl Strategy<Value = Forwarding> {
    let checksum = || {
        prop_oneof![
            Just(Checksum::None),
            Just(Checksum::Full),
            Just(Checksum::Remote)
        ]
    };
    prop_oneof![
        Just(Forwarding::Masquerade),
        Just(Forwarding::Route),
        Just(Forwarding::Local),
        Just(Forwarding::Bypass),
        Just(Forwarding::Tunnel(Tunnel::IpIp)),
        (any::<u16>(), checksum())
            .prop_map(|(port, checksum)| Forwarding::Tunnel(Tunnel::Gue { port, checksum })),
        checksum().prop_map(|checksum| Forwarding::Tunnel(Tunnel::Gre { checksum })),
    ]
}

fn any_destination() -> impl Strategy<Value = Destination> {
    (
        any::<IpAddr>(),
        any::<u16>(),
        any_forwarding(),
        any::<[u32; 3]>(),
    )
        .prop_map(
            |(address, port, forwarding, [weight, upper_threshold, lower_threshold])| Destination {
                key: DestinationKey { address, port },
                forwarding,
                weight,
                upper_threshold,
                lower_threshold,
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(destination in any_destination()) {
        let mut writer = Writer::default();
        destination.encode(&mut writer);
        let entry = decode(Family::V4, writer.bytes()).unwrap();
        prop_assert_eq!(entry.destination, destination);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        destination in any_destination(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _any = decode(Family::V6, &noise);
        let mut writer = Writer::default();
        destination.encode(&mut writer);
        let mut bytes = writer.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _any = decode(Family::V4, &bytes);
        let _any = decode(Family::V4, &bytes[..at]);
    }
}
