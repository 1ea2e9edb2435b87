//! NAT: the client's packets get the server's address, the server's packets the service's.
//!
//! Checksums change incrementally (RFC 1624); a UDP packet without one keeps none (RFC 768). That of
//! SCTP does not cover the addresses ([`crate::sctp`]).

use core::mem::MaybeUninit;
use core::ptr;

use aya_ebpf::bindings::{
    BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_SUCCESS,
    bpf_fib_lookup as FibLookup, xdp_action::XDP_DROP, xdp_md,
};
use aya_ebpf::helpers::bpf_fib_lookup;
use aya_ebpf::programs::XdpContext;
use lb_common::answers;
use lb_common::backend::Backend;
use lb_common::checksum::{update16, update32};
use lb_common::service::{ServiceInfo, TCP};
use lb_common::stats::Reason;

use super::{DONT_FRAGMENT, decrement_ttl, send, unresolved};
use crate::limit::within_limit;
use crate::packet::{Ethernet, Packet, Ports, Tcp, Udp};
use crate::parse::Headers;
use crate::sctp;
use crate::stats::count;
use crate::tag;

/// `AF_INET` of the kernel.
const AF_INET: u8 = 2;

/// Gives a client's packet the address and port of its server.
#[inline(always)]
pub(super) fn rewrite_destination<const SCTP: bool>(headers: &Headers, backend: &Backend) {
    // SAFETY: `parse` checked the headers.
    unsafe {
        let old = ((*headers.ip).destination, (*headers.ports).destination);
        (*headers.ip).destination = backend.addr;
        (*headers.ports).destination = backend.port;
        checksums::<SCTP>(headers, old, (backend.addr, backend.port));
        if SCTP {
            sctp::mend(headers, sctp::DESTINATION, old.1 ^ backend.port);
        }
    }
}

/// Sends a server's packet to the client in the name of the service.
#[inline(always)]
pub(crate) fn to_client<const SCTP: bool>(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    service: &ServiceInfo,
    tick: u32,
) -> Result<u32, Reason> {
    // SAFETY: `parse` checked the header.
    let route = unsafe {
        Route {
            source: service.addr(),
            destination: (*headers.ip).destination,
            length: headers.length as u16,
            protocol: headers.protocol,
            tos: (*headers.ip).tos,
        }
    };
    let way = match way_back(ctx, packet, &route, tick) {
        // SAFETY: as above.
        Err(Reason::CannotFragment) if unsafe { (*headers.ip).fragment } & DONT_FRAGMENT != 0 => {
            return Err(Reason::ReplyTooBig);
        }
        way => way?,
    };
    decrement_ttl(headers.ip);
    // SAFETY: `parse` checked the headers.
    unsafe {
        let old = ((*headers.ip).source, (*headers.ports).source);
        let new = (service.addr(), service.key.port);
        (*headers.ip).source = new.0;
        (*headers.ports).source = new.1;
        checksums::<SCTP>(headers, old, new);
        if SCTP {
            sctp::mend(headers, sctp::SOURCE, old.1 ^ new.1);
        }
    }
    way.leave(ctx, headers.length)
}

/// How a packet gets to a client.
pub(crate) struct Way {
    ifindex: u32,
    /// The frame is addressed to the next hop; else that is yet to be found out.
    known: bool,
}

/// The way to a client: the frame is addressed, if the next hop is known. With an error nothing is
/// rewritten.
#[inline(always)]
pub(super) fn way_back(
    ctx: &XdpContext,
    packet: Packet,
    route: &Route,
    tick: u32,
) -> Result<Way, Reason> {
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    let mut ifindex = 0;
    let found = address(ctx.ctx, ethernet, route, &mut ifindex);
    Way::of(found, ifindex, tick)
}

impl Way {
    /// What the kernel has said of the route by `ifindex`.
    #[inline(always)]
    pub(crate) fn of(found: u32, ifindex: u32, tick: u32) -> Result<Self, Reason> {
        let known = match found {
            BPF_FIB_LKUP_RET_SUCCESS => true,
            BPF_FIB_LKUP_RET_NO_NEIGH if within_limit(answers::UNRESOLVED, tick) => false,
            BPF_FIB_LKUP_RET_FRAG_NEEDED => return Err(Reason::CannotFragment),
            _ => return Err(Reason::NoWayBack),
        };
        Ok(Self { ifindex, known })
    }

