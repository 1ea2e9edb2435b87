use proptest::prelude::*;

use super::*;

const VIP: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100))];
const V4: AddressLen = AddressLen::V4;
const V6: AddressLen = AddressLen::V6;

/// Captured from keepalived 2.2.7: vrid 66, priority 100, 1 s, password "12345678".
const GOLDEN_PASS: [u8; 20] = [
    0x21, 0x42, 0x64, 0x01, 0x01, 0x01, 0x9e, 0x82, 0x0a, 0x00, 0x00, 0x64, 0x31, 0x32, 0x33, 0x34,
    0x35, 0x36, 0x37, 0x38,
];

/// Captured from keepalived 2.2.7: vrid 13, priority 100, 1 s, no authentication.
const GOLDEN_NONE: [u8; 20] = [
    0x21, 0x0d, 0x64, 0x01, 0x00, 0x01, 0x70, 0x8c, 0x0a, 0x00, 0x00, 0x64, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn adverts_are_keepaliveds_byte_for_byte() {
    let of = |vrid, auth_type, auth_data| Repr {
        vrid,
        priority: 100,
        addresses: &VIP,
        version: VersionRepr::V2 {
            auth_type,
            adver_int: 1,
            auth_data,
        },
    };
    let pass = of(66, AUTH_PASS, *b"12345678");
    let none = of(13, AUTH_NONE, [0; 8]);
    let mut buffer = Vec::new();
    pass.emit(&mut buffer);
    assert_eq!(buffer, GOLDEN_PASS);
    buffer.clear();
    none.emit(&mut buffer);
    assert_eq!(buffer, GOLDEN_NONE);
}

#[test]
fn a_golden_advert_reads_back() {
    let view = View::parse(&GOLDEN_PASS).unwrap();
    assert_eq!((view.version(), view.packet_type()), (2, 1));
    assert_eq!(
        (view.vrid(), view.priority(), view.adver_int()),
        (66, 100, 1)
    );
    assert_eq!(
        (view.auth_type(), view.auth_data()),
        (AUTH_PASS, Some(b"12345678"))
    );
    assert_eq!(view.addresses(V4).collect::<Vec<_>>(), VIP);
    assert_eq!(view.expected_len(V4), 20);
    assert!(view.checksum_fits(V4, None));
}

#[test]
fn every_single_bit_error_breaks_the_checksum() {
    for bit in 0..GOLDEN_PASS.len() * 8 {
        let mut bytes = GOLDEN_PASS;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !View::parse(&bytes).unwrap().checksum_fits(V4, None),
            "bit {bit}"
        );
    }
}

#[test]
fn an_advert_that_claims_more_than_there_is_gives_what_is_there() {
    let mut bytes = GOLDEN_PASS;
    bytes[3] = 200;
    let view = View::parse(&bytes).unwrap();
    assert_eq!(view.addresses(V4).count(), 3);
    assert_eq!(view.auth_data(), None);
    assert!(!view.checksum_fits(V4, None));
}

