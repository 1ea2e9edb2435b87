use super::*;

/// Interface 7, a frame whose IP header stands at 14, 24 bytes of IP packet and some padding.
fn event() -> Vec<u8> {
    let record = Unresolved { ifindex: 7, ip: 14 };
    let mut event = bytemuck::bytes_of(&record).to_vec();
    event.extend([0; 14]);
    event.extend([0x45, 0, 0, 24, 0, 0, 0x40, 0, 63, 6, 0, 0]);
    event.extend([192, 0, 2, 1, 203, 0, 113, 9]);
    event.extend([1, 2, 3, 4]);
    event
}

#[test]
fn a_reply_is_the_ip_packet_without_what_stands_around_it() {
    let mut event = event();
    event.extend([0xff; 6]);
    let reply = Reply::parse(&event).unwrap();
    assert_eq!(reply.ifindex, 7);
    let [service, client] = [[192, 0, 2, 1], [203, 0, 113, 9]].map(Ipv4Addr::from);
    assert_eq!(reply.addresses, Addresses::V4(service, client));
    assert_eq!(reply.client(), client);
    assert_eq!(reply.packet.len(), 24);
    assert_eq!(reply.packet[20..], [1, 2, 3, 4]);
}

/// The same of IPv6, with 44 bytes of packet.
fn event6() -> Vec<u8> {
    let record = Unresolved { ifindex: 7, ip: 14 };
    let mut event = bytemuck::bytes_of(&record).to_vec();
    event.extend([0; 14]);
    event.extend([0x60, 0, 0, 0, 0, 4, 6, 63]);
    event.extend(SERVICE.octets());
    event.extend(CLIENT.octets());
    event.extend([1, 2, 3, 4]);
    event
}

const SERVICE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 9);

#[test]
fn a_reply_of_ipv6_is_the_packet_without_what_stands_around_it() {
    let mut event = event6();
    event.extend([0xff; 6]);
    let reply = Reply::parse(&event).unwrap();
    assert_eq!(reply.addresses, Addresses::V6(SERVICE, CLIENT));
    assert_eq!(reply.client(), CLIENT);
    assert_eq!(reply.packet.len(), 44);
    assert_eq!(reply.packet[40..], [1, 2, 3, 4]);
}

#[test]
fn what_is_cut_off_anywhere_is_no_reply() {
    for event in [event(), event6()] {
        for length in 0..event.len() {
            assert_eq!(Reply::parse(&event[..length]), None, "{length}");
        }
    }
}
