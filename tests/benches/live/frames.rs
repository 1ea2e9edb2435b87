//! The frames that are sent.

use std::net::IpAddr;

use etherparse::PacketBuilder;
use lb_common::bench::{Case, HEADER_WORDS, SOURCE};

/// Bytes of payload: a frame of IPv4 has 64 bytes.
const PAYLOAD: usize = 10;
/// The last four bytes of the first client's address; two of them vary.
pub(crate) const CLIENTS: [u8; 4] = [10, 64, 0, 0];
/// Connections of one processor.
pub(crate) const FLOWS: u32 = 1 << 10;

/// Segments from the clients to port 80 of an address: SYNs, or what comes later.
pub(crate) fn segments(to: IpAddr, mac: [u8; 6], syn: bool) -> Case {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xc0], mac);
    let ip = match to {
        IpAddr::V4(to) => ethernet.ipv4(CLIENTS, to.octets(), 64),
        IpAddr::V6(to) => {
            let mut from = [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            from[12..].copy_from_slice(&CLIENTS);
            ethernet.ipv6(from, to.octets(), 64)
        }
    };
    let tcp = ip.tcp(0, 80, 1, 1024);
    let tcp = if syn { tcp.syn() } else { tcp.ack(1) };
    let mut frame = Vec::new();
    // Writing to a vector does not fail.
    let _written = tcp.write(&mut frame, &[0; PAYLOAD]);
    let mut headers = [0; HEADER_WORDS];
    for (word, bytes) in headers.iter_mut().zip(frame.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    Case {
        headers,
        length: u32::try_from(frame.len()).unwrap_or(0),
        flows: FLOWS - 1,
        side: SOURCE,
        clients: u32::from_ne_bytes(CLIENTS),
    }
}
