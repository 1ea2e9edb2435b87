//! A packet that cannot go on to its server: its sender is told by ICMP, in the name of the virtual
//! address. It does not fit the path: which size does (RFC 1191 4), so that the next one fits. Its
//! time to live has run out: that (RFC 1812 5.3.1), which is what `traceroute` waits for. The kernel
//! would not do: it knows no such connection, and resets it.
//!
//! A subprogram: this happens about once in the life of a path.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::answers;
use lb_common::stats::Reason;

use super::{DONT_FRAGMENT, VERSION_IHL, checksum, quote};
use crate::icmp::ICMP;
use crate::limit::within_limit;
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Packet};
use crate::tag;

/// ICMP header of both errors.
#[repr(C)]
struct Error {
    kind: u8,
    code: u8,
    checksum: u16,
    unused: u16,
    /// Next-hop MTU of "fragmentation needed", network byte order (RFC 1191 4).
    mtu: u16,
}

/// Destination unreachable (RFC 792).
const UNREACHABLE: u8 = 3;
/// Fragmentation needed and DF set.
const NEEDED: u8 = 4;
/// Time to live exceeded in transit (RFC 792).
const TIME_EXCEEDED: u8 = 11;

/// What to answer, in a word, as subprograms take it. 0: nothing.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Complaint(u32);

impl Complaint {
    /// None.
    pub(crate) const NONE: Self = Self(0);
    /// The time to live, or of IPv6 the hop limit, has run out.
    pub(crate) const TIME_EXCEEDED: Self = Self(1 << 16);

    /// No more than so many bytes would fit.
    #[inline(always)]
    pub(crate) const fn too_big(room: u16) -> Self {
        Self(1 << 17 | room as u32)
    }

    /// Whether there is one.
    #[inline(always)]
    pub(crate) const fn exists(self) -> bool {
        self.0 != 0
    }

    /// How much would fit, if it is too big.
    #[inline(always)]
    pub(crate) const fn room(self) -> u16 {
        self.0 as u16
    }

    /// Whether the time to live or the hop limit has run out.
    #[inline(always)]
    pub(crate) const fn is_of_time(self) -> bool {
        self.0 == Self::TIME_EXCEEDED.0
    }
}

/// What stands in front of the quoted packet.
const HEADERS: usize = size_of::<Ipv4>() + size_of::<Error>();
/// As much of the packet is quoted as fits in the datagram that everybody takes (RFC 1812 4.3.2.3).
const QUOTE: usize = 576 - HEADERS;
/// The longest message of ICMP.
const MOST: usize = size_of::<Error>() + QUOTE;
/// Time to live of what we send.
const TTL: u8 = 64;

/// Makes the answer of the packet of a service, to be sent back the way it came
/// ([`Reason::TooBig`], [`Reason::TimeExceeded`]), or tells why there is none.
#[inline(never)]
pub(crate) fn answer(ctx: *mut xdp_md, complaint: Complaint, service: u32, tick: u32) -> Reason {
    let ctx = XdpContext::new(ctx);
    let packet = Packet::new(&ctx);
    let (Some(ethernet), Some(place)) = (packet.at::<Ethernet>(0), packet.at::<Ipv4>(ETHERNET))
    else {
        return Reason::Malformed;
    };
    // SAFETY: `at` checked both headers.
    let (ethernet, ip) = unsafe { (ethernet.read(), place.read()) };
    let (kind, done, not_done) = if complaint.is_of_time() {
        (
            answers::TIME_EXCEEDED,
            Reason::TimeExceeded,
            Reason::TimeToLive,
        )
    } else {
        (answers::TOO_BIG, Reason::TooBig, Reason::CannotFragment)
    };
    if !complaint.may_be_told(&ip) {
        return not_done;
    }
    if !within_limit(answers::of_service(kind, service), tick) {
        return Reason::AnswerLimit;
    }
    let quote = usize::from(u16::from_be(ip.total_length)).min(QUOTE);
    let moved = quote::wrap(ctx.ctx, packet, place, HEADERS, quote);
    if moved && write(Packet::new(&ctx), &ethernet, &ip, complaint, quote).is_some() {
        tag::answered();
        done
    } else {
        Reason::Malformed
    }
}

impl Complaint {
    /// Whether the sender wants to know, and is one host that an answer reaches (RFC 1122 3.2.2).
    /// Frames to a group do not come this far.
    #[inline(always)]
    const fn may_be_told(self, ip: &Ipv4) -> bool {
        let one_host = !matches!(ip.source.to_ne_bytes(), [0 | 127 | 224.., ..]);
        (self.is_of_time() || ip.fragment & DONT_FRAGMENT != 0) && one_host
    }

    #[inline(always)]
    const fn header(self) -> Error {
        let (kind, code, mtu) = if self.is_of_time() {
            (TIME_EXCEEDED, 0, 0)
        } else {
            (UNREACHABLE, NEEDED, self.room().to_be())
        };
        Error {
            kind,
            code,
            checksum: 0,
            unused: 0,
            mtu,
        }
    }
}

/// Writes the headers in front of the packet that is quoted: `old` was its first.
#[inline(always)]
fn write(
    packet: Packet,
    ethernet: &Ethernet,
    old: &Ipv4,
    complaint: Complaint,
    quote: usize,
) -> Option<()> {
    let to = packet.at::<Ethernet>(0)?;
    let ip = packet.at::<Ipv4>(ETHERNET)?;
    let icmp = packet.at::<Error>(ETHERNET + size_of::<Ipv4>())?;
    let mut header = Ipv4 {
        version_ihl: VERSION_IHL,
        // The client's type of service in the precedence of the network's own (RFC 1812 4.3.2.5).
        tos: old.tos & 0x1e | 0xc0,
        total_length: ((HEADERS + quote) as u16).to_be(),
        id: 0,
        fragment: DONT_FRAGMENT,
        ttl: TTL,
        protocol: ICMP,
        checksum: 0,
        source: old.destination,
        destination: old.source,
    };
    header.checksum = checksum(&header);
    // SAFETY: `at` checked every header.
    unsafe {
        to.write(Ethernet {
            dst: ethernet.src,
            src: ethernet.dst,
            ether_type: IPV4,
        });
        ip.write(header);
        icmp.write(complaint.header());
        (*icmp).checksum = quote::checksum(packet, ETHERNET + size_of::<Ipv4>(), MOST, 0);
    }
    Some(())
}
