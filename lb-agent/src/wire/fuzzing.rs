//! Decoders under a fuzzer: see [`crate::fuzzing`].

use std::net::Ipv4Addr;

use super::{ah, arp, bfd as packet, ip, ndisc, path_mtu};

/// Frames that answer who has an address, and the packets in frames.
pub(crate) fn neighbours(bytes: &[u8]) {
    if let Some(reply) = arp::Reply::parse(bytes) {
        // A reply is a request's mirror: both have the address where the other has it.
        let frame = arp::request(reply.mac, reply.address, Ipv4Addr::UNSPECIFIED);
        assert!(arp::Reply::parse(&frame).is_none(), "a request is no reply");
    }
    if let Some(advertisement) = ndisc::Advertisement::parse(bytes) {
        let frame = ndisc::unsolicited_advertisement(advertisement.mac, advertisement.target, true);
        assert_eq!(ndisc::Advertisement::parse(&frame), Some(advertisement));
    }
    if let Ok(datagram) = ip::Datagram::parse(bytes) {
        assert!(datagram.headers_len() <= bytes.len());
        assert!(bytes.ends_with(datagram.payload));
    }
    if let Some(told) = path_mtu::TooNarrow::parse(bytes) {
        assert!(told.mtu > 0);
    }
    if let Some(told) = path_mtu::TooNarrow::parse6(bytes) {
        assert!(told.source.is_ipv6() && told.destination.is_ipv6());
    }
    signed(bytes);
}

/// What we sign is signed, whatever it is.
fn signed(bytes: &[u8]) {
    const KEY: &[u8] = b"12345678";
    let mut packet = bytes.to_vec();
    ah::sign(&mut packet, KEY);
    let is_whole = packet.len() >= super::ipv4::HEADER_LEN + ah::HEADER_LEN;
    assert!(ah::is_signed(&packet, KEY) || !is_whole);
    assert!(!ah::is_signed(&packet, b"another") || !is_whole);
}

/// A packet of BFD: what is read is written as it was, but for what we do not write.
pub(crate) fn bfd(bytes: &[u8]) {
    if let Ok(control) = packet::Control::parse(bytes) {
        let plain = packet::Control {
            authenticated: false,
            ..control
        };
        assert_eq!(packet::Control::parse(&plain.to_bytes()), Ok(plain));
    }
}
