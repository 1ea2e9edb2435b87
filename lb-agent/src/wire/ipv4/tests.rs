use proptest::prelude::*;

use super::*;

/// The header of the first golden advert: 10.0.0.1 to 224.0.0.18, 20 bytes of VRRP.
const GOLDEN: [u8; 20] = [
    0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd0, 0x91, 0x0a, 0x00, 0x00, 0x01,
    0xe0, 0x00, 0x00, 0x12,
];

#[test]
fn the_header_is_keepaliveds_byte_for_byte() {
    let repr = Repr {
        identification: 1,
        ttl: 255,
        protocol: 112,
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(224, 0, 0, 18),
        payload_len: 20,
    };
    assert_eq!(repr.to_bytes(), GOLDEN);
}

#[test]
fn a_golden_header_reads_back() {
    let packet = Packet::parse(&GOLDEN).unwrap();
    assert_eq!(packet.total_len(), 40);
    assert_eq!(packet.ttl(), 255);
    assert_eq!(packet.protocol(), 112);
    assert_eq!(packet.source(), Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(packet.destination(), Ipv4Addr::new(224, 0, 0, 18));
    assert_eq!(packet.received_len(), 20);
    assert!(packet.payload().is_empty());
}

#[test]
fn options_are_skipped() {
    let mut bytes = GOLDEN.to_vec();
    bytes[0] = 0x46;
    bytes.extend([0x94, 0x04, 0x00, 0x00, 0xaa]);
    assert_eq!(Packet::parse(&bytes).unwrap().payload(), [0xaa]);
}

#[test]
fn broken_headers_are_told_apart() {
    let with_first = |first: u8| {
        let mut bytes = GOLDEN;
        bytes[0] = first;
        Packet::parse(&bytes).unwrap_err()
    };
    assert_eq!(
        Packet::parse(&GOLDEN[..19]).unwrap_err(),
        Error::Truncated {
            received: 19,
            header: 20
        }
    );
    assert_eq!(with_first(0x65), Error::Version(6));
    assert_eq!(with_first(0x44), Error::HeaderLength(16));
    assert_eq!(
        with_first(0x46),
        Error::Truncated {
            received: 20,
            header: 24
        }
    );
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert!(packet.payload().len() + HEADER_LEN <= bytes.len());
        }
    }

    #[test]
    fn what_is_built_reads_back_and_sums_to_zero(
        identification: u16, ttl: u8, protocol: u8, source: u32, destination: u32,
        payload_len in 0u16..1500,
    ) {
        let repr = Repr {
            identification, ttl, protocol, payload_len,
            source: Ipv4Addr::from(source),
            destination: Ipv4Addr::from(destination),
        };
        let bytes = repr.to_bytes();
        prop_assert_eq!(checksum::fold(checksum::sum(&bytes)), 0xffff);
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(packet.total_len(), payload_len + 20);
        prop_assert_eq!(packet.ttl(), ttl);
        prop_assert_eq!(packet.protocol(), protocol);
        prop_assert_eq!(packet.source(), repr.source);
        prop_assert_eq!(packet.destination(), repr.destination);
    }
}
