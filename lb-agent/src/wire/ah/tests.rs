use super::*;

/// Captured from keepalived 2.2.7: key "secret12", 10.0.0.1 to 224.0.0.18, sequence number 1.
pub(in crate::wire) const GOLDEN: [u8; 64] = [
    0x45, 0xc0, 0x00, 0x40, 0x00, 0x01, 0x00, 0x00, 0xff, 0x33, 0xd0, 0xb6, 0x0a, 0x00, 0x00, 0x01,
    0xe0, 0x00, 0x00, 0x12, 0x70, 0x04, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x78, 0x96, 0x95, 0x0e, 0xdf, 0xe4, 0x43, 0xc9, 0x28, 0x8a, 0x1c, 0x1b, 0x21, 0x0c, 0x78, 0x01,
    0x02, 0x01, 0x5a, 0x8d, 0x0a, 0x00, 0x00, 0x64, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn the_digest_is_keepaliveds() {
    assert!(is_signed(&GOLDEN, b"secret12"));
    assert!(!is_signed(&GOLDEN, b"secret13"));
    let mut packet = GOLDEN;
    packet[32..44].fill(0xaa);
    sign(&mut packet, b"secret12");
    assert_eq!(packet, GOLDEN);
}

/// Captured from keepalived 2.2.7: the same key, 10.0.0.1 to its peer 10.0.0.2.
#[test]
fn the_digest_of_a_unicast_packet_is_keepaliveds() {
    let golden = [
        0x45, 0xc0, 0x00, 0x40, 0x00, 0x01, 0x00, 0x00, 0xff, 0x33, 0xa6, 0xc7, 0x0a, 0x00, 0x00,
        0x01, 0x0a, 0x00, 0x00, 0x02, 0x70, 0x04, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x01, 0x00, 0x00,
        0x00, 0x01, 0x55, 0x63, 0x05, 0x05, 0xa7, 0x1d, 0x18, 0x02, 0xe3, 0x7d, 0x8c, 0x3e, 0x21,
        0x0e, 0xc8, 0x01, 0x02, 0x01, 0x0a, 0x8b, 0x0a, 0x00, 0x00, 0x64, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert!(is_signed(&golden, b"secret12"));
    let mut packet = golden;
    packet[32..44].fill(0);
    sign(&mut packet, b"secret12");
    assert_eq!(packet, golden);
}

#[test]
fn the_header_is_keepaliveds() {
    let (view, payload) = View::parse(&GOLDEN[20..]).unwrap();
    assert_eq!(view.next_header(), PROTOCOL);
    assert_eq!(
        (view.spi(), view.sequence()),
        (Ipv4Addr::new(10, 0, 0, 1), 1)
    );
    assert_eq!(payload, &GOLDEN[44..]);
    assert_eq!(header(view.spi(), 1)[..12], GOLDEN[20..32]);
}

#[test]
fn what_routers_change_is_not_covered_and_everything_else_is() {
    // TOS, flags and offset, header checksum.
    for at in [1, 6, 7, 10, 11] {
        let mut packet = GOLDEN;
        packet[at] ^= 0x55;
        assert!(is_signed(&packet, b"secret12"), "byte {at}");
    }
    // The TTL, of a multicast packet; and the advert.
    for at in [8, 13, 30, 35, 45, 60] {
        let mut packet = GOLDEN;
        packet[at] ^= 0x55;
        assert!(!is_signed(&packet, b"secret12"), "byte {at}");
    }
    let mut unicast = GOLDEN;
    unicast[16..20].copy_from_slice(&[10, 0, 0, 2]);
    sign(&mut unicast, b"secret12");
    unicast[8] = 64;
    assert!(is_signed(&unicast, b"secret12"));
}

#[test]
fn what_is_too_short_is_neither_read_nor_signed() {
    for length in 0..44 {
        let mut packet = GOLDEN[..length].to_vec();
        sign(&mut packet, b"secret12");
        assert_eq!(packet, GOLDEN[..length]);
        assert!(!is_signed(&packet, b"secret12"));
    }
    assert!(View::parse(&GOLDEN[20..43]).is_none());
}
