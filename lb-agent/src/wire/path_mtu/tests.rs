use std::net::Ipv6Addr;

use super::*;

const DIRECTOR: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 1, 9];

/// A router's word about a packet of 1500 bytes with this protocol.
fn told(mtu: u16, protocol: u8) -> Vec<u8> {
    let mut icmp = vec![3, 4, 0, 0, 0, 0];
    icmp.extend(mtu.to_be_bytes());
    icmp.extend([0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 63, protocol, 0, 0]);
    icmp.extend(DIRECTOR);
    icmp.extend(SERVER);
    // No more than must be quoted.
    icmp.extend([0x45, 0, 0x05, 0xc8, 0, 7, 0x40, 0]);
    let check = !fold(sum(&icmp));
    icmp[2..4].copy_from_slice(&check.to_ne_bytes());
    let length = u16::try_from(20 + icmp.len()).unwrap();
    let mut packet = vec![0x45, 0xc0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, ICMP, 0, 0, 10, 0, 0, 254]);
    packet.extend(DIRECTOR);
    packet.extend(icmp);
    packet
}

#[test]
fn a_router_tells_the_end_of_a_tunnel_what_fits() {
    let expected = TooNarrow {
        source: IpAddr::from(DIRECTOR),
        destination: IpAddr::from(SERVER),
        mtu: 1300,
    };
    assert_eq!(TooNarrow::parse(&told(1300, IPV4_WITHIN)), Some(expected));
    for protocol in [IPV6_WITHIN, GRE, UDP] {
        assert_eq!(TooNarrow::parse(&told(1300, protocol)), Some(expected));
    }
    // A link pads short frames.
    let padded = [told(1300, IPV4_WITHIN), vec![0xee; 9]].concat();
    assert_eq!(TooNarrow::parse(&padded), Some(expected));
}

#[test]
fn a_router_that_names_no_size_means_the_next_smaller_one() {
    let mtu = |packet: &[u8]| TooNarrow::parse(packet).map(|told| told.mtu);
    assert_eq!(mtu(&told(0, IPV4_WITHIN)), Some(1492));
    for (length, next) in [
        (1492, 1006),
        (1493, 1492),
        (68, 68),
        (0, 68),
        (u16::MAX, 32_000),
    ] {
        assert_eq!(below(length), next, "{length}");
    }
}

#[test]
fn what_is_cut_off_damaged_or_about_something_else_says_nothing() {
    let whole = told(1300, IPV4_WITHIN);
    for length in 0..whole.len() {
        assert_eq!(TooNarrow::parse(&whole[..length]), None, "{length}");
    }
    for at in 20..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert_eq!(TooNarrow::parse(&damaged), None, "{at}");
    }
    assert_eq!(TooNarrow::parse(&told(1300, 6)), None, "about TCP");
}

/// A router's word about a packet of IPv6 with this protocol.
fn told6(mtu: u32, protocol: u8) -> Vec<u8> {
    let mut message = vec![PACKET_TOO_BIG, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend([0x60, 0, 0, 0, 0x05, 0xb4, protocol, 63]);
    message.extend(Ipv6Addr::LOCALHOST.octets());
    message.extend(Ipv6Addr::UNSPECIFIED.octets());
    message.extend([0x45, 0, 0x05, 0xb4]);
    message
}

#[test]
fn a_router_of_ipv6_tells_it_as_well() {
    let expected = TooNarrow {
        source: Ipv6Addr::LOCALHOST.into(),
        destination: Ipv6Addr::UNSPECIFIED.into(),
        mtu: 100_000,
    };
    for protocol in [IPV4_WITHIN, IPV6_WITHIN, GRE, UDP] {
        let told = told6(100_000, protocol);
        assert_eq!(TooNarrow::parse6(&told), Some(expected));
        for length in 0..48 {
            assert_eq!(TooNarrow::parse6(&told[..length]), None, "{length}");
        }
    }
    assert_eq!(TooNarrow::parse6(&told6(1300, 6)), None, "about TCP");
    let mut other = told6(1300, GRE);
    other[0] = 3;
    assert_eq!(TooNarrow::parse6(&other), None, "time exceeded");
}
