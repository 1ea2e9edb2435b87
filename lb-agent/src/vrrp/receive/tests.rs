use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::vrrp::settings::{Authentication, Family, Peer};

mod hmac;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);

/// Whole packets captured from keepalived 2.2.7.
const PASS: &str = "45c0002800010000ff70d0910a000001e0000012 2142640101019e82 0a000064 \
                    3132333435363738";
const UNICAST: &str = "45c0002800010000ff70a6a20a0000010a000002 210d64010001708c 0a000064 \
                       0000000000000000";
const VERSION_3: &str = "45c0002400010000ff70d0950a000001e0000012 310a640200326b64 0a000064 \
                         0a000065";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn expected() -> Expected {
    Expected {
        vrid: 66,
        version: Version::V2,
        family: Family::V4,
        advert_int: Duration::from_secs(1),
        authentication: Some(Authentication::Pass(*b"12345678")),
        peers: vec![],
        check_unicast_src: false,
        ignore: false,
        group: GROUP.into(),
        v3_checksum_as_v2: false,
        old_unicast_checksum: OldUnicastChecksum::Follow,
        auth_hmac: None,
        addresses: vec![VIP.into()],
    }
}

const CHECKED: Before = Before {
    check_addresses: true,
    sequence: None,
    hmac_sequence: None,
    since_1970: Duration::ZERO,
};

fn peer(address: Ipv4Addr) -> Peer {
    Peer {
        address: address.into(),
        min_ttl: 0,
        max_ttl: 255,
    }
}

fn judge(expected: &Expected, bytes: &[u8]) -> Result<Received, Rejected> {
    let packet = Datagram::parse(bytes).unwrap();
    let view = View::parse(packet.payload).unwrap();
    check(expected, &packet, &view, CHECKED)
}

/// A golden packet with some bytes of its VRRP part changed and the checksum made good again.
fn changed(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes(PASS);
    for (at, value) in changes {
        bytes[20 + at] = *value;
    }
    bytes[26..28].fill(0);
    let sum = lb_common::checksum::sum(&bytes[20..]);
    let checksum = !lb_common::checksum::fold(sum);
    bytes[26..28].copy_from_slice(&checksum.to_ne_bytes());
    bytes
}

#[test]
fn golden_packets_are_accepted() {
    let advert = Advert {
        source: IpAddr::V4(PEER),
        priority: 100,
        adver_int: Duration::from_secs(1),
    };
    let accepted = Ok(Received {
        advert,
        sequence: None,
        hmac_sequence: None,
        unsigned: false,
        old_checksum: false,
        mismatch: None,
    });
    assert_eq!(judge(&expected(), &bytes(PASS)), accepted);

    let unicast = Expected {
        vrid: 13,
        authentication: None,
        peers: vec![peer(PEER)],
        ..expected()
    };
    assert_eq!(judge(&unicast, &bytes(UNICAST)), accepted);
}

#[test]
fn each_check_has_its_own_words() {
    let mut short = bytes(PASS);
    short.truncate(39);
    let mut long = bytes(PASS);
    long.resize(47, 0);
    let mut far = bytes(PASS);
    far[8] = 254;
    let mut lying = bytes(PASS);
    lying[3] = 41;
    let mut damaged = bytes(PASS);
    damaged[26] ^= 1;
    let mut direct = bytes(PASS);
    direct[16..20].copy_from_slice(&[10, 0, 0, 2]);
    let table = [
        (
            short,
            "vrrp packet from 10.0.0.1 too short, length 39 and expect 40",
        ),
        (
            long,
            "vrrp packet from 10.0.0.1 too long, length 47 and expect 40",
        ),
        (
            far,
            "invalid TTL/HL from 10.0.0.1. Received 254 and expect 255",
        ),
        (
            changed(&[(0, 0x31)]),
            "wrong VRRP version from 10.0.0.1. Received 3 and expect 2",
        ),
        (changed(&[(4, 7)]), "Invalid auth type from 10.0.0.1: 7"),
        (
            changed(&[(4, 0)]),
            "received a 0 auth from 10.0.0.1, expecting 1!",
        ),
        (
            changed(&[(19, b'9')]),
            "received an invalid passwd from 10.0.0.1!",
        ),
        (
            changed(&[(5, 2)]),
            "advertisement interval mismatch with 10.0.0.1 mine=1 sec rcv'd=2 sec",
        ),
        (
            changed(&[(0, 0x22)]),
            "Invalid packet type from 10.0.0.1. 2 and expect 1",
        ),
        (lying, "invalid ip length from 10.0.0.1. 41 and expect 40"),
        (damaged, "Invalid VRRPv2 checksum from 10.0.0.1"),
        (
            direct,
            "Expected multicast packet but received unicast packet from 10.0.0.1",
        ),
    ];
    for (packet, words) in table {
        assert_eq!(judge(&expected(), &packet).unwrap_err().to_string(), words);
    }
}

#[test]
fn who_is_no_peer_is_refused_with_check_unicast_src_only() {
    let from_a_stranger = |check_unicast_src| {
        let expected = Expected {
            vrid: 13,
            authentication: None,
            peers: vec![peer(Ipv4Addr::new(10, 0, 0, 9))],
            check_unicast_src,
            ..expected()
        };
        judge(&expected, &bytes(UNICAST))
    };
    assert!(from_a_stranger(false).is_ok());
    let from = IpAddr::V4(PEER);
    assert_eq!(from_a_stranger(true), Err(Rejected::NotAPeer { from }));
}

