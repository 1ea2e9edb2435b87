//! From the first byte of the frame to the ports.
//!
//! Lengths come from the IP header, never from the end of the frame, which may be padded.

use core::arch::asm;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use lb_common::flow::tcp;
use lb_common::service::{SCTP, TCP, UDP};
use lb_common::stats::Reason;

use crate::family::Family;
use crate::packet::{ETHERNET, Ipv4, Packet, Ports, Tcp, Udp};
use crate::sctp;
use crate::stats::count;

/// "More fragments" (RFC 791 3.1).
pub(crate) const MORE: u16 = 0x2000_u16.to_be();
/// The fragment offset: only the first fragment, where it is 0, has ports.
pub(crate) const OFFSET: u16 = 0x1fff_u16.to_be();

/// Version 4 and the shortest header, five words.
pub(crate) const SHORTEST: u8 = 0x45;
/// Words that a header may be longer than that.
pub(crate) const OPTIONS: u8 = 10;

/// What is known of a TCP or UDP packet over IPv4, or, in a program of SCTP, of one of that.
pub(crate) struct Headers {
    /// The IP header.
    pub(crate) ip: *mut Ipv4,
    /// Source and destination port. With [`TCP`] all of the TCP header is there, with [`UDP`] all
    /// of the UDP header, with [`SCTP`] all of a [`sctp::Sctp`].
    pub(crate) ports: *mut Ports,
    /// TCP flags; of a datagram ACK, of SCTP the type of the chunk that counts.
    pub(crate) flags: u8,
    /// [`TCP`], [`UDP`] or [`SCTP`].
    pub(crate) protocol: u8,
    /// More fragments of the packet come.
    pub(crate) more: bool,
    /// Length of the IP packet in bytes.
    pub(crate) length: u64,
}

/// Why a packet has no headers for us.
pub(crate) enum Refused {
    /// Nothing that a service could want.
    NotOurs,
    /// A fragment without ports, of whatever protocol: see [`crate::fragments`]. Of IPv6 it may be a
    /// message of `ICMPv6` as well: see [`crate::six`].
    Later,
    /// SCTP, for which there is another program.
    Sctp,
    /// It might have been ours; worth counting.
    Because(Reason),
}

impl Refused {
    /// The verdict; what is worth counting is counted.
    #[inline(always)]
    pub(crate) fn verdict(self) -> u32 {
        match self {
            Self::NotOurs | Self::Later | Self::Sctp => XDP_PASS,
            Self::Because(reason) => {
                count(reason);
                reason.verdict()
            }
        }
    }
}

/// The number, of which the compiler does not know where it comes from: it would keep the one that stands
/// in the packet, and older verifiers would not know any more which it is, and so how much of the
/// packet is there.
#[inline(always)]
fn itself<const NUMBER: u8>() -> u8 {
    let number: u64;
    // SAFETY: it sets a register.
    unsafe { asm!("{0} = {1}", out(reg) number, const NUMBER) };
    number as u8
}

/// Reads on behind the fixed part of the IP header.
#[inline(always)]
pub(crate) fn parse<F: Family>(packet: Packet, ip: *mut Ipv4) -> Result<Headers, Refused> {
    const MALFORMED: Refused = Refused::Because(Reason::Malformed);
    // SAFETY: the caller got `ip` from `Packet::at`, which checked the whole header.
    let (version_ihl, length, fragment, protocol) = unsafe {
        (
            (*ip).version_ihl,
            u64::from(u16::from_be((*ip).total_length)),
            (*ip).fragment,
            (*ip).protocol,
        )
    };
    let options = version_ihl.wrapping_sub(SHORTEST);
    if options > OPTIONS || length > packet.behind(ip) {
        return Err(MALFORMED);
    }
    let header = size_of::<Ipv4>() + usize::from(options) * 4;
    if fragment & OFFSET != 0 {
        return Err(if length < header as u64 {
            MALFORMED
        } else {
            Refused::Later
        });
    }
    let (ports, least, flags, protocol) = match protocol {
        SCTP if F::SCTP => {
            let sctp = sctp::header(packet, ETHERNET + header).ok_or(MALFORMED)?;
            let chunk = sctp::chunk(packet, ETHERNET + header, ETHERNET + length as usize, sctp);
            (sctp.cast(), size_of::<sctp::Sctp>(), chunk, SCTP)
        }
        _ if F::SCTP => return Err(Refused::NotOurs),
        SCTP => return Err(Refused::Sctp),
        TCP => {
            let tcp = packet.at::<Tcp>(ETHERNET + header).ok_or(MALFORMED)?;
            // SAFETY: `at` checked the whole header.
            let flags = unsafe { (*tcp).flags };
            (tcp.cast(), size_of::<Tcp>(), flags, itself::<TCP>())
        }
        UDP => {
            let udp = packet.at::<Udp>(ETHERNET + header).ok_or(MALFORMED)?;
            // A datagram counts as an ACK.
            (udp.cast(), size_of::<Udp>(), tcp::ACK, itself::<UDP>())
        }
        // Everything else is the kernel's: VRRP, ICMP, tunnels, what we do not know.
        _ => return Err(Refused::NotOurs),
    };
    if length < (header + least) as u64 {
        return Err(MALFORMED);
    }
    Ok(Headers {
        ip,
        ports,
        flags,
        protocol,
        more: fragment & MORE != 0,
        length,
    })
}
