//! From the first byte of the IPv6 header to the ports.
//!
//! Extension headers are walked one by one, and not beyond a bound: what is behind more of them, or
//! behind one that is not known, is the kernel's.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;
use lb_common::flow::tcp;
use lb_common::service::{TCP, UDP};
use lb_common::stats::Reason;

use crate::flows;
use crate::packet::{ETHERNET, Ipv6, Packet, Ports, Tcp, Udp};
use crate::parse::Refused;

/// What is known of a TCP or UDP packet over IPv6.
pub(super) struct Headers {
    /// The IP header.
    pub(super) ip: *mut Ipv6,
    /// Source and destination port. With [`TCP`] all of the TCP header is there, with [`UDP`] all
    /// of the UDP header.
    pub(super) ports: *mut Ports,
    /// TCP flags; of a datagram ACK.
    pub(super) flags: u8,
    /// [`TCP`] or [`UDP`].
    pub(super) protocol: u8,
    /// Length of the IP packet in bytes.
    pub(super) length: u64,
}

/// Numbers of extension headers (RFC 8200 4).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
/// RFC 4302.
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// So many extension headers are walked.
const MOST: usize = 8;
/// And so many bytes from the beginning of the packet on.
const FARTHEST: u64 = 1024;

/// The fixed header.
const FIXED: u64 = size_of::<Ipv6>() as u64;

/// What every extension header begins with.
#[repr(C)]
struct Extension {
    next_header: u8,
    /// Depends on the header.
    length: u8,
    /// Of a fragment header: offset, in units of eight bytes, and in the last bit "more fragments"
    /// (RFC 8200 4.5); of a routing header the second byte is "segments left".
    word: u16,
    rest: u32,
}

/// Offset and "more fragments" of a fragment header: a packet of one piece has neither (RFC 6946).
const IN_PIECES: u16 = 0xfff9_u16.to_be();

/// Reads on behind the fixed header.
#[inline(always)]
pub(super) fn parse(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
) -> Result<Headers, Refused> {
    const MALFORMED: Refused = Refused::Because(Reason::Malformed);
    // SAFETY: the caller got `ip` from `Packet::at`, which checked the whole header.
    let (version, length, next) = unsafe {
        (
            ip.cast::<u8>().read() >> 4,
            FIXED + u64::from(u16::from_be((*ip).payload_length)),
            (*ip).next_header,
        )
    };
    if version != 6 || length > packet.behind(ip) {
        return Err(MALFORMED);
    }
    let (protocol, header) = match next {
        // The verifier sees no difference to what has been walked.
        TCP | UDP => (next, Walked(FIXED as u32 ^ flows::zero(control)).offset()),
        _ => match Walked(walk(ctx.ctx, u32::from(next))) {
            Walked::NOT_OURS => return Err(Refused::NotOurs),
            Walked::MALFORMED => return Err(MALFORMED),
            Walked::FRAGMENT => return Err(Refused::Because(Reason::Fragment)),
            walked => (walked.protocol(), walked.offset()),
        },
    };
    let (ports, least, flags) = if protocol == TCP {
        let segment = packet.behind_ip::<Tcp>(header).ok_or(MALFORMED)?;
        // SAFETY: `behind_ip` checked the whole header.
        (segment.cast(), size_of::<Tcp>(), unsafe {
            (*segment).flags
        })
    } else {
        let udp = packet.behind_ip::<Udp>(header).ok_or(MALFORMED)?;
        (udp.cast(), size_of::<Udp>(), tcp::ACK)
    };
    if length < header + least as u64 {
        return Err(MALFORMED);
    }
    Ok(Headers {
        ip,
        ports,
        flags,
        protocol,
        length,
    })
}

/// What [`walk`] says, in one word: where TCP or UDP begins, in bytes from the beginning of the packet,
/// and which of them it is; or one of these.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Walked(u32);

impl Walked {
    const NOT_OURS: Self = Self(0);
    const MALFORMED: Self = Self(1);
    const FRAGMENT: Self = Self(2);

    #[inline(always)]
    const fn at(offset: u64, protocol: u8) -> Self {
        Self(offset as u32 | (protocol as u32) << 16)
    }

    #[inline(always)]
    const fn offset(self) -> u64 {
        (self.0 & 0x7ff) as u64
    }

    #[inline(always)]
    const fn protocol(self) -> u8 {
        (self.0 >> 16) as u8
    }
}

/// Walks the extension headers from the first one on, which is a `first`. A subprogram: few packets
/// have any.
#[inline(never)]
fn walk(ctx: *mut xdp_md, first: u32) -> u32 {
    let packet = Packet::for_a_loop(ctx);
    let (mut next, mut offset) = (first as u8, FIXED);
    for _ in 0..MOST {
        if offset > FARTHEST {
            return Walked::NOT_OURS.0;
        }
        if next == TCP || next == UDP {
            return Walked::at(offset, next).0;
        }
        let is_first = offset == FIXED;
        // Options for every hop come first or not at all (RFC 8200 4.1).
        let is_known = next == HOP_BY_HOP && is_first
            || matches!(
                next,
                ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS
            );
        if !is_known {
            return Walked::NOT_OURS.0;
        }
        let Some(header) = packet.at::<Extension>(ETHERNET + offset as usize) else {
            return Walked::MALFORMED.0;
        };
        // SAFETY: `at` checked eight bytes, and no extension header has less.
        let (length, word) = unsafe { (u64::from((*header).length), (*header).word) };
        match next {
            FRAGMENT if word & IN_PIECES != 0 => return Walked::FRAGMENT.0,
            // Its last address is another one than the header's (RFC 8200 4.4).
            ROUTING if word.to_be() & 0xff != 0 => return Walked::NOT_OURS.0,
            _ => {}
        }
        offset += match next {
            FRAGMENT => 8,
            AUTHENTICATION => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        // SAFETY: as above.
        next = unsafe { (*header).next_header };
    }
    Walked::NOT_OURS.0
}
