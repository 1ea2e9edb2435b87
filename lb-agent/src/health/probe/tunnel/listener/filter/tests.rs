use super::*;
use crate::wire::arp;
use crate::wire::tcp::{Ends, Flags, Segment};

/// What the kernel does with `program`: how much of `packet` is heard. A load beyond its end hears nothing.
fn heard(program: &[Instruction], packet: &[u8]) -> u32 {
    let (mut accumulator, mut x, mut place) = (0, 0, 0);
    let load = |at: u32, length: usize| {
        let at = usize::try_from(at).unwrap();
        let bytes = packet.get(at..at + length)?;
        Some(
            bytes
                .iter()
                .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)),
        )
    };
    loop {
        let Instruction { code, skip, value } = program[place];
        place += 1;
        let loaded = match code {
            LOAD_BYTE => load(value, 1),
            LOAD_HALF => load(value, 2),
            LOAD_WORD => load(value, 4),
            LOAD_HALF_FROM_X => load(x + value, 2),
            LOAD_HEADER_LENGTH => {
                let Some(first) = load(value, 1) else {
                    return 0;
                };
                x = (first & 0x0f) * 4;
                continue;
            }
            IF_EQUAL => {
                place += if accumulator == value {
                    0
                } else {
                    usize::from(skip)
                };
                continue;
            }
            RETURN => return value,
            other => panic!("{other:#x}"),
        };
        match loaded {
            Some(value) => accumulator = value,
            None => return 0,
        }
    }
}

fn answer(from: &str, to: &str) -> Vec<u8> {
    Segment {
        ends: Ends::new(from.parse().unwrap(), to.parse().unwrap()).unwrap(),
        sequence: 1,
        acknowledgment: 2,
        flags: Flags {
            syn: true,
            ack: true,
            rst: false,
        },
    }
    .packet()
}

#[test]
fn only_segments_of_the_service_to_our_port_are_heard() {
    for [service, ours, stranger, elsewhere] in [
        [
            "192.168.0.1:80",
            "10.0.0.1:40000",
            "192.168.0.2:80",
            "10.0.0.2:40000",
        ],
        [
            "[2001:db8::100]:80",
            "[2001:db8::1]:40000",
            "[2001:db9::100]:80",
            "[2001:db8:0:1::1]:40000",
        ],
    ] {
        let address: SocketAddr = ours.parse().unwrap();
        let from: SocketAddr = service.parse().unwrap();
        let program = tcp(from.ip(), address);
        assert_eq!(heard(&program, &answer(service, ours)), HEARD);
        assert_eq!(heard(&program, &answer(stranger, ours)), 0);
        assert_eq!(heard(&program, &answer(service, elsewhere)), 0);
        let port = ours.replace("40000", "40001");
        assert_eq!(heard(&program, &answer(service, &port)), 0);
        let mut udp = answer(service, ours);
        let protocol_at = if from.is_ipv4() { 9 } else { 6 };
        udp[protocol_at] = 17;
        assert_eq!(heard(&program, &udp), 0);
        assert_eq!(heard(&program, &[]), 0);
    }
}

#[test]
fn options_of_ipv4_move_the_port() {
    let (service, ours) = ("192.168.0.1:80", "10.0.0.1:40000");
    let from: SocketAddr = service.parse().unwrap();
    let program = tcp(from.ip(), ours.parse().unwrap());
    let mut packet = answer(service, ours);
    packet[0] = 0x46;
    assert_eq!(heard(&program, &packet), 0);
    packet.splice(20..20, [1, 1, 1, 1]);
    assert_eq!(heard(&program, &packet), HEARD);
}

#[test]
fn only_who_gives_the_address_away_is_heard() {
    let mac = [2, 0, 0, 0, 0, 7];
    let four = "192.168.0.1".parse().unwrap();
    let program = claim(four);
    // A reply is a request with another operation.
    let mut reply = arp::request(
        mac,
        "192.168.0.1".parse().unwrap(),
        "10.0.0.1".parse().unwrap(),
    );
    assert_eq!(heard(&program, &reply[14..]), 0);
    reply[21] = 2;
    assert_eq!(heard(&program, &reply[14..]), HEARD);
    assert_eq!(reply[14 + MAC_IN_ARP..][..6], mac);
    assert_eq!(
        heard(&claim("192.168.0.2".parse().unwrap()), &reply[14..]),
        0
    );

    let six = "2001:db8::100".parse().unwrap();
    let program = claim(IpAddr::V6(six));
    let told = ndisc::unsolicited_advertisement(mac, six, false);
    assert_eq!(heard(&program, &told[14..]), HEARD);
    assert_eq!(told[14 + MAC_IN_ADVERTISEMENT..][..6], mac);
    assert_eq!(
        heard(&claim("2001:db8::101".parse().unwrap()), &told[14..]),
        0
    );
    let asked = ndisc::solicitation(mac, "2001:db8::1".parse().unwrap(), six);
    assert_eq!(heard(&program, &asked[14..]), 0);
    assert_eq!(heard(&program, &told[14..70]), 0, "without its option");
}
