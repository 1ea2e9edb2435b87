use proptest::prelude::*;

use super::*;
use crate::wire::vrrp;

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    let byte = |place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

const KEY: &[u8] = b"secret12";

/// Captured from keepalived 2.2.7, sequence number 1; to the group, and to a peer.
fn golden() -> [(Vec<u8>, ipv4::Repr); 2] {
    let to = |destination: [u8; 4]| ipv4::Repr {
        identification: 1,
        ttl: 255,
        protocol: 0,
        source: [10, 0, 0, 1].into(),
        destination: destination.into(),
        payload_len: 0,
    };
    [
        (
            bytes(
                "45c0004000010000ff33d0b60a000001e0000012 700400000a00000100000001
                 7896950edfe443c9288a1c1b 210c780102015a8d 0a000064 0000000000000000",
            ),
            to([224, 0, 0, 18]),
        ),
        (
            bytes(
                "45c0004000010000ff33a6c70a0000010a000002 700400000a00000100000001
                 55630505a71d1802e37d8c3e 210ec80102010a8b 0a000064 0000000000000000",
            ),
            to([10, 0, 0, 2]),
        ),
    ]
}

#[test]
fn packets_are_keepaliveds_byte_for_byte() {
    for (packet, ip) in golden() {
        let advert = &packet[44..];
        let mut buffer = vec![0xaa];
        emit(&ip, 1, KEY, advert, &mut buffer);
        assert_eq!(buffer[1..], packet);
    }
}

#[test]
fn golden_packets_read_back() {
    for (packet, _) in golden() {
        let ip = ipv4::Packet::parse(&packet).unwrap();
        assert_eq!(ip.protocol(), PROTOCOL_AH);
        let view = View::parse(ip.payload()).unwrap();
        assert_eq!(
            (view.next_header(), view.has_expected_len(), view.sequence()),
            (PROTOCOL, true, 1)
        );
        assert_eq!(view.spi(), 0x0a00_0001);
        assert!(vrrp::View::parse(view.payload()).unwrap().checksum_fits());
        assert!(digest_fits(&packet, KEY));
        assert!(!digest_fits(&packet, b"secret13"));
    }
}

/// The digest covers every bit but those that routers change.
#[test]
fn only_what_may_change_on_the_way_may_change() {
    let [(multicast, _), (unicast, _)] = golden();
    for (packet, ttl_may) in [(multicast, false), (unicast, true)] {
        for bit in 0..packet.len() * 8 {
            let place = bit / 8;
            let mut changed = packet.clone();
            changed[place] ^= 1 << (bit % 8);
            let may = matches!(place, 1 | 6 | 7 | 10 | 11) || (place == 8 && ttl_may);
            assert_eq!(digest_fits(&changed, KEY), may, "byte {place}");
        }
    }
}

#[test]
fn one_counter_is_for_both_directions_and_never_goes_back() {
    let mut ours = Sequence::default();
    assert_eq!((ours.next(), ours.next()), (1, 2));
    // Replayed, and older.
    assert!(!ours.hear(2) && !ours.hear(1));
    assert!(ours.hear(3) && ours.hear(70) && !ours.hear(70));
    // The master has gone silent: we go on.
    assert_eq!(ours.next(), 71);
    ours.overtake(90);
    assert_eq!(ours.next(), 92);
    ours.overtake(5);
    assert_eq!(ours.next(), 93);
    ours.overtake(u32::MAX);
    assert_eq!(ours.next(), u32::MAX);
}

proptest! {
    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100), likely: bool) {
        if likely && let Some(first) = bytes.first_mut() {
            *first = 0x45;
        }
        prop_assert!(!digest_fits(&bytes, KEY));
        if let Some(view) = View::parse(&bytes) {
            prop_assert_eq!(view.payload().len() + HEADER_LEN, bytes.len());
        }
    }
}
