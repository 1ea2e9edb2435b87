//! NAT of IPv6: the client's packets get the server's address, the server's packets the service's.
//!
//! The header has no checksum; that of TCP and UDP changes incrementally (RFC 1624). A datagram without
//! one keeps none: whether its receiver takes it is not ours to say (RFC 6936 5).

use core::mem::MaybeUninit;
use core::ptr;

use aya_ebpf::bindings::{bpf_fib_lookup as FibLookup, xdp_md};
use aya_ebpf::programs::XdpContext;
use lb_common::address6::Address6;
use lb_common::backend::Backend;
use lb_common::checksum::{changed, difference6, update16};
use lb_common::flow::target;
use lb_common::fragment;
use lb_common::service::{ServiceInfo, TCP};
use lb_common::stats::Reason;

use super::parse::{Headers, length, parse};
use super::{forward, is_nat, note_fragment, noted_admission};
use crate::backends;
use crate::family::V6;
use crate::forward::{Way, cleared, look_up};
use crate::maps::CONTROL;
use crate::packet::{ETHERNET, Ethernet, Ipv6, Packet, Ports, Tcp, Udp};
use crate::parse::Refused;
use crate::stats;
use crate::tag;

/// `AF_INET6` of the kernel.
const AF_INET6: u8 = 10;

/// Traffic class and flow label in the first word of the header.
const FLOW: u32 = 0x0fff_ffff_u32.to_be();

/// An address and a port.
pub(super) type End = (Address6, u16);

/// The places of an address and a port in a packet.
pub(super) type Places = (*mut Address6, *mut u16);

/// Sends a client's packet, which the program before has left, to its server.
#[inline(always)]
pub(super) fn to_server(ctx: &XdpContext) -> Result<u32, Refused> {
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
    let control = CONTROL.get(0).ok_or(Refused::NotOurs)?;
    let (admission, service, tick) = noted_admission().ok_or(Refused::NotOurs)?;
    let headers = parse::<V6>(ctx, packet, control, ip)?;
    let number = admission.slot();
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    if !is_nat(&slot) {
        // The agent has just begun to write another next hop.
        return Err(Refused::Because(Reason::NoNeighbour));
    }
    let target = target(number, slot.head.generation());
    note_fragment(ctx, ip, target, fragment::stamp(tick, service));
    forward::complain(ctx, ip, headers.length, &slot, tick).map_err(Refused::Because)?;
    rewrite_destination(packet, &headers, slot.rest()).map_err(Refused::Because)?;
    let verdict = forward::leave(ctx, packet, ip, &slot).map_err(Refused::Because)?;
    stats::towards_server(number, headers.length, admission.is_new());
    Ok(verdict)
}

/// Gives a client's packet the address and port of its server.
#[inline(always)]
fn rewrite_destination(packet: Packet, headers: &Headers, backend: &Backend) -> Result<(), Reason> {
    let transport = Transport::find(packet, headers).ok_or(Reason::Malformed)?;
    // SAFETY: `parse` checked the header, and `find` the ports.
    unsafe {
        let address = &raw mut (*headers.ip).destination;
        let places = (address.cast(), &raw mut (*transport.ports).destination);
        transport.mend(exchange(places, (backend.addr6, backend.port)));
    }
    Ok(())
}

/// Gives a server's packet the address and port of the service.
#[inline(always)]
pub(super) fn rewrite_source(
    packet: Packet,
    headers: &Headers,
    service: &ServiceInfo,
) -> Result<(), Reason> {
    let transport = Transport::find(packet, headers).ok_or(Reason::Malformed)?;
    // SAFETY: `parse` checked the header, and `find` the ports.
    unsafe {
        let address = &raw mut (*headers.ip).source;
        let places = (address.cast(), &raw mut (*transport.ports).source);
        transport.mend(exchange(places, (service.key.address, service.key.port)));
    }
    Ok(())
}

/// Ports and checksum of a packet.
struct Transport {
    ports: *mut Ports,
    /// Null: of UDP.
    tcp: *mut u16,
    /// Null: of TCP, or the datagram has none.
    udp: *mut u16,
}

