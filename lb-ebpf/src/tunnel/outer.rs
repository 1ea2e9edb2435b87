//! The headers in front of a packet.

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::Address6;
use lb_common::backend::{Head, tunnel};
use lb_common::checksum::fold_wide;
use lb_common::service::UDP;
use lb_common::stats::Reason;
use lb_common::tunnelled::Inner;

use super::inner::IPV4_WITHIN;
use super::sum::of_address;
use crate::backends::{self, Slot};
use crate::forward::{VERSION_IHL, address, checksum};
use crate::packet::{ETHERNET, Ethernet, IPV4, IPV6, Ipv4, Ipv6, Packet, Ports, Udp};

/// IP protocol number of GRE.
const GRE: u8 = 47;
/// "Checksum present" (RFC 2784 2.2).
const CHECKSUM_PRESENT: u16 = 0x8000_u16.to_be();
/// Source ports of GUE: the dynamic ones (RFC 6335 6), of which routers make use to spread flows.
const DYNAMIC: u16 = 0xc000;
/// Length of the headers of UDP and GUE.
const GUE: u16 = size_of::<Udp>() as u16 + size_of::<Gue>() as u16;

/// GUE, version 0, without options: version, control and length of options are 0.
#[repr(C)]
struct Gue {
    version: u8,
    /// IP protocol number of what follows.
    protocol: u8,
    flags: u16,
}

/// GRE (RFC 2784 2).
#[repr(C)]
struct Gre {
    flags: u16,
    /// `EtherType` of what follows.
    protocol: u16,
}

/// What follows that with [`CHECKSUM_PRESENT`].
#[repr(C)]
struct GreChecksum {
    checksum: u16,
    reserved: u16,
}

/// The two ends of a tunnel.
pub(super) struct End {
    /// [`tunnel`].
    pub(super) tunnel: u8,
    /// Port of the other end (GUE), network byte order.
    port: u16,
    /// Ends of IPv4: ours and the other one.
    ends: [u32; 2],
    /// Ends of IPv6.
    ends6: [Address6; 2],
}

impl End {
    /// The tunnel to the server of a slot; `None`: the agent is writing another one.
    #[inline(always)]
    pub(super) fn of(slot: &Slot) -> Option<Self> {
        let server = slot.rest();
        let end = Self {
            tunnel: server.tunnel,
            port: server.tunnel_port,
            ends: [server.tunnel_source, server.addr],
            ends6: [server.tunnel_source6, server.addr6],
        };
        backends::is_as_read(slot).then_some(end)
    }

    /// Whether the packet is summed up.
    #[inline(always)]
    pub(super) const fn has_checksum(&self) -> bool {
        self.tunnel & tunnel::CHECKSUM != 0
    }

    #[inline(always)]
    const fn kind(&self) -> u8 {
        self.tunnel & tunnel::TYPE
    }
}

/// Puts the headers in front of a packet and addresses the frame to the next hop.
#[inline(always)]
pub(super) fn put(ctx: &XdpContext, inner: &Inner, end: &End, head: Head) -> Result<(), Reason> {
    let overhead = i32::from(tunnel::overhead(end.tunnel));
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, -overhead) } != 0 {
        return Err(Reason::Malformed);
    }
    let packet = Packet::new(ctx);
    let written = if end.tunnel & tunnel::IPV6 == 0 {
        let addresses = u64::from(end.ends[0]) + u64::from(end.ends[1]);
        put_ipv4(packet, inner, end)
            .and_then(|()| put_shim::<{ size_of::<Ipv4>() }>(packet, inner, end, addresses))
            .map(|()| IPV4)
    } else {
        let addresses = of_address(end.ends6[0]) + of_address(end.ends6[1]);
        put_ipv6(packet, inner, end)
            .and_then(|()| put_shim::<{ size_of::<Ipv6>() }>(packet, inner, end, addresses))
            .map(|()| IPV6)
    };
    let (Some(ether_type), Some(ethernet)) = (written, packet.at::<Ethernet>(0)) else {
        return Err(Reason::Malformed);
    };
    address(ethernet, head, ether_type);
    Ok(())
}

/// Protocol number of what follows the outer header, and how long all of that is.
#[inline(always)]
const fn payload(inner: &Inner, end: &End) -> (u8, u16) {
    let outer = tunnel::overhead(end.tunnel & tunnel::IPV6);
    let length = inner.length + tunnel::overhead(end.tunnel) - outer;
    let protocol = match end.kind() {
        tunnel::GRE => GRE,
        tunnel::GUE => UDP,
        _ => inner.protocol,
    };
    (protocol, length)
}

