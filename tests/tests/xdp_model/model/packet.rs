//! What a frame says, and what it becomes: slices of bytes, nothing of the program's.

use std::net::{Ipv4Addr, Ipv6Addr};

use lb_agent::dataplane::desired::Server;
use lb_agent::dataplane::nexthop::Hop;
use lb_common::stats::Reason;

use super::Refusal;
use crate::frame::{ETHERNET, Endpoint, SCTP, TCP, UDP, checksum, crc32c, v4};

/// A TCP, UDP or SCTP packet that is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) protocol: u8,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    /// TCP flags; of SCTP the type of the chunk that counts.
    pub(crate) flags: u8,
    pub(crate) ttl: u8,
    /// It must not be fragmented.
    pub(crate) whole: bool,
    /// More fragments of it come.
    pub(crate) more: bool,
    /// Of the IP packet.
    pub(crate) length: u16,
    /// Of the IP header.
    header: usize,
}

/// Source and destination of an IPv4 frame that is long enough to have them.
pub(crate) fn addresses(frame: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (ethernet, ip) = frame.split_at_checked(ETHERNET)?;
    let ip = ip.get(..20).filter(|_| ethernet[12..] == [0x08, 0x00])?;
    Some((address(&ip[12..16]), address(&ip[16..20])))
}

/// Source and destination of an IPv6 frame that is long enough to have them.
pub(crate) fn addresses6(frame: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr)> {
    let (ethernet, ip) = frame.split_at_checked(ETHERNET)?;
    let ip = ip.get(..40).filter(|_| ethernet[12..] == [0x86, 0xdd])?;
    let source: [u8; 16] = ip[8..24].try_into().ok()?;
    let destination: [u8; 16] = ip[24..].try_into().ok()?;
    Some((source.into(), destination.into()))
}

/// Whether a frame that has addresses of IPv6 is not what it says. What stands behind its first
/// header is not looked at: there are no services of IPv6 here, those are [`crate::six`]'s.
pub(crate) fn is_malformed6(frame: &[u8]) -> bool {
    let ip = &frame[ETHERNET..];
    ip[0] / 16 != 6 || 40 + usize::from(short(&ip[4..6])) > ip.len()
}

/// The packet in `frame`, which has addresses.
pub(crate) fn parse(frame: &[u8]) -> Result<Packet, Refusal> {
    const MALFORMED: Refusal = Refusal::Because(Reason::Malformed);
    let ip = &frame[ETHERNET..];
    let header = usize::from(ip[0] % 16) * 4;
    let length = usize::from(short(&ip[2..4]));
    if ip[0] / 16 != 4 || header < 20 || length > ip.len() {
        return Err(MALFORMED);
    }
    let offset = short(&ip[6..8]) % 0x2000;
    if offset != 0 {
        return Err(if length < header {
            MALFORMED
        } else {
            Refusal::Later
        });
    }
    let protocol = ip[9];
    let least = match protocol {
        TCP => 20,
        UDP => 8,
        // With the head of a chunk.
        SCTP => 16,
        _ => return Err(Refusal::NotOurs),
    };
    let transport = ip.get(header..header + least).ok_or(MALFORMED)?;
    if length < header + least {
        return Err(MALFORMED);
    }
    Ok(Packet {
        protocol,
        source: Endpoint {
            address: address(&ip[12..16]),
            port: short(&transport[..2]),
        },
        destination: Endpoint {
            address: address(&ip[16..20]),
            port: short(&transport[2..4]),
        },
        flags: match protocol {
            TCP => transport[13],
            SCTP => chunk(&ip[header + 12..length]),
            _ => 0,
        },
        ttl: ip[8],
        whole: ip[6] & 0x40 != 0,
        more: ip[6] & 0x20 != 0,
        length: short(&ip[2..4]),
        header,
    })
}

/// The chunk that counts: an ABORT behind a cookie or its answer, else the first one.
fn chunk(chunks: &[u8]) -> u8 {
    let first = chunks[0];
    let length = usize::from(short(&chunks[2..4]));
    let behind = length.next_multiple_of(4);
    let second = chunks.get(behind..behind + 4);
    match (first, second) {
        (10 | 11, Some([6, ..])) if length >= 4 => 6,
        _ => first,
    }
}

/// Direct routing: MAC addresses and one hop less.
pub(crate) fn direct(frame: &[u8], hop: &Hop) -> Vec<u8> {
    let mut frame = frame.to_vec();
    hop_less(&mut frame[ETHERNET..]);
    address_to(&mut frame, hop.dst_mac, hop.src_mac);
    frame
}

