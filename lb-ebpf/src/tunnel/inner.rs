//! What the headers in front of a packet take from the packet itself.

use aya_ebpf::helpers::bpf_get_prandom_u32;
use lb_common::address6;
use lb_common::hash::mix;
use lb_common::service::{TCP, UDP};
use lb_common::tunnelled::{Inner, UNKNOWN};

use super::LEAST6;
use super::outer::End;
use super::sum;
use crate::forward::tunnel::identification;
use crate::forward::{DONT_FRAGMENT, decrement_ttl};
use crate::maps::CONTROL;
use crate::packet::{Ipv4, Ipv6, Packet, Ports};
use crate::parse::{MORE, OFFSET};
use crate::six::{destination, source};

/// IP protocol numbers of a packet within another one.
pub(super) const IPV4_WITHIN: u8 = 4;
const IPV6_WITHIN: u8 = 41;

/// A packet of IPv4 whose headers the programs before have read.
#[inline(always)]
pub(super) fn of_ipv4(packet: Packet, ip: *mut Ipv4, end: &End) -> Inner {
    decrement_ttl(ip);
    // SAFETY: the caller has checked the header.
    let header = unsafe { ip.read() };
    let length = u16::from_be(header.total_length);
    let start = u64::from(header.version_ihl & 15) * 4;
    let is_whole = header.fragment & (MORE | OFFSET) == 0;
    let has_ports = is_whole && matches!(header.protocol, TCP | UDP);
    let ends = u64::from(header.source) | u64::from(header.destination) << 32;
    let fragment = header.fragment & DONT_FRAGMENT;
    let sum = if !end.has_checksum() {
        0
    } else if has_ports && sum::is_covered(packet, header.protocol, start, length) {
        let addresses = [header.source, header.destination].map(u64::from);
        let length = u64::from(length) - start;
        // The header's own checksum makes its sum nothing.
        sum::covered(addresses[0] + addresses[1], length, header.protocol)
    } else {
        UNKNOWN
    };
    Inner {
        length,
        protocol: IPV4_WITHIN,
        // RFC 6040 4.1: with the bits of ECN, the mode that every receiver understands.
        tos: header.tos,
        // What is left, as IPVS has it: so a loop between two directors ends.
        ttl: header.ttl,
        fragment,
        id: if fragment == 0 {
            identification(header.id, header.source)
        } else {
            0
        },
        hash: hash(ends, has_ports.then_some(start), packet),
        sum,
        pad: [0; 3],
    }
}

/// A packet of IPv6.
#[inline(always)]
pub(super) fn of_ipv6(packet: Packet, ip: *mut Ipv6, end: &End) -> Inner {
    // SAFETY: the caller has checked the header; there is a hop left.
    let (version, payload, protocol, ttl, ends) = unsafe {
        (*ip).hop_limit = (*ip).hop_limit.wrapping_sub(1);
        let ends = [source(ip), destination(ip)];
        let payload = u16::from_be((*ip).payload_length);
        let version = u32::from_be((*ip).version);
        (version, payload, (*ip).next_header, (*ip).hop_limit, ends)
    };
    let start = size_of::<Ipv6>() as u64;
    let length = payload.wrapping_add(start as u16);
    // Behind extension headers are ports, too, but they need not be looked for.
    let has_ports = matches!(protocol, TCP | UDP);
    let sum = if !end.has_checksum() {
        0
    } else if has_ports && sum::is_covered(packet, protocol, start, length) {
        let addresses = sum::of_address(ends[0]) + sum::of_address(ends[1]);
        // SAFETY: as above.
        let first = unsafe { ip.cast::<u64>().read() };
        sum::halves(first) + addresses + sum::covered(addresses, payload.into(), protocol)
    } else {
        UNKNOWN
    };
    // RFC 4213 3.2.2: what every link has to carry may be taken apart on its way; of anything larger
    // its sender is told what fits.
    let fragment = if length > LEAST6 { DONT_FRAGMENT } else { 0 };
    let ends = address6::mixed(ends[0], address6::mixed(ends[1], 0));
    Inner {
        length,
        protocol: IPV6_WITHIN,
        tos: (version >> 20) as u8,
        ttl,
        fragment,
        id: if fragment == 0 { any_id() } else { 0 },
        hash: hash(ends, has_ports.then_some(start), packet),
        sum,
        pad: [0; 3],
    }
}

/// An identification that is none of the packet's own (RFC 6864 4.3); never 0.
#[inline(always)]
fn any_id() -> u16 {
    // SAFETY: the helper takes nothing.
    unsafe { bpf_get_prandom_u32() as u16 | 1 }
}

/// Hash of a flow between two ends. Of a packet in fragments none has the ports, so that all go one way.
#[inline(always)]
fn hash(ends: u64, ports: Option<u64>, packet: Packet) -> u32 {
    let secret = CONTROL.get(0).map_or(0, |control| control.secret);
    let place = ports.and_then(|start| packet.behind_ip::<Ports>(start));
    // SAFETY: `behind_ip` checked the ports.
    let ports = place.map_or(0, |ports| unsafe { ports.cast::<u32>().read() });
    (mix(mix(ends, secret) ^ u64::from(ports), secret) >> 32) as u32
}
