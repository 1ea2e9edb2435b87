//! Frames with VLAN tags (IEEE 802.1Q), one or two.
//!
//! All else knows only frames without. The tags of a frame that may be ours are taken off, the program
//! on the interface is called once more, as a subprogram would be, and what is then the kernel's gets
//! them back, and so does an answer to the sender ([`answered`]). What leaves for a server or a client
//! goes by the device map; where that leads to a VLAN, a program there puts its tags on (`push.rs`).
//!
//! ```text
//!  lb_agent ─tags─▶ lb_vlan ─take off─▶ lb_agent ─▶ … ─▶ verdict ─▶ lb_vlan ─▶ put back, or not
//! ```
//!
//! So frames without tags pay nothing, and every other program serves those with tags, too. A frame of a
//! VLAN that nobody has told us of is the kernel's, untouched.

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;
use lb_common::program;
use lb_common::vlan::{LENGTH, Tag, Tagged, VlanKey};

use crate::icmp::ICMP;
use crate::maps::{CONTROL, PROGRAMS, TAGGED, VLANS};
use crate::packet::{ETHERNET, IPV4, IPV6, Ipv4, Ipv6, Packet};
use crate::six::{self, ICMP6};

/// Both addresses of an Ethernet header.
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct Addresses {
    first: u64,
    second: u32,
}

/// The verdict on a frame with tags, which is for no group.
#[inline(always)]
pub(crate) fn serve(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let Some(control) = CONTROL.get(0) else {
        return XDP_PASS;
    };
    let Some(tags) = packet.at::<[u32; 2]>(size_of::<Addresses>()) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked them.
    let [outer, inner] = unsafe { tags.read() }.map(Tag::from_word);
    if inner.exists() {
        let (tags, ours) = ([outer, inner], is_ours::<2>(packet, control));
        call::<2>(ctx, packet, tags, ours)
    } else {
        let (tags, ours) = ([outer, Tag::NONE], is_ours::<1>(packet, control));
        call::<1>(ctx, packet, tags, ours)
    }
}

/// Whether a frame with so many tags may be for a service, or from a server.
#[inline(always)]
fn is_ours<const TAGS: usize>(packet: Packet, control: &Control) -> bool {
    let at = ETHERNET + TAGS * LENGTH;
    let Some(ether_type) = packet.at::<u16>(at - size_of::<u16>()) else {
        return false;
    };
    let filter = &control.filter;
    // SAFETY: `at` checked every header; see `packet` on alignment.
    unsafe {
        match *ether_type {
            IPV4 => packet.at::<Ipv4>(at).is_some_and(|ip| {
                (*ip).protocol == ICMP
                    || filter.may_be_destination((*ip).destination)
                    || filter.may_be_source((*ip).source)
            }),
            IPV6 => packet.at::<Ipv6>(at).is_some_and(|ip| {
                (*ip).next_header == ICMP6
                    || filter.may_be_destination6(six::destination(ip))
                    || filter.may_be_source6(six::source(ip))
            }),
            _ => false,
        }
    }
}

/// Has the program on the interface look at the frame without its tags, if it is one of ours.
#[inline(always)]
fn call<const TAGS: usize>(ctx: &XdpContext, packet: Packet, tags: [Tag; 2], ours: bool) -> u32 {
    if !ours {
        return XDP_PASS;
    }
    let key = VlanKey {
        ifindex: ctx.ingress_ifindex() as u32,
        outer: tags[0].vlan(),
        inner: tags[1].vlan(),
    };
    // SAFETY: the agent writes the map; a number is read in one.
    let Some(vlan) = (unsafe { VLANS.get(&key) }).copied() else {
        return XDP_PASS;
    };
    let Some(addresses) = packet.at::<Addresses>(0) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked them.
    let addresses = unsafe { addresses.read() };
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, (TAGS * LENGTH) as i32) } != 0 {
        return XDP_PASS;
    }
    let Some(place) = Packet::new(ctx).at::<Addresses>(0) else {
        return XDP_DROP;
    };
    // SAFETY: `at` checked the place. The type of what follows stands behind it.
    unsafe { place.write(addresses) };
    begin(vlan);
    let verdict = balance(ctx.ctx);
    let answered = end();
    if verdict != XDP_PASS && (verdict != XDP_TX || !answered) {
        return verdict;
    }
    if put_on::<TAGS>(ctx, tags) {
        verdict
    } else {
        XDP_DROP
    }
}

/// Puts tags in front of what follows the addresses. Whether there was room, which there is where some
/// have been taken off.
#[inline(always)]
fn put_on<const TAGS: usize>(ctx: &XdpContext, tags: [Tag; 2]) -> bool {
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, -((TAGS * LENGTH) as i32)) } != 0 {
        return false;
    }
    let packet = Packet::new(ctx);
    let (Some(new), Some(old)) = (
        packet.at::<Addresses>(0),
        packet.at::<Addresses>(TAGS * LENGTH),
    ) else {
        return false;
    };
    let Some(place) = packet.at::<[u32; TAGS]>(size_of::<Addresses>()) else {
        return false;
    };
    // SAFETY: `at` checked all three. The addresses are read before anything is written over them.
    unsafe {
        new.write(old.read());
        for (at, tag) in tags.into_iter().enumerate().take(TAGS) {
            place.cast::<u32>().add(at).write(tag.word());
        }
    }
    true
}

/// The verdict of the program on the interface. A subprogram: a program that it hands over to comes back
/// to who has called it.
///
/// Neither the compiler nor the verifier of many kernels (6.1 is one) knows that somebody else may come back
/// here, with a verdict of his own. Of a number that they know they would take all others for
/// impossible, and leave out what the caller does with those. So it stands in a map.
#[inline(never)]
fn balance(ctx: *mut xdp_md) -> u32 {
    // SAFETY: nothing here waits to be dropped. If there is no program it returns.
    unsafe { PROGRAMS.tail_call(&XdpContext::new(ctx), program::BALANCE) };
    // SAFETY: the record is this CPU's own.
    let verdict = |it: *const Tagged| unsafe { (&raw const (*it).verdict).read_volatile() };
    TAGGED.get_ptr(0).map_or(XDP_DROP, verdict)
}

/// A frame of the interface `vlan` goes to the other programs.
#[inline(always)]
fn begin(vlan: u32) {
    if let Some(tagged) = TAGGED.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*tagged).ifindex = vlan;
            (*tagged).answered = 0;
            (*tagged).verdict = XDP_PASS;
        }
    }
}

/// It has come back. Whether it is an answer to its sender.
#[inline(always)]
fn end() -> bool {
    TAGGED.get_ptr_mut(0).is_some_and(|tagged| {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*tagged).ifindex = 0;
            (*tagged).answered != 0
        }
    })
}

/// The frame in hand is an answer to its sender now: it goes back the way it came.
#[inline(always)]
pub(crate) fn answered() {
    if let Some(tagged) = TAGGED.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe { (*tagged).answered = 1 };
    }
}

/// The interface that a frame belongs to: of a VLAN that one, else the one it has come by. A subprogram:
/// the key of the map has no place on its callers' stacks.
#[inline(never)]
pub(crate) fn ingress(ctx: *mut xdp_md) -> u32 {
    // SAFETY: the record is this CPU's own.
    let vlan = TAGGED.get_ptr(0).map_or(0, |it| unsafe { (*it).ifindex });
    if vlan == 0 {
        XdpContext::new(ctx).ingress_ifindex() as u32
    } else {
        vlan
    }
}