/// "Fragmentation needed" (RFC 1191 4): back to the sender, with what it had sent, as far as 576
/// bytes hold it.
pub(crate) fn icmp_error(frame: &[u8], packet: &Packet, icmp: [u8; 8]) -> Vec<u8> {
    let ip = &frame[ETHERNET..];
    let quoted = usize::from(packet.length).min(576 - 28);
    let mut icmp = icmp.to_vec();
    icmp.extend(&ip[..quoted]);
    let check = checksum(&icmp);
    put(&mut icmp, 2, &check.to_be_bytes());
    let mut header = vec![0x45, ip[1] & 0x1e | 0xc0];
    header.extend((20 + icmp.len() as u16).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, 1, 0, 0]);
    header.extend(&ip[16..20]);
    header.extend(&ip[12..16]);
    let check = checksum(&header);
    put(&mut header, 10, &check.to_be_bytes());
    [&frame[6..12], &frame[..6], &[0x08, 0x00], &header, &icmp].concat()
}

/// NAT towards the server: another destination.
pub(crate) fn to_server(frame: &[u8], packet: &Packet, server: &Server, hop: &Hop) -> Vec<u8> {
    let mut frame = direct(frame, hop);
    let to = Endpoint {
        address: v4(server.address),
        port: server.port,
    };
    translate(&mut frame[ETHERNET..], packet, 16, 2, to);
    frame
}

/// NAT towards the client: another source. The MAC addresses are as they came.
pub(crate) fn to_client(frame: &[u8], packet: &Packet, service: Endpoint) -> Vec<u8> {
    let mut frame = frame.to_vec();
    hop_less(&mut frame[ETHERNET..]);
    translate(&mut frame[ETHERNET..], packet, 12, 0, service);
    frame
}

/// Puts `to` in the place of an address of the IP header and a port behind it.
fn translate(ip: &mut [u8], packet: &Packet, address_at: usize, port_at: usize, to: Endpoint) {
    let port_at = packet.header + port_at;
    if packet.protocol == SCTP {
        let old = ip[address_at..address_at + 4].to_vec();
        put(ip, address_at, &to.address.octets());
        mend(ip, 10, &old, &to.address.octets());
        let whole = usize::from(packet.length);
        mend_crc(
            &mut ip[packet.header..whole],
            port_at - packet.header,
            to.port,
        );
        return;
    }
    let check_at = packet.header + if packet.protocol == TCP { 16 } else { 6 };
    let mut old = ip[address_at..address_at + 4].to_vec();
    put(ip, address_at, &to.address.octets());
    mend(ip, 10, &old, &to.address.octets());
    old.extend(&ip[port_at..port_at + 2]);
    put(ip, port_at, &to.port.to_be_bytes());
    if packet.protocol == UDP && ip[check_at..check_at + 2] == [0, 0] {
        return;
    }
    let mut new = to.address.octets().to_vec();
    new.extend(to.port.to_be_bytes());
    mend(ip, check_at, &old, &new);
    if packet.protocol == UDP && ip[check_at..check_at + 2] == [0, 0] {
        put(ip, check_at, &[0xff, 0xff]);
    }
}

/// Another port in a packet of SCTP: its checksum is as right or as wrong as it was, and not there if it was
/// not.
fn mend_crc(sctp: &mut [u8], port_at: usize, port: u16) {
    let stated = sctp[8..12].to_vec();
    if stated == [0; 4] {
        put(sctp, port_at, &port.to_be_bytes());
        return;
    }
    put(sctp, 8, &[0; 4]);
    let before = crc32c(sctp);
    put(sctp, port_at, &port.to_be_bytes());
    let after = crc32c(sctp);
    for (at, stated) in stated.into_iter().enumerate() {
        sctp[8 + at] = stated ^ before.to_le_bytes()[at] ^ after.to_le_bytes()[at];
    }
}

pub(super) fn hop_less(ip: &mut [u8]) {
    let old = [ip[8], ip[9]];
    ip[8] -= 1;
    let new = [ip[8], ip[9]];
    mend(ip, 10, &old, &new);
}

/// Another address in the IP header.
pub(super) fn readdress(ip: &mut [u8], at: usize, new: Ipv4Addr) {
    let old = ip[at..at + 4].to_vec();
    put(ip, at, &new.octets());
    mend(ip, 10, &old, &new.octets());
}

/// RFC 1624, equation 3, in arithmetic modulo 2^16 - 1: `HC' = ~(~HC + ~m + m')`.
pub(super) fn mend(ip: &mut [u8], check_at: usize, old: &[u8], new: &[u8]) {
    let mut sum = u64::from(!short(&ip[check_at..check_at + 2]));
    for (old, new) in old.chunks(2).zip(new.chunks(2)) {
        sum += u64::from(!short(old)) + u64::from(short(new));
    }
    // Of the two zeros, a sum of anything but zeros is the greater.
    let folded = if sum == 0 { 0 } else { (sum - 1) % 0xffff + 1 };
    put(ip, check_at, &(!(folded as u16)).to_be_bytes());
}

/// Who gets the frame, and from whom.
pub(crate) fn address_to(frame: &mut [u8], destination: [u8; 6], source: [u8; 6]) {
    put(frame, 0, &destination);
    put(frame, 6, &source);
}

pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

pub(super) fn address(bytes: &[u8]) -> Ipv4Addr {
    Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])
}

pub(super) fn short(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
