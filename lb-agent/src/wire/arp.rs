//! ARP (RFC 826), as far as virtual addresses need it: the gratuitous one "this address is at my
//! MAC now" (RFC 5227 section 3), the question who else has it, and the answer to that.

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

/// "Who has `target`?", from `sender`; from 0.0.0.0 it is a probe that changes nobody's cache
/// (RFC 5227 2.1.1).
pub fn request(mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> [u8; FRAME_LEN] {
    let [m0, m1, m2, m3, m4, m5] = mac;
    let [s0, s1, s2, s3] = sender.octets();
    let [a, b, c, d] = target.octets();
    [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, m0, m1, m2, m3, m4, m5, 0x08, 0x06, //
        0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01, //
        m0, m1, m2, m3, m4, m5, s0, s1, s2, s3, //
        0, 0, 0, 0, 0, 0, a, b, c, d,
    ]
}

/// [`request`] to one host only, for whom it is no secret that others have the address.
pub fn request_to(
    host: [u8; 6],
    mac: [u8; 6],
    sender: Ipv4Addr,
    target: Ipv4Addr,
) -> [u8; FRAME_LEN] {
    let mut frame = request(mac, sender, target);
    let (destination, _) = frame.split_at_mut(host.len());
    destination.copy_from_slice(&host);
    frame
}

/// An ARP reply: who says it has which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The address.
    pub address: Ipv4Addr,
    /// The MAC address it is at.
    pub mac: [u8; 6],
}

impl Reply {
    /// Reads an Ethernet frame; `None` if it is anything else.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (head, rest) = frame.split_first_chunk::<22>()?;
        let [.., 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2] = *head else {
            return None;
        };
        let (mac, rest) = rest.split_first_chunk()?;
        Some(Self {
            address: Ipv4Addr::from_octets(*rest.first_chunk()?),
            mac: *mac,
        })
    }
}

#[cfg(test)]
mod tests;