impl Transport {
    /// `parse` has seen that all of it is there.
    #[inline(always)]
    fn find(packet: Packet, headers: &Headers) -> Option<Self> {
        if headers.protocol == TCP {
            let tcp = packet.behind_ip_again::<Tcp>(headers.transport)?;
            return Some(Self {
                ports: tcp.cast(),
                // SAFETY: the header has just been checked.
                tcp: unsafe { &raw mut (*tcp).checksum },
                udp: ptr::null_mut(),
            });
        }
        let udp = packet.behind_ip_again::<Udp>(headers.transport)?;
        // SAFETY: as above.
        let checksum = unsafe { &raw mut (*udp).checksum };
        Some(Self {
            ports: udp.cast(),
            tcp: ptr::null_mut(),
            // SAFETY: as above.
            udp: if unsafe { *checksum } == 0 {
                ptr::null_mut()
            } else {
                checksum
            },
        })
    }

    #[inline(always)]
    fn mend(&self, change: Change) {
        // SAFETY: `find` has checked what is not null.
        unsafe {
            if !self.tcp.is_null() {
                *self.tcp = change.mend(*self.tcp);
            }
            if !self.udp.is_null() {
                *self.udp = change.mend_udp(*self.udp);
            }
        }
    }
}

/// One address and one port in the place of others.
#[derive(Clone, Copy)]
pub(super) struct Change {
    address: u16,
    old: u16,
    new: u16,
}

impl Change {
    /// The checksum after it.
    #[inline(always)]
    pub(super) const fn mend(self, sum: u16) -> u16 {
        update16(changed(sum, self.address), self.old, self.new)
    }

    /// The same of UDP, where zero would mean none (RFC 8200 8.1).
    #[inline(always)]
    pub(super) const fn mend_udp(self, sum: u16) -> u16 {
        match self.mend(sum) {
            0 => 0xffff,
            sum => sum,
        }
    }
}

/// Writes an address and a port.
///
/// # Safety
///
/// The places are those of an address and a port of a packet.
#[inline(always)]
pub(super) unsafe fn exchange(places: Places, new: End) -> Change {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe {
        let old = (places.0.read(), places.1.read());
        places.0.write(new.0);
        places.1.write(new.1);
        Change {
            address: difference6(old.0, new.0),
            old: old.1,
            new: new.1,
        }
    }
}

/// Writes an address; what a checksum changes by.
///
/// # Safety
///
/// The place is that of an address of a packet.
#[inline(always)]
pub(super) unsafe fn readdress(place: *mut Address6, new: Address6) -> u16 {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe {
        let old = place.read();
        place.write(new);
        difference6(old, new)
    }
}

/// The way to the client of a packet in the name of a service: the frame is addressed, if the next hop is
/// known. With an error nothing is rewritten.
#[inline(always)]
pub(super) fn way_back(
    ctx: &XdpContext,
    service: &ServiceInfo,
    protocol: u8,
    tick: u32,
) -> Result<Way, Reason> {
    let mut ifindex = 0;
    let found = address(ctx.ctx, service, protocol.into(), &mut ifindex);
    Way::of(found, ifindex, tick)
}

/// Addresses the frame as the kernel would that sends the packet in the name of the service, see
/// [`crate::forward`].
#[inline(never)]
fn address(ctx: *mut xdp_md, service: &ServiceInfo, protocol: u32, ifindex: &mut u32) -> u32 {
    const NO_WAY: u32 = u32::MAX;
    let context = XdpContext::new(ctx);
    let packet = Packet::new(&context);
    let (Some(ethernet), Some(ip)) = (packet.at::<Ethernet>(0), packet.at::<Ipv6>(ETHERNET)) else {
        return NO_WAY;
    };
    let mut place = MaybeUninit::<FibLookup>::uninit();
    let route = cleared(&mut place);
    route.family = AF_INET6;
    route.l4_protocol = protocol as u8;
    route.ifindex = tag::ingress(ctx);
    // SAFETY: `at` checked the header; see `packet` on alignment.
    unsafe {
        route.__bindgen_anon_1.tot_len = length(ip) as u16;
        route.__bindgen_anon_2.flowinfo = (*ip).version & FLOW;
        route.__bindgen_anon_3.ipv6_src = words(service.key.address);
        route.__bindgen_anon_4.ipv6_dst = (*ip).destination;
    }
    let found = look_up(ctx, ethernet, route);
    *ifindex = route.ifindex;
    found
}

/// An address in words of 32 bits.
#[inline(always)]
const fn words([first, second]: Address6) -> [u32; 4] {
    [
        first as u32,
        (first >> 32) as u32,
        second as u32,
        (second >> 32) as u32,
    ]
}