#[inline(always)]
fn put_ipv4(packet: Packet, inner: &Inner, end: &End) -> Option<()> {
    let (protocol, length) = payload(inner, end);
    let ip = packet.at::<Ipv4>(ETHERNET)?;
    let mut header = Ipv4 {
        version_ihl: VERSION_IHL,
        tos: inner.tos,
        total_length: (length + size_of::<Ipv4>() as u16).to_be(),
        id: inner.id,
        fragment: inner.fragment,
        ttl: inner.ttl,
        protocol,
        checksum: 0,
        source: end.ends[0],
        destination: end.ends[1],
    };
    header.checksum = checksum(&header);
    // SAFETY: `at` checked the header.
    unsafe { ip.write(header) };
    Some(())
}

/// The flow label is the flow's hash, by which routers spread what is between the same two ends
/// (RFC 6438 3).
#[inline(always)]
fn put_ipv6(packet: Packet, inner: &Inner, end: &End) -> Option<()> {
    let (protocol, length) = payload(inner, end);
    let ip = packet.at::<Ipv6>(ETHERNET)?;
    let version = 6 << 28 | u32::from(inner.tos) << 20 | inner.hash & 0xf_ffff;
    // SAFETY: `at` checked the header; see `packet` on alignment.
    unsafe {
        (*ip).version = version.to_be();
        (*ip).payload_length = length.to_be();
        (*ip).next_header = protocol;
        (*ip).hop_limit = inner.ttl;
        (&raw mut (*ip).source)
            .cast::<Address6>()
            .write(end.ends6[0]);
        (&raw mut (*ip).destination)
            .cast::<Address6>()
            .write(end.ends6[1]);
    }
    Some(())
}

/// What stands between an outer header of so many bytes and the packet; `addresses`: the sum of those in the outer header.
#[inline(always)]
fn put_shim<const OUTER: usize>(
    packet: Packet,
    inner: &Inner,
    end: &End,
    addresses: u64,
) -> Option<()> {
    match end.kind() {
        tunnel::GRE => put_gre(packet, ETHERNET + OUTER, inner, end.has_checksum()),
        tunnel::GUE => put_gue(packet, ETHERNET + OUTER, inner, end, addresses),
        _ => Some(()),
    }
}

#[inline(always)]
fn put_gre(packet: Packet, at: usize, inner: &Inner, has_checksum: bool) -> Option<()> {
    let gre = packet.at::<Gre>(at)?;
    let protocol = if inner.protocol == IPV4_WITHIN {
        IPV4
    } else {
        IPV6
    };
    let flags = if has_checksum { CHECKSUM_PRESENT } else { 0 };
    // SAFETY: `at` checked the header.
    unsafe { gre.write(Gre { flags, protocol }) };
    if has_checksum {
        let field = packet.at::<GreChecksum>(at + size_of::<Gre>())?;
        let sum = inner.sum + u64::from(flags) + u64::from(protocol);
        let checksum = !fold_wide(sum);
        // SAFETY: as above.
        unsafe {
            field.write(GreChecksum {
                checksum,
                reserved: 0,
            });
        }
    }
    Some(())
}

#[inline(always)]
fn put_gue(packet: Packet, at: usize, inner: &Inner, end: &End, addresses: u64) -> Option<()> {
    let udp = packet.at::<Udp>(at)?;
    let gue = packet.at::<Gue>(at + size_of::<Udp>())?;
    let length = (inner.length + GUE).to_be();
    let source = (DYNAMIC | inner.hash as u16).to_be();
    let mut checksum = 0;
    if end.has_checksum() {
        let pseudo = addresses + u64::from(u16::from(UDP).to_be()) + u64::from(length);
        let own = u64::from(source) + u64::from(end.port) + u64::from(length);
        let gue = u64::from(u16::from_ne_bytes([0, inner.protocol]));
        checksum = match !fold_wide(pseudo + own + gue + inner.sum) {
            // 0 stands for no checksum (RFC 768).
            0 => u16::MAX,
            sum => sum,
        };
    }
    // SAFETY: `at` checked both headers.
    unsafe {
        udp.write(Udp {
            ports: Ports {
                source,
                destination: end.port,
            },
            length,
            checksum,
        });
        gue.write(Gue {
            version: 0,
            protocol: inner.protocol,
            flags: 0,
        });
    }
    Some(())
}
