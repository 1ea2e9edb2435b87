//! From the first byte of the IPv6 header to the ports.
//!
//! Extension headers are walked one by one, and not beyond a bound: what is behind more of them, or
//! behind one that is not known, is the kernel's.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;
use lb_common::flow::tcp;
use lb_common::service::{SCTP, TCP, UDP};
use lb_common::stats::Reason;

use crate::family::Family;
use crate::flows;
use crate::packet::{ETHERNET, Ipv6, Packet, Ports, Tcp, Udp};
use crate::parse::Refused;
use crate::sctp;

/// What is known of a TCP or UDP packet over IPv6, or, in a program of SCTP, of one of that.
pub(super) struct Headers {
    /// The IP header.
    pub(super) ip: *mut Ipv6,
    /// Source and destination port. With [`TCP`] all of the TCP header is there, with [`UDP`] all
    /// of the UDP header, with [`SCTP`] all of a [`sctp::Sctp`].
    pub(super) ports: *mut Ports,
    /// Where those stand, in bytes from the beginning of the packet.
    pub(super) transport: u64,
    /// TCP flags; of a datagram ACK, of SCTP the type of the chunk that counts.
    pub(super) flags: u8,
    /// [`TCP`], [`UDP`] or [`SCTP`].
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
/// Next header of `ICMPv6`.
pub(crate) const ICMP6: u8 = 58;

/// So many extension headers are walked at most.
const MOST: usize = 8;
/// And so many bytes from the beginning of the packet on.
const FARTHEST: u64 = 1024;

/// The fixed header.
pub(super) const FIXED: u64 = size_of::<Ipv6>() as u64;

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

/// The offset of a fragment header: only the first fragment, where it is 0, has ports.
const OFFSET: u16 = 0xfff8_u16.to_be();
/// "More fragments". A packet of one piece has neither (RFC 6946).
const MORE: u16 = 1_u16.to_be();

/// Reads on behind the fixed header.
#[inline(always)]
pub(super) fn parse<F: Family>(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
) -> Result<Headers, Refused> {
    const MALFORMED: Refused = Refused::Because(Reason::Malformed);
    // SAFETY: the caller got `ip` from `Packet::at`, which checked the whole header.
    let (version, length, next) =
        unsafe { (ip.cast::<u8>().read() >> 4, length(ip), (*ip).next_header) };
    if version != 6 || length > packet.behind(ip) {
        return Err(MALFORMED);
    }
    let (protocol, header) = match next {
        // The verifier sees no difference to what has been walked.
        TCP | UDP if !F::SCTP => (
            next,
            Walked(FIXED ^ u64::from(flows::zero(control))).offset(),
        ),
        _ => {
            let walked = Walked(walk(ctx.ctx, u32::from(next), FIXED as u32));
            match walked.protocol() {
                Walked::NOT_OURS => return Err(Refused::NotOurs),
                Walked::MALFORMED => return Err(MALFORMED),
                Walked::LATER | ICMP6 => return Err(Refused::Later),
                SCTP if !F::SCTP => return Err(Refused::Sctp),
                TCP | UDP if F::SCTP => return Err(Refused::NotOurs),
                protocol => (protocol, walked.offset()),
            }
        }
    };
    let (ports, least, flags) = if F::SCTP {
        let at = ETHERNET + header as usize;
        let sctp = sctp::header(packet, at).ok_or(MALFORMED)?;
        let chunk = sctp::chunk(packet, at, ETHERNET + length as usize, sctp);
        (sctp.cast(), size_of::<sctp::Sctp>(), chunk)
    } else if protocol == TCP {
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
        transport: header,
        flags,
        protocol,
        length,
    })
}

/// Length of an IPv6 packet, from its header.
///
/// # Safety
///
/// All of the header is there.
#[inline(always)]
pub(crate) unsafe fn length(ip: *const Ipv6) -> u64 {
    // SAFETY: by contract.
    FIXED + u64::from(u16::from_be(unsafe { (*ip).payload_length }))
}

/// What [`walk`] says, in one word: where TCP, UDP, SCTP or `ICMPv6` begins, in bytes from the beginning of
/// the packet, which of them it is, and where the header of a fragment stands, if it is one.
#[derive(Clone, Copy)]
pub(super) struct Walked(pub(super) u64);

impl Walked {
    /// Instead of a protocol: something else.
    pub(super) const NOT_OURS: u8 = 255;
    /// Instead of a protocol: a header ends behind the packet.
    pub(super) const MALFORMED: u8 = 254;
    /// Instead of a protocol: a fragment other than the first one.
    pub(super) const LATER: u8 = 253;

    #[inline(always)]
    const fn of(protocol: u8, offset: u64, fragment: u64) -> Self {
        Self((protocol as u64) << 32 | fragment << 16 | offset)
    }

    /// The protocol, or one of the numbers above, which no protocol has (RFC 3692).
    #[inline(always)]
    pub(super) const fn protocol(self) -> u8 {
        (self.0 >> 32) as u8
    }

    /// Where it begins.
    #[inline(always)]
    pub(super) const fn offset(self) -> u64 {
        self.0 & 0x7ff
    }

    /// Where the header of a fragment stands; 0: it is none.
    #[inline(always)]
    pub(super) const fn fragment(self) -> u64 {
        self.0 >> 16 & 0x7ff
    }
}

/// Whether TCP, UDP or SCTP may stand behind a fragment header that names this one as the next.
#[inline(always)]
pub(super) const fn may_have_ports(next: u8) -> bool {
    matches!(
        next,
        TCP | UDP | SCTP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS
    )
}

/// Walks the extension headers from the one at `start` on, which is a `first`: those of the packet, or of
/// one that it quotes. A subprogram: few packets have any.
#[inline(never)]
pub(super) fn walk(ctx: *mut xdp_md, first: u32, start: u32) -> u64 {
    let packet = Packet::for_a_loop(ctx);
    let (mut next, mut offset) = (first as u8, u64::from(start));
    let mut fragment = 0;
    for number in 0..=MOST {
        if offset > FARTHEST {
            break;
        }
        if matches!(next, TCP | UDP | SCTP | ICMP6) {
            return Walked::of(next, offset, fragment).0;
        }
        // Options for every hop come first or not at all (RFC 8200 4.1).
        let is_known = next == HOP_BY_HOP && number == 0
            || matches!(
                next,
                ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS
            );
        if !is_known || number == MOST {
            break;
        }
        let Some(header) = packet.at::<Extension>(ETHERNET + offset as usize) else {
            return Walked::of(Walked::MALFORMED, 0, 0).0;
        };
        // SAFETY: `at` checked eight bytes, and no extension header has less.
        let (length, word) = unsafe { (u64::from((*header).length), (*header).word) };
        match next {
            FRAGMENT if word & OFFSET != 0 => return Walked::of(Walked::LATER, 0, offset).0,
            FRAGMENT if word & MORE != 0 => fragment = offset,
            // Its last address is another one than the header's (RFC 8200 4.4).
            ROUTING if word.to_be() & 0xff != 0 => break,
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
    Walked::of(Walked::NOT_OURS, 0, 0).0
}
