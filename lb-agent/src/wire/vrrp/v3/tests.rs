use proptest::prelude::*;

use super::*;

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn over(source: &str, destination: &str) -> Checksum {
    Checksum::PseudoHeader {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    let byte = |place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Captured from keepalived 2.2.7.
fn golden() -> Vec<(Vec<u8>, Family, Checksum, Repr<'static>)> {
    let two = Vec::leak(vec![v4("10.0.0.100"), v4("10.0.0.101")]);
    let six = Vec::leak(vec![v6("fe80::1234"), v6("fd00::100")]);
    let one_six = Vec::leak(vec![v6("fd00::101")]);
    vec![
        (
            bytes("310a640200326b64 0a000064 0a000065"),
            Family::V4,
            over("10.0.0.1", "224.0.0.18"),
            Repr {
                vrid: 10,
                priority: 100,
                max_adver_int: 50,
                addresses: Addresses::V4(two),
            },
        ),
        (
            bytes("310d640100644baa 0a000064"),
            Family::V4,
            over("10.0.0.1", "10.0.0.2"),
            Repr {
                vrid: 13,
                priority: 100,
                max_adver_int: 100,
                addresses: Addresses::V4(&two[..1]),
            },
        ),
        (
            bytes(
                "310bc8020064faa8 fe800000000000000000000000001234 fd000000000000000000000000000100",
            ),
            Family::V6,
            over("fe80::ff:fe00:1", "ff02::12"),
            Repr {
                vrid: 11,
                priority: 200,
                max_adver_int: 100,
                addresses: Addresses::V6(six),
            },
        ),
        (
            bytes("310cc80100640dff fd000000000000000000000000000101"),
            Family::V6,
            over("fd00::1", "fd00::2"),
            Repr {
                vrid: 12,
                priority: 200,
                max_adver_int: 100,
                addresses: Addresses::V6(one_six),
            },
        ),
    ]
}

#[test]
fn adverts_are_keepaliveds_byte_for_byte() {
    for (golden, _, over, repr) in golden() {
        let mut buffer = vec![0xaa];
        repr.emit(over, &mut buffer);
        assert_eq!(buffer[1..], golden, "{repr:?}");
    }
}

#[test]
fn golden_adverts_read_back() {
    for (golden, family, over, repr) in golden() {
        let view = View::parse(&golden, family).unwrap();
        assert_eq!((view.version(), view.packet_type()), (3, 1));
        assert_eq!((view.vrid(), view.priority()), (repr.vrid, repr.priority));
        assert_eq!(view.max_adver_int(), repr.max_adver_int);
        assert_eq!(view.expected_len(), golden.len());
        assert!(view.checksum_fits(over));
        let addresses: Vec<IpAddr> = view.addresses().collect();
        let expected: Vec<IpAddr> = match repr.addresses {
            Addresses::V4(addresses) => addresses.iter().copied().map(Into::into).collect(),
            Addresses::V6(addresses) => addresses.iter().copied().map(Into::into).collect(),
        };
        assert_eq!(addresses, expected);
    }
}

/// The sum of the RFC's own fields, by hand: 310d + 6401 + 0064 + 0a00 + 0064 = 9fd6; ~9fd6 = 6029.
#[test]
fn without_a_pseudo_header_the_checksum_is_rfc_9568s() {
    let repr = golden()[1].3;
    let mut buffer = Vec::new();
    repr.emit(Checksum::AsVersion2, &mut buffer);
    assert_eq!(buffer, bytes("310d640100646029 0a000064"));
    let view = View::parse(&buffer, Family::V4).unwrap();
    assert!(view.checksum_fits(Checksum::AsVersion2));
    assert!(!view.checksum_fits(over("10.0.0.1", "10.0.0.2")));
}

/// Old releases: unicast, with the group in the pseudo-header.
#[test]
fn the_old_unicast_checksum_is_that_of_the_group() {
    let mut buffer = Vec::new();
    golden()[1]
        .3
        .emit(over("10.0.0.1", "224.0.0.18"), &mut buffer);
    let view = View::parse(&buffer, Family::V4).unwrap();
    assert!(!view.checksum_fits(over("10.0.0.1", "10.0.0.2")));
    assert!(view.checksum_fits(over("10.0.0.1", "224.0.0.18")));
}

#[test]
fn an_interval_of_more_than_12_bits_does_not_reach_the_reserved_ones() {
    let repr = Repr {
        max_adver_int: 5000,
        ..golden()[1].3
    };
    let mut buffer = Vec::new();
    repr.emit(Checksum::AsVersion2, &mut buffer);
    assert_eq!(buffer[4..6], [0x0f, 0xff]);
    buffer[4] |= 0xf0;
    let view = View::parse(&buffer, Family::V4).unwrap();
    assert_eq!(view.max_adver_int(), 4095);
}

#[test]
fn three_hundred_addresses_are_255() {
    let many = vec![v6("fd00::1"); 300];
    let repr = Repr {
        addresses: Addresses::V6(&many),
        ..golden()[2].3
    };
    let over = over("fe80::1", "ff02::12");
    let mut buffer = Vec::new();
    repr.emit(over, &mut buffer);
    let view = View::parse(&buffer, Family::V6).unwrap();
    assert_eq!((view.address_count(), buffer.len()), (255, 8 + 255 * 16));
    assert!(view.checksum_fits(over));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), six: bool) {
        let family = if six { Family::V6 } else { Family::V4 };
        if let Some(view) = View::parse(&bytes, family) {
            view.checksum_fits(over("10.0.0.1", "10.0.0.2"));
            view.checksum_fits(Checksum::AsVersion2);
            let count = view.addresses().count();
            prop_assert!(count <= usize::from(view.address_count()));
            prop_assert_eq!(view.expected_len() < HEADER_LEN, false);
        }
    }

    #[test]
    fn every_advert_comes_back(
        vrid: u8,
        priority: u8,
        interval in 0..=MAX_ADVER_INT,
        addresses in prop::collection::vec(any::<u32>(), 0..20),
    ) {
        let addresses: Vec<Ipv4Addr> = addresses.into_iter().map(Into::into).collect();
        let addresses = Addresses::V4(&addresses);
        let repr = Repr { vrid, priority, max_adver_int: interval, addresses };
        let over = over("192.0.2.1", "224.0.0.18");
        let mut buffer = Vec::new();
        repr.emit(over, &mut buffer);
        let view = View::parse(&buffer, Family::V4).unwrap();
        prop_assert!(view.checksum_fits(over));
        prop_assert_eq!((view.vrid(), view.priority(), view.max_adver_int()), (vrid, priority, interval));
        // Every bit of it is covered.
        for bit in 0..buffer.len() * 8 {
            let mut broken = buffer.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let view = View::parse(&broken, Family::V4).unwrap();
            prop_assert!(view.expected_len() != buffer.len() || !view.checksum_fits(over));
        }
    }
}
