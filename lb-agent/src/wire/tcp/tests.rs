use proptest::prelude::*;

use super::*;

const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 159, 103), 40000);
const SERVICE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 159, 200), 80);

fn syn() -> Segment {
    Segment {
        source: CLIENT,
        destination: SERVICE,
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
        let over_all = checksum_of(*CLIENT.ip(), *SERVICE.ip(), tcp);
        assert_eq!(over_all, [0, 0]);
    }
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
        ports: (u16, u16), sequence: u32, acknowledgment: u32, syn: bool, ack: bool, rst: bool,
    ) {
        let segment = Segment {
            source: SocketAddrV4::new(*CLIENT.ip(), ports.0),
            destination: SocketAddrV4::new(*SERVICE.ip(), ports.1),
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
