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
    assert_eq!(reply.service, Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(reply.client, Ipv4Addr::new(203, 0, 113, 9));
    assert_eq!(reply.packet.len(), 24);
    assert_eq!(reply.packet[20..], [1, 2, 3, 4]);
}

#[test]
fn what_is_cut_off_anywhere_is_no_reply() {
    let event = event();
    for length in 0..event.len() {
        assert_eq!(Reply::parse(&event[..length]), None, "{length}");
    }
}
