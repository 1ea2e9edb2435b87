//! Gratuitous ARP (RFC 826, RFC 5227 section 3): "this address is at my MAC now".
//!
//! Only built, never read: what the network answers is the kernel's business.

use std::net::Ipv4Addr;

/// Length of the Ethernet frame.
pub const FRAME_LEN: usize = 42;

/// Where an Ethernet frame to everybody goes.
pub const BROADCAST: [u8; 6] = [0xff; 6];

/// A broadcast ARP *request* whose sender and target are both `address`, target MAC all ones.
///
/// ```text
/// destination ff:ff:ff:ff:ff:ff | source `mac` | 0x0806
/// hardware 1 | protocol 0x0800 | lengths 6, 4 | operation 1
/// sender `mac`, `address` | target ff:ff:ff:ff:ff:ff, `address`
/// ```
///
/// RFC 3768 6.4.1 asks for it when a router becomes master. A request and not a reply, as
/// keepalived does it: hosts that drop unsolicited replies still learn from requests.
pub fn gratuitous(mac: [u8; 6], address: Ipv4Addr) -> [u8; FRAME_LEN] {
    let [m0, m1, m2, m3, m4, m5] = mac;
    let [a, b, c, d] = address.octets();
    [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, m0, m1, m2, m3, m4, m5, 0x08, 0x06, //
        0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01, //
        m0, m1, m2, m3, m4, m5, a, b, c, d, //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, a, b, c, d,
    ]
}

#[cfg(test)]
mod tests;
