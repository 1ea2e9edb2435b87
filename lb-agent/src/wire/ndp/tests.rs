use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Captured from keepalived 2.2.7 on a machine that forwards.
#[test]
fn the_frames_are_keepaliveds_byte_for_byte() {
    let mut golden = [
        0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd, //
        0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, //
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, //
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x01, //
        0x88, 0x00, 0xb3, 0x34, 0xa0, 0x00, 0x00, 0x00, //
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, //
        0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
    ];
    assert_eq!(
        unsolicited(MAC, "fe80::1234".parse().unwrap(), true),
        golden
    );
    golden[22..24].copy_from_slice(&[0xfd, 0x00]);
    golden[36..38].copy_from_slice(&[0x01, 0x00]);
    golden[62..64].copy_from_slice(&[0xfd, 0x00]);
    golden[76..78].copy_from_slice(&[0x01, 0x00]);
    golden[56..58].copy_from_slice(&[0xd8, 0x9c]);
    assert_eq!(unsolicited(MAC, "fd00::100".parse().unwrap(), true), golden);
}

#[test]
fn a_host_does_not_say_that_it_is_a_router() {
    let frame = unsolicited(MAC, "fd00::100".parse().unwrap(), false);
    assert_eq!(frame[58], 0x20);
    assert_eq!(checksum::fold(sum(&frame)), 0xffff);
}
