//! VLAN tags (IEEE 802.1Q 9.6). All else sees frames without: a tag is taken off before, and put on
//! behind it: that of the way the frame goes, or the one it came with if it is the kernel's.
//!
//! Frames with two tags are the kernel's.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;

use crate::icmp::ICMP;
use crate::packet::{Ethernet, IPV4, Ipv4, Packet};

/// `ether_type` of a frame with a tag.
pub(crate) const TAGGED: u16 = 0x8100_u16.to_be();

/// Length of a tag.
const LENGTH: usize = 4;

/// An Ethernet header with a tag.
#[repr(C)]
struct Tagged {
    /// Up to the type of the tag.
    ethernet: Ethernet,
    /// Priority and number of the VLAN.
    control: u16,
    ether_type: u16,
}

/// In what [`take_off`] gives: there was one.
pub(crate) const TAKEN: u32 = 1 << 16;

/// Takes the tag off a frame that may be for a service, or from a server. Gives its control
/// information as it stands in the frame, and [`TAKEN`]; 0: it is the kernel's, and as it was.
#[inline(never)]
pub(crate) fn take_off(ctx: *mut xdp_md, control: &Control) -> u32 {
    let packet = Packet::new(&XdpContext::new(ctx));
    let (Some(tagged), Some(ip)) = (
        packet.at::<Tagged>(0),
        packet.at::<Ipv4>(size_of::<Tagged>()),
    ) else {
        return 0;
    };
    // SAFETY: `at` checked both headers.
    let (first, second, tag, ether_type, source, destination, protocol) = unsafe {
        (
            tagged.cast::<u64>().read(),
            tagged.cast::<u32>().add(2).read(),
            (*tagged).control,
            (*tagged).ether_type,
            (*ip).source,
            (*ip).destination,
            (*ip).protocol,
        )
    };
    let filter = &control.filter;
    let may_be_ours = protocol == ICMP
        || filter.may_be_destination(destination)
        || filter.may_be_source(source);
    if ether_type != IPV4 || !may_be_ours {
        return 0;
    }
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx, LENGTH as i32) } != 0 {
        return 0;
    }
    let Some(ethernet) = Packet::new(&XdpContext::new(ctx)).at::<Ethernet>(0) else {
        return 0;
    };
    // SAFETY: `at` checked the header; its type is there already.
    unsafe {
        ethernet.cast::<u64>().write(first);
        ethernet.cast::<u32>().add(2).write(second);
    }
    u32::from(tag) | TAKEN
}

/// Puts a tag on; `tag` is its control information as it stands in the frame. Whether there was room.
#[inline(never)]
pub(crate) fn put_on(ctx: *mut xdp_md, tag: u32) -> bool {
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx, -(LENGTH as i32)) } != 0 {
        return false;
    }
    let packet = Packet::new(&XdpContext::new(ctx));
    let (Some(tagged), Some(old)) = (packet.at::<Tagged>(0), packet.at::<Ethernet>(LENGTH)) else {
        return false;
    };
    // SAFETY: `at` checked both headers. The type stays where it is.
    unsafe {
        let (first, second) = (
            old.cast::<u64>().read(),
            old.cast::<u32>().add(2).read(),
        );
        tagged.cast::<u64>().write(first);
        tagged.cast::<u32>().add(2).write(second);
        (*tagged).ethernet.ether_type = TAGGED;
        (*tagged).control = tag as u16;
    }
    true
}