#[test]
fn a_peer_nearer_or_farther_than_min_ttl_and_max_ttl_allow_is_refused_and_others_are_not() {
    let within = |min_ttl, max_ttl, ttl| {
        let expected = Expected {
            vrid: 13,
            authentication: None,
            peers: vec![
                peer(Ipv4Addr::new(10, 0, 0, 9)),
                Peer {
                    min_ttl,
                    max_ttl,
                    ..peer(PEER)
                },
            ],
            ..expected()
        };
        let mut packet = bytes(UNICAST);
        packet[8] = ttl;
        judge(&expected, &packet).map_err(|error| error.to_string())
    };
    for (min_ttl, max_ttl, ttl) in [(0, 255, 0), (64, 64, 64), (253, 255, 253), (1, 10, 10)] {
        assert!(within(min_ttl, max_ttl, ttl).is_ok(), "{min_ttl} {max_ttl}");
    }
    for (min_ttl, max_ttl, ttl) in [(254, 255, 253), (64, 64, 65), (64, 64, 63), (0, 10, 255)] {
        let words =
            format!("TTL/HL {ttl} from unicast peer 10.0.0.1 is not from {min_ttl} to {max_ttl}");
        assert_eq!(within(min_ttl, max_ttl, ttl), Err(words));
    }
}

#[test]
fn the_first_failing_check_names_the_reason() {
    // Everything is wrong with it: the order of the checks decides.
    let mut packet = changed(&[(0, 0x32), (4, 0), (5, 9)]);
    packet[8] = 1;
    packet[26] ^= 1;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::Ttl { .. })
    ));
    packet[8] = 255;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::Version { .. })
    ));
    packet[20] = 0x22;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::AuthType { .. })
    ));
    packet[24] = 1;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::AdverInt { .. })
    ));
    packet[25] = 1;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::PacketType { .. })
    ));
    packet[20] = 0x21;
    assert!(matches!(
        judge(&expected(), &packet),
        Err(Rejected::Checksum { .. })
    ));
}

#[test]
fn a_unicast_instance_takes_any_ttl_but_no_multicast() {
    let unicast = Expected {
        vrid: 13,
        authentication: None,
        peers: vec![peer(PEER)],
        ..expected()
    };
    let mut packet = bytes(UNICAST);
    packet[8] = 3;
    assert!(judge(&unicast, &packet).is_ok());
    packet[16..20].copy_from_slice(&GROUP.octets());
    assert_eq!(
        judge(&unicast, &packet).unwrap_err().to_string(),
        "Expected unicast packet but received multicast packet from 10.0.0.1"
    );
}

#[test]
fn a_frame_padded_by_ethernet_is_accepted() {
    let mut padded = bytes(PASS);
    padded.resize(46, 0);
    assert!(judge(&expected(), &padded).is_ok());
}

#[test]
fn version_3_is_refused() {
    assert!(judge(&expected(), &bytes(VERSION_3)).is_err());
}

#[test]
fn another_list_of_addresses_is_accepted_and_named() {
    let other = Ipv4Addr::new(10, 0, 0, 101);
    let words = |addresses: Vec<Ipv4Addr>| {
        let addresses = addresses.into_iter().map(IpAddr::V4).collect();
        let received = judge(
            &Expected {
                addresses,
                ..expected()
            },
            &bytes(PASS),
        )
        .unwrap();
        received.mismatch.map(|mismatch| mismatch.to_string())
    };
    assert_eq!(words(vec![VIP]), None);
    assert_eq!(
        words(vec![VIP, other]).unwrap(),
        "expected 2 VIPs but received 1 from 10.0.0.1"
    );
    assert_eq!(
        words(vec![other]).unwrap(),
        "ip address associated with VRID 66 not present in advert from 10.0.0.1: 10.0.0.101"
    );
}

#[test]
fn the_order_of_the_addresses_does_not_matter() {
    let second = Ipv4Addr::new(49, 50, 51, 52);
    // Two addresses: the first half of the password becomes the second address.
    let mut packet = changed(&[(3, 2)]);
    packet.extend([0; 4]);
    packet[3] = 44;
    let expected = Expected {
        authentication: None,
        addresses: vec![second.into(), VIP.into()],
        ..expected()
    };
    let packet = Datagram::parse(&packet).unwrap();
    let view = View::parse(packet.payload).unwrap();
    assert_eq!(mismatch(&expected, &packet, &view), None);
}

#[test]
fn skip_check_adv_addr_leaves_the_list_alone() {
    let bytes = bytes(PASS);
    let packet = Datagram::parse(&bytes).unwrap();
    let view = View::parse(packet.payload).unwrap();
    let other = Expected {
        addresses: vec![],
        ..expected()
    };
    let spared = check(&other, &packet, &view, Before::default());
    assert_eq!(spared.unwrap().mismatch, None);
}

proptest! {
    #[test]
    fn no_packet_makes_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        header: bool, unicast: bool,
    ) {
        let mut bytes = bytes;
        if header && !bytes.is_empty() {
            bytes[0] = 0x45;
        }
        let peers = if unicast { vec![peer(PEER)] } else { vec![] };
        let expected = Expected { peers, ..expected() };
        if let Ok(packet) = Datagram::parse(&bytes)
            && let Some(view) = View::parse(packet.payload)
        {
            let _any_verdict = check(&expected, &packet, &view, CHECKED);
        }
    }

    /// Only the golden packet itself passes: no single changed byte does.
    #[test]
    fn no_changed_byte_goes_unnoticed(at in 20usize..40, value: u8) {
        let mut packet = bytes(PASS);
        prop_assume!(packet[at] != value);
        packet[at] = value;
        prop_assert!(judge(&expected(), &packet).is_err());
    }
}