    /// Sends the frame, whose IP packet has `length` bytes and is translated.
    #[inline(always)]
    pub(crate) fn leave(self, ctx: &XdpContext, length: u64) -> Result<u32, Reason> {
        if self.known {
            return send(ctx, self.ifindex);
        }
        if !unresolved::hand_over(ctx.ctx, self.ifindex, length) {
            return Err(Reason::NoWayBack);
        }
        count(Reason::Unresolved);
        Ok(XDP_DROP)
    }
}

/// What a route is asked for with.
pub(super) struct Route {
    pub(super) source: u32,
    pub(super) destination: u32,
    /// Of the IP packet.
    pub(super) length: u16,
    pub(super) protocol: u8,
    pub(super) tos: u8,
}

/// Addresses the frame as the kernel would that sends the reply. Clients are too many to keep
/// their hops in a map. Gives what the kernel says; the frame is changed only if it knows the next
/// hop, `ifindex` if it knows a way.
///
/// A subprogram: what the kernel is asked with would not fit the stack beside all else.
#[inline(never)]
fn address(ctx: *mut xdp_md, ethernet: *mut Ethernet, asked: &Route, ifindex: &mut u32) -> u32 {
    let mut place = MaybeUninit::uninit();
    let route = cleared(&mut place);
    route.family = AF_INET;
    route.l4_protocol = asked.protocol;
    route.__bindgen_anon_1.tot_len = asked.length;
    route.ifindex = tag::ingress(ctx);
    route.__bindgen_anon_2.tos = asked.tos;
    route.__bindgen_anon_3.ipv4_src = asked.source;
    route.__bindgen_anon_4.ipv4_dst = asked.destination;
    let found = look_up(ctx, ethernet, route);
    *ifindex = route.ifindex;
    found
}

/// A question without anything in it.
#[inline(always)]
pub(crate) fn cleared(place: &mut MaybeUninit<FibLookup>) -> &mut FibLookup {
    for word in 0..size_of::<FibLookup>() / 8 {
        // SAFETY: a word of our own. Volatile, or the compiler would call a loop over bytes.
        unsafe { place.as_mut_ptr().cast::<u64>().add(word).write_volatile(0) };
    }
    // SAFETY: plain numbers, of which zero is one. In its place: a copy would be as much again.
    unsafe { place.assume_init_mut() }
}

/// Asks for the route, and addresses the frame if its next hop is known.
#[inline(always)]
pub(crate) fn look_up(ctx: *mut xdp_md, ethernet: *mut Ethernet, route: &mut FibLookup) -> u32 {
    // SAFETY: both pointers are good, and the size is that of the structure.
    let mut found = unsafe {
        bpf_fib_lookup(
            ctx.cast(),
            ptr::from_mut(route),
            size_of::<FibLookup>() as i32,
            0,
        )
    } as u32;
    // Old kernels (5.15) give the address of a neighbour that has not answered, too.
    if found == BPF_FIB_LKUP_RET_SUCCESS && route.dmac == [0; 6] {
        found = BPF_FIB_LKUP_RET_NO_NEIGH;
    }
    if found == BPF_FIB_LKUP_RET_SUCCESS {
        // SAFETY: the caller got `ethernet` from `Packet::at`; two bytes a word.
        unsafe {
            (*ethernet).dst = core::mem::transmute::<[u8; 6], [u16; 3]>(route.dmac);
            (*ethernet).src = core::mem::transmute::<[u8; 6], [u16; 3]>(route.smac);
        }
    }
    found
}

/// Mends both checksums after one address and one port changed; of SCTP that of the IP header.
///
/// # Safety
///
/// `parse` has checked the headers, and the head has not moved since.
#[inline(always)]
unsafe fn checksums<const SCTP: bool>(headers: &Headers, old: (u32, u16), new: (u32, u16)) {
    let mend = |sum: u16| update16(update32(sum, old.0, new.0), old.1, new.1);
    // SAFETY: by contract.
    unsafe {
        (*headers.ip).checksum = update32((*headers.ip).checksum, old.0, new.0);
        if SCTP {
            return;
        }
        if headers.protocol == TCP {
            let tcp = headers.ports.cast::<Tcp>();
            (*tcp).checksum = mend((*tcp).checksum);
        } else {
            let udp = headers.ports.cast::<Udp>();
            if (*udp).checksum != 0 {
                let sum = mend((*udp).checksum);
                (*udp).checksum = if sum == 0 { 0xffff } else { sum };
            }
        }
    }
}

const _: () = assert!(size_of::<Ports>() == 4);
