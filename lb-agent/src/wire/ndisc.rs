//! Neighbour discovery (RFC 4861), as far as virtual addresses need it: the unsolicited
//! advertisement "this address is at my MAC now", the question who else has an address, and the
//! answer to it.

use std::net::Ipv6Addr;

use lb_common::checksum;

use super::ipv6;

/// Protocol number of `ICMPv6`.
pub const ICMPV6: u8 = 58;
/// Length of the Ethernet frame of an advertisement or a solicitation with one MAC option.
pub const FRAME_LEN: usize = 86;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const NEIGHBOUR_SOLICITATION: u8 = 135;
/// Type of a neighbour advertisement (RFC 4861 section 4.4).
pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER: u8 = 1;
/// The option of an advertisement that names a MAC address (RFC 4861 section 4.6.1).
pub const TARGET_LINK_LAYER: u8 = 2;
const ROUTER: u8 = 0x80;
const OVERRIDE: u8 = 0x20;

/// An unsolicited neighbour advertisement to all nodes (RFC 4861 7.2.6): source and target are
/// `address`, "override" set, "solicited" clear, "router" as given.
pub fn unsolicited_advertisement(mac: [u8; 6], address: Ipv6Addr, router: bool) -> [u8; FRAME_LEN] {
    let flags = OVERRIDE | if router { ROUTER } else { 0 };
    let kind = [NEIGHBOUR_ADVERTISEMENT, flags, TARGET_LINK_LAYER];
    frame(mac, address, ALL_NODES, address, kind)
}

/// "Who has `target`?", from an address of our own, to the target's solicited-node group
/// (RFC 4861 4.3).
pub fn solicitation(mac: [u8; 6], source: Ipv6Addr, target: Ipv6Addr) -> [u8; FRAME_LEN] {
    let [.., a, b, c] = target.octets();
    let low = u16::from_be_bytes([b, c]);
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low);
    let kind = [NEIGHBOUR_SOLICITATION, 0, SOURCE_LINK_LAYER];
    frame(mac, source, group, target, kind)
}

/// [`solicitation`] to one host only, for whom it is no secret that others have the address. It goes to the
/// group all the same, so that the answer names the MAC address (RFC 4861 4.4).
pub fn solicitation_to(
    host: [u8; 6],
    mac: [u8; 6],
    source: Ipv6Addr,
    target: Ipv6Addr,
) -> [u8; FRAME_LEN] {
    let mut frame = solicitation(mac, source, target);
    let (destination, _) = frame.split_at_mut(host.len());
    destination.copy_from_slice(&host);
    frame
}

/// ```text
/// Ethernet 33:33 + last four bytes of the destination | `mac` | 0x86dd
/// IPv6: class 0xc0, 32 bytes of ICMPv6, hop limit 255
/// type | code 0 | checksum | flags (4) | target (16) | option: type, 1 × 8 bytes, `mac`
/// ```
fn frame(
    mac: [u8; 6],
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    [kind, flags, option]: [u8; 3],
) -> [u8; FRAME_LEN] {
    let ip = ipv6::Repr {
        traffic_class: ipv6::TRAFFIC_CLASS_INTERNETWORK_CONTROL,
        hop_limit: 255,
        next_header: ICMPV6,
        source,
        destination,
        payload_len: 32,
    };
    let icmp = |[c0, c1]: [u8; 2]| -> [u8; 32] {
        let head = [kind, 0, c0, c1, flags, 0, 0, 0].into_iter();
        let tail = [option, 1].into_iter().chain(mac);
        collect(head.chain(target.octets()).chain(tail))
    };
    let sum = checksum::sum(&icmp([0, 0]))
        + checksum::sum(&source.octets())
        + checksum::sum(&destination.octets())
        + u32::from(32u16.to_be())
        + u32::from(u16::from(ICMPV6).to_be());
    let checksum = !checksum::fold(sum);
    let [.., a, b, c, d] = destination.octets();
    let ethernet = [0x33, 0x33, a, b, c, d].into_iter().chain(mac);
    let ethernet = ethernet.chain([0x86, 0xdd]);
    collect(
        ethernet
            .chain(ip.to_bytes())
            .chain(icmp(checksum.to_ne_bytes())),
    )
}

fn collect<const N: usize>(bytes: impl Iterator<Item = u8>) -> [u8; N] {
    let mut array = [0; N];
    for (place, byte) in array.iter_mut().zip(bytes) {
        *place = byte;
    }
    array
}

/// A neighbour advertisement: who says it has which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The address.
    pub target: Ipv6Addr,
    /// The MAC address it is at: of the option, else the frame's source.
    pub mac: [u8; 6],
}

impl Advertisement {
    /// Reads an Ethernet frame; `None` if it is anything else. The checksum is not looked at:
    /// nothing follows from an advertisement but a remark.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (ethernet, rest) = frame.split_first_chunk::<14>()?;
        let [_, _, _, _, _, _, source @ .., 0x86, 0xdd] = *ethernet else {
            return None;
        };
        let packet = ipv6::Packet::parse(rest)?;
        if packet.next_header() != ICMPV6 || packet.hop_limit() != 255 {
            return None;
        }
        let (head, rest) = packet.payload().split_first_chunk::<8>()?;
        let [NEIGHBOUR_ADVERTISEMENT, 0, ..] = *head else {
            return None;
        };
        let (target, options) = rest.split_first_chunk::<16>()?;
        let option = match options {
            [TARGET_LINK_LAYER, 1, mac @ ..] => mac.first_chunk().copied(),
            _ => None,
        };
        Some(Self {
            target: Ipv6Addr::from_octets(*target),
            mac: option.unwrap_or(source),
        })
    }
}

#[cfg(test)]
mod tests;
