use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 159, 103), 40000);
const SERVICE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 159, 200), 80);

const ENDS: Ends = Ends::V4 {
    source: CLIENT,
    destination: SERVICE,
};

/// The same over IPv6.
const SIX: Ends = Ends::V6 {
    source: SocketAddrV6::new(
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50),
        40000,
        0,
        0,
    ),
    destination: SocketAddrV6::new(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100), 80, 0, 0),
};

fn syn() -> Segment {
    Segment {
        ends: ENDS,
        sequence: 0x0102_0304,
        acknowledgment: 0,
        flags: Flags {
            syn: true,
            ..Flags::default()
        },
    }
}

#[test]
fn a_syn_is_these_bytes() {
    let packet = syn().packet();
    #[rustfmt::skip]
    let header = [
        0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6,
    ];
    assert_eq!(packet[..10], header);
    #[rustfmt::skip]
    let tcp = [
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x60, 0x02, 0xfa, 0xf0,
    ];
    assert_eq!(packet[20..36], tcp);
    assert_eq!(packet[38..], [0, 0, 2, 4, 0x05, 0xb4]);
}

#[test]
fn the_checksums_are_right() {
    let rst = Segment {
        flags: Flags {
            rst: true,
            ..Flags::default()
        },
        ..syn()
    };
    for segment in [syn(), rst] {
        let packet = segment.packet();
        let (header, tcp) = packet.split_at(20);
        assert_eq!(checksum::fold(checksum::sum(header)), 0xffff);
        // A sum over its own checksum comes to nothing.
        assert_eq!(checksum_of(&ENDS, tcp), [0, 0]);
        let packet = Segment {
            ends: SIX,
            ..segment
        }
        .packet();
        assert_eq!(checksum_of(&SIX, &packet[40..]), [0, 0]);
    }
}

#[test]
fn a_syn_over_ipv6_is_these_bytes() {
    let packet = Segment { ends: SIX, ..syn() }.packet();
    assert_eq!(packet[..8], [0x60, 0, 0, 0, 0, 24, 6, 64]);
    assert_eq!(packet[8..12], [0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!((packet[23], packet[38], packet[39]), (0x50, 1, 0));
    #[rustfmt::skip]
    let tcp = [
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x60, 0x02, 0xfa, 0xf0,
    ];
    assert_eq!(packet[40..56], tcp);
    assert_eq!(packet[58..], [0, 0, 2, 4, 0x05, 0xa0]);
    assert_eq!(Segment::parse(&packet).unwrap().ends, SIX);
    let mut udp = packet;
    udp[6] = 17;
    assert_eq!(Segment::parse(&udp), None);
}

#[test]
fn both_ends_are_of_one_family_and_have_no_scope() {
    let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 2, 3);
    let bare = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 0, 0);
    assert_eq!(Ends::new(CLIENT.into(), scoped.into()), None);
    assert_eq!(Ends::new(scoped.into(), CLIENT.into()), None);
    assert_eq!(
        Ends::new(scoped.into(), scoped.into()),
        Some(Ends::V6 {
            source: bare,
            destination: bare
        })
    );
    assert_eq!(ENDS.reversed().reversed(), ENDS);
    assert_eq!(
        Some(ENDS.reversed()),
        Ends::new(SERVICE.into(), CLIENT.into())
    );
}

#[test]
fn what_is_no_tcp_is_nothing() {
    let mut udp = syn().packet();
    udp[9] = 17;
    assert_eq!(Segment::parse(&udp), None);
    assert_eq!(Segment::parse(&syn().packet()[..39]), None);
    assert_eq!(Segment::parse(&[]), None);
}

proptest! {
    #[test]
    fn a_segment_is_read_as_it_was_written(
        hosts: (u128, u128), six: bool, ports: (u16, u16), sequence: u32, acknowledgment: u32,
        syn: bool, ack: bool, rst: bool,
    ) {
        let address = |host: u128, port: u16| -> SocketAddr {
            if six {
                (Ipv6Addr::from(host), port).into()
            } else {
                #[expect(clippy::cast_possible_truncation, reason = "any address will do")]
                let host = host as u32;
                (Ipv4Addr::from(host), port).into()
            }
        };
        let ends = Ends::new(address(hosts.0, ports.0), address(hosts.1, ports.1)).unwrap();
        let segment = Segment {
            ends,
            sequence,
            acknowledgment,
            flags: Flags { syn, ack, rst },
        };
        prop_assert_eq!(Segment::parse(&segment.packet()), Some(segment));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _read = Segment::parse(&bytes);
    }
}
