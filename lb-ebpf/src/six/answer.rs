//! A packet that cannot go on to its server: its sender is told by `ICMPv6`, in the name of the virtual
//! address. It does not fit the path: which size does (RFC 4443 3.2). Its hop limit has run out: that
//! (RFC 4443 3.3).
//!
//! A subprogram: this happens about once in the life of a path.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::Address6;
use lb_common::answers;
use lb_common::stats::Reason;

use super::parse::ICMP6;
use super::{destination, source};
use crate::forward::{Complaint, quote};
use crate::limit::within_limit;
use crate::packet::{ETHERNET, Ethernet, IPV6, Ipv6, Packet};
use crate::tag;

/// `ICMPv6` header of both errors.
#[repr(C)]
struct Error {
    kind: u8,
    code: u8,
    checksum: u16,
    /// MTU of "packet too big", network byte order.
    mtu: u32,
}

/// Packet too big (RFC 4443 3.2).
const TOO_BIG: u8 = 2;
/// Hop limit exceeded in transit (RFC 4443 3.3).
const TIME_EXCEEDED: u8 = 3;
/// What stands in front of the quoted packet.
const HEADERS: usize = size_of::<Ipv6>() + size_of::<Error>();
/// As much of the packet is quoted as fits in what every link carries (RFC 4443 3.2).
const QUOTE: usize = 1280 - HEADERS;
/// The longest message of `ICMPv6`.
const MOST: usize = size_of::<Error>() + QUOTE;
/// Hop limit of what we send.
const HOPS: u8 = 64;

/// Makes the answer of the packet of a service, to be sent back the way it came ([`Reason::TooBig`],
/// [`Reason::TimeExceeded`]), or tells why there is none. Whose address is no single host's has not
/// come this far.
#[inline(never)]
pub(crate) fn answer(ctx: *mut xdp_md, complaint: Complaint, service: u32, tick: u32) -> Reason {
    let ctx = XdpContext::new(ctx);
    let packet = Packet::new(&ctx);
    let Some(place) = packet.at::<Ipv6>(ETHERNET) else {
        return Reason::Malformed;
    };
    let (kind, done) = if complaint.is_of_time() {
        (answers::TIME_EXCEEDED, Reason::TimeExceeded)
    } else {
        (answers::TOO_BIG, Reason::TooBig)
    };
    if !within_limit(answers::of_service(kind, service), tick) {
        return Reason::AnswerLimit;
    }
    // SAFETY: `at` checked the header.
    let length = size_of::<Ipv6>() + usize::from(u16::from_be(unsafe { (*place).payload_length }));
    let quote = length.min(QUOTE);
    let moved = quote::wrap(ctx.ctx, packet, place, HEADERS, quote);
    if moved && write(Packet::new(&ctx), complaint, quote).is_some() {
        tag::answered();
        done
    } else {
        Reason::Malformed
    }
}

/// The `ICMPv6` header of a complaint, without its checksum.
#[inline(always)]
const fn header(complaint: Complaint) -> Error {
    let (kind, mtu) = if complaint.is_of_time() {
        (TIME_EXCEEDED, 0)
    } else {
        (TOO_BIG, (complaint.room() as u32).to_be())
    };
    Error {
        kind,
        code: 0,
        checksum: 0,
        mtu,
    }
}

/// Writes the headers in front of the packet that is quoted, whose own Ethernet header stands right
/// before it still, and goes with that.
#[inline(always)]
fn write(packet: Packet, complaint: Complaint, quote: usize) -> Option<()> {
    let to = packet.at::<Ethernet>(0)?;
    let ip = packet.at::<Ipv6>(ETHERNET)?;
    let error = packet.at::<Error>(ETHERNET + size_of::<Ipv6>())?;
    // SAFETY: `at` checked the header.
    let ethernet = unsafe { packet.at::<Ethernet>(HEADERS)?.read() };
    let old = packet.at::<Ipv6>(ETHERNET + HEADERS)?;
    let payload = (size_of::<Error>() + quote) as u16;
    // SAFETY: `at` checked every header, and the new ones end where the old Ethernet header does.
    unsafe {
        to.write(Ethernet {
            dst: ethernet.src,
            src: ethernet.dst,
            ether_type: IPV6,
        });
        (*ip).version = 0x6000_0000_u32.to_be();
        (*ip).payload_length = payload.to_be();
        (*ip).next_header = ICMP6;
        (*ip).hop_limit = HOPS;
        (&raw mut (*ip).source)
            .cast::<Address6>()
            .write(destination(old));
        (&raw mut (*ip).destination)
            .cast::<Address6>()
            .write(source(old));
        error.write(header(complaint));
        // The pseudo header: both addresses, length and protocol (RFC 8200 8.1).
        let mut sum = u64::from(payload.to_be()) + u64::from(u16::from(ICMP6).to_be());
        for address in [source(ip), destination(ip)] {
            for word in address {
                sum += (word & 0xffff_ffff) + (word >> 32);
            }
        }
        (*error).checksum = quote::checksum(packet, ETHERNET + size_of::<Ipv6>(), MOST, sum);
    }
    Some(())
}
