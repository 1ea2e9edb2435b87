use proptest::prelude::*;

use super::*;

#[test]
fn a_header_reads_back() {
    let repr = Repr {
        traffic_class: TRAFFIC_CLASS_INTERNETWORK_CONTROL,
        hop_limit: 255,
        next_header: 112,
        source: "fe80::ff:fe00:1".parse().unwrap(),
        destination: "ff02::12".parse().unwrap(),
        payload_len: 40,
    };
    let bytes = repr.to_bytes();
    assert_eq!(bytes[..8], [0x6c, 0, 0, 0, 0, 40, 112, 255]);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(
        (packet.source(), packet.destination()),
        (repr.source, repr.destination)
    );
    assert_eq!(
        (
            packet.hop_limit(),
            packet.next_header(),
            packet.payload_len()
        ),
        (255, 112, 40)
    );
    assert!(packet.payload().is_empty());
}

#[test]
fn another_version_and_too_few_bytes_are_no_packet() {
    assert!(Packet::parse(&[0x60; 39]).is_none());
    assert!(Packet::parse(&[0x45; 60]).is_none());
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Some(packet) = Packet::parse(&bytes) {
            let _any = (packet.source(), packet.destination(), packet.payload_len());
        }
    }
}
