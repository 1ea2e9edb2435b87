//! From the first byte of the frame to the ports.
//!
//! Lengths come from the IP header, never from the end of the frame, which may be padded.

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use lb_common::service::{TCP, UDP};
use lb_common::stats::Reason;

use crate::packet::{ETHERNET, Ipv4, Packet, Ports, Tcp, Udp};
use crate::stats::count;

/// Fragment offset or "more fragments" (RFC 791 3.1).
const FRAGMENT: u16 = 0x3fff_u16.to_be();

/// What is known of a TCP or UDP packet over IPv4.
pub(crate) struct Headers {
    /// The IP header.
    pub(crate) ip: *mut Ipv4,
    /// Offset of the TCP or UDP header in the frame.
    pub(crate) l4: usize,
    /// Source and destination port.
    pub(crate) ports: *mut Ports,
    /// TCP flags; 0 for UDP.
    pub(crate) flags: u8,
    /// [`TCP`] or [`UDP`].
    pub(crate) protocol: u8,
    /// Length of the IP packet in bytes.
    pub(crate) length: u16,
}

/// Why a packet has no headers for us.
pub(crate) enum Refused {
    /// Nothing that a service could want.
    NotOurs,
    /// It might have been ours; worth counting.
    Because(Reason),
}

impl Refused {
    /// The verdict; what is worth counting is counted.
    #[inline(always)]
    pub(crate) fn verdict(self) -> u32 {
        match self {
            Self::NotOurs => XDP_PASS,
            Self::Because(reason) => {
                count(reason);
                reason.verdict()
            }
        }
    }
}

/// Reads on behind the fixed part of the IP header.
#[inline(always)]
pub(crate) fn parse(packet: Packet, ip: *mut Ipv4) -> Result<Headers, Refused> {
    // SAFETY: the caller got `ip` from `Packet::at`, which checked the whole header.
    let (version_ihl, fragment, protocol, length) = unsafe {
        (
            (*ip).version_ihl,
            (*ip).fragment,
            (*ip).protocol,
            u16::from_be((*ip).total_length),
        )
    };
    let header = usize::from(version_ihl & 0x0f) * 4;
    if version_ihl >> 4 != 4 || header < size_of::<Ipv4>() {
        return Err(Refused::Because(Reason::Malformed));
    }
    if usize::from(length) > packet.behind_ethernet() {
        return Err(Refused::Because(Reason::Malformed));
    }
    let l4 = ETHERNET + header;
    let (least, flags) = match protocol {
        TCP => {
            let Some(tcp) = packet.at::<Tcp>(l4) else {
                return Err(Refused::Because(Reason::Malformed));
            };
            // SAFETY: `at` checked the whole header.
            (size_of::<Tcp>(), unsafe { (*tcp).flags })
        }
        UDP => (size_of::<Udp>(), 0),
        // Everything else is the kernel's: VRRP, ICMP, tunnels, what we do not know.
        _ => return Err(Refused::NotOurs),
    };
    let Some(udp) = packet.at::<Udp>(l4) else {
        return Err(Refused::Because(Reason::Malformed));
    };
    if fragment & FRAGMENT != 0 {
        return Err(Refused::Because(Reason::Fragment));
    }
    if usize::from(length) < header + least {
        return Err(Refused::Because(Reason::Malformed));
    }
    Ok(Headers {
        ip,
        l4,
        ports: udp.cast(),
        flags,
        protocol,
        length,
    })
}
