use proptest::prelude::*;

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// The sum over pseudo-header and message is all ones (RFC 8200 8.1).
fn checksum_fits(frame: &[u8]) -> bool {
    let sum = checksum::sum(&frame[22..54]) // addresses
        + checksum::sum(&[0, 32, 0, 58])
        + checksum::sum(&frame[54..]);
    checksum::fold(sum) == 0xffff
}

#[test]
fn an_advertisement_says_who_has_the_address() {
    let vip = address("2001:db8::100");
    let frame = unsolicited_advertisement(MAC, vip, true);
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
    assert_eq!((frame[54], frame[58], frame[21]), (136, 0xa0, 255));
    assert!(checksum_fits(&frame));
    let read = Advertisement::parse(&frame);
    assert_eq!(
        read,
        Some(Advertisement {
            target: vip,
            mac: MAC
        })
    );
    let host = unsolicited_advertisement(MAC, vip, false);
    assert_eq!(host[58], 0x20);
}

/// Captured from keepalived 2.2.7 on a machine that forwards; its traffic class is 0, ours 0xc0.
#[test]
fn an_advertisement_is_keepaliveds_but_for_the_traffic_class() {
    let golden = [
        0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd, //
        0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, //
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, //
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x01, //
        0x88, 0x00, 0xb3, 0x34, 0xa0, 0x00, 0x00, 0x00, //
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, //
        0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
    ];
    let frame = unsolicited_advertisement(MAC, address("fe80::1234"), true);
    assert_eq!((frame[14], &frame[15..]), (0x6c, &golden[15..]));
    assert_eq!(frame[..14], golden[..14]);
}

#[test]
fn a_question_goes_to_the_group_of_the_address() {
    let frame = solicitation(MAC, address("fe80::1"), address("2001:db8::12:3456"));
    assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
    assert_eq!(frame[38..54], address("ff02::1:ff12:3456").octets());
    assert!(checksum_fits(&frame));
    assert_eq!(Advertisement::parse(&frame), None);
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _any = Advertisement::parse(&bytes);
    }
}

#[test]
fn one_host_alone_can_be_asked_and_hears_what_its_group_would() {
    let host = [2, 0, 0, 0, 0, 9];
    let (source, target) = (address("2001:db8::1"), address("2001:db8::100"));
    let to_all = solicitation(MAC, source, target);
    let to_one = solicitation_to(host, MAC, source, target);
    assert_eq!(to_one[..6], host);
    assert_eq!(to_one[6..], to_all[6..]);
    assert!(checksum_fits(&to_one));
}
