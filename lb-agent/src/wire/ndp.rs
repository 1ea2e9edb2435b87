//! The unsolicited neighbour advertisement (RFC 4861 sections 4.4 and 7.2.6): "this address is at my
//! MAC now".
//!
//! Only built, never read: what the network answers is the kernel's business.

use std::net::Ipv6Addr;

use lb_common::checksum;

/// Length of the Ethernet frame.
pub const FRAME_LEN: usize = 86;

/// Where it goes: the MAC of ff02::1, all nodes (RFC 2464 section 7).
pub const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// Every node on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const FLAG_ROUTER: u8 = 0x80;
const FLAG_OVERRIDE: u8 = 0x20;
const OPTION_TARGET_LINK_LAYER_ADDRESS: u8 = 2;

/// Ethernet header, IPv6 header, and the message with its one option.
const IPV6_AT: usize = 14;
const ICMP_AT: usize = 54;
const MESSAGE_LEN: u8 = 32;

/// A neighbour advertisement for `address` at `mac`, to all nodes.
///
/// ```text
/// destination 33:33:00:00:00:01 | source `mac` | 0x86dd
/// IPv6: no flow label | length 32 | ICMPv6 | hop limit 255 | source `address` | ff02::1
/// type 136, code 0, checksum | R, S=0, O=1 | target `address` | option 2, length 1, `mac`
/// ```
///
/// RFC 9568 6.4.1 asks for it when a router becomes active. `router`: this machine forwards
/// (the R flag); hosts forget their default router if it is wrong (RFC 4861 7.2.5). Like keepalived
/// it is sent from the address itself.
pub fn unsolicited(mac: [u8; 6], address: Ipv6Addr, router: bool) -> [u8; FRAME_LEN] {
    let mut frame = [0; FRAME_LEN];
    let flags = FLAG_OVERRIDE | if router { FLAG_ROUTER } else { 0 };
    let parts: [&[u8]; 13] = [
        &ALL_NODES_MAC,
        &mac,
        &ETHERTYPE_IPV6,
        &[0x60, 0, 0, 0, 0, MESSAGE_LEN],
        &[ICMPV6, 255],
        &address.octets(),
        &ALL_NODES.octets(),
        &[NEIGHBOR_ADVERTISEMENT, 0],
        &[0, 0],
        &[flags, 0, 0, 0],
        &address.octets(),
        &[OPTION_TARGET_LINK_LAYER_ADDRESS, 1],
        &mac,
    ];
    for (to, from) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    let checksum = !checksum::fold(sum(&frame));
    if let Some(field) = frame.get_mut(ICMP_AT + 2..ICMP_AT + 4) {
        field.copy_from_slice(&checksum.to_ne_bytes());
    }
    frame
}

/// Over the message, the addresses and the rest of the pseudo-header (RFC 4443 2.3).
fn sum(frame: &[u8; FRAME_LEN]) -> u32 {
    let part = |range| {
        frame
            .get::<std::ops::Range<usize>>(range)
            .unwrap_or_default()
    };
    checksum::sum(part(IPV6_AT + 8..IPV6_AT + 40))
        + checksum::sum(part(ICMP_AT..FRAME_LEN))
        + checksum::sum(&[0, 0, 0, MESSAGE_LEN, 0, 0, 0, ICMPV6])
}

#[cfg(test)]
mod tests;