#[test]
fn seven_bytes_are_no_advert() {
    assert!(View::parse(&GOLDEN_PASS[..7]).is_none());
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1100)) {
        if let Some(view) = View::parse(&bytes) {
            let _ = (view.addresses(V4).count(), view.auth_data(), view.checksum_fits(V4, None));
        }
    }

    #[test]
    fn what_is_built_reads_back(
        vrid: u8, priority: u8, auth_type: u8, adver_int: u8, auth_data: [u8; 8],
        addresses in proptest::collection::vec(any::<u32>().prop_map(Ipv4Addr::from), 0..300),
    ) {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(IpAddr::V4).collect();
        let version = VersionRepr::V2 { auth_type, adver_int, auth_data };
        let repr = Repr { vrid, priority, addresses: &addresses, version };
        let mut buffer = b"what stood there before".to_vec();
        let start = buffer.len();
        repr.emit(&mut buffer);
        let view = View::parse(&buffer[start..]).unwrap();
        prop_assert!(view.checksum_fits(V4, None));
        prop_assert_eq!(view.expected_len(V4), buffer.len() - start);
        prop_assert_eq!((view.vrid(), view.priority()), (vrid, priority));
        prop_assert_eq!((view.auth_type(), view.adver_int()), (auth_type, adver_int));
        prop_assert_eq!(view.auth_data(), Some(&auth_data));
        let sent: Vec<_> = addresses.iter().copied().take(255).collect();
        prop_assert_eq!(view.addresses(V4).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn what_is_built_in_version_3_reads_back(
        vrid: u8, priority: u8, interval in 1u16..=MAX_ADVERTISE_INTERVAL,
        source: u128, destination: u128, covered: bool,
        addresses in proptest::collection::vec(any::<u128>().prop_map(Ipv6Addr::from), 0..300),
    ) {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(IpAddr::V6).collect();
        let pseudo = PseudoHeader {
            source: Ipv6Addr::from(source).into(),
            destination: Ipv6Addr::from(destination).into(),
        };
        let pseudo = covered.then_some(pseudo);
        let version = VersionRepr::V3 { max_advertise_interval: interval, pseudo };
        let repr = Repr { vrid, priority, addresses: &addresses, version };
        let mut buffer = Vec::new();
        repr.emit(&mut buffer);
        let view = View::parse(&buffer).unwrap();
        prop_assert!(view.checksum_fits(V6, pseudo.as_ref()));
        prop_assert_eq!(view.expected_len(V6), buffer.len());
        prop_assert_eq!(view.max_advertise_interval(), interval);
        let sent: Vec<_> = addresses.iter().copied().take(255).collect();
        prop_assert_eq!(view.addresses(V6).collect::<Vec<_>>(), sent);
    }
}

fn pseudo(source: &str, destination: &str) -> PseudoHeader {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    PseudoHeader {
        source,
        destination,
    }
}

/// Captured from keepalived 2.2.7: its payload, source, destination, and what is in it.
#[test]
fn adverts_of_version_3_are_keepaliveds_byte_for_byte() {
    type Row<'a> = (&'a [u8], &'a str, &'a str, u8, u8, u16, &'a [&'a str]);
    let table: [Row<'_>; 3] = [
        (
            &[
                0x31, 0x0a, 0x64, 0x02, 0x00, 0x32, 0x6b, 0x64, 0x0a, 0, 0, 0x64, 0x0a, 0, 0, 0x65,
            ],
            "10.0.0.1",
            "224.0.0.18",
            10,
            100,
            50,
            &["10.0.0.100", "10.0.0.101"],
        ),
        (
            &[
                0x31, 0x0d, 0x64, 0x01, 0x00, 0x64, 0x4b, 0xaa, 0x0a, 0, 0, 0x64,
            ],
            "10.0.0.1",
            "10.0.0.2",
            13,
            100,
            100,
            &["10.0.0.100"],
        ),
        (
            &[
                0x31, 0x0b, 0xc8, 0x02, 0x00, 0x64, 0xfa, 0xa8, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0x12, 0x34, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00,
            ],
            "fe80::ff:fe00:1",
            "ff02::12",
            11,
            200,
            100,
            &["fe80::1234", "fd00::100"],
        ),
    ];
    for (golden, source, destination, vrid, priority, interval, addresses) in table {
        let pseudo = pseudo(source, destination);
        let addresses: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let version = VersionRepr::V3 {
            max_advertise_interval: interval,
            pseudo: Some(pseudo),
        };
        let mut buffer = Vec::new();
        Repr {
            vrid,
            priority,
            addresses: &addresses,
            version,
        }
        .emit(&mut buffer);
        assert_eq!(buffer, golden);
        let view = View::parse(golden).unwrap();
        let length = AddressLen::of(pseudo.source);
        assert!(view.checksum_fits(length, Some(&pseudo)));
        assert!(!view.checksum_fits(length, None));
        assert_eq!(view.max_advertise_interval(), interval);
    }
}
