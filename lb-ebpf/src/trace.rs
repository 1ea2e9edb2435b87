//! What `lb-agent trace` is told: the programs that are attached, watched by themselves.
//!
//! [`lb_trace`](crate::lb_trace) and its like are the programs of the same names once more, and do the
//! same; they note what a packet looked like before, what has been chosen for it, and tell what has
//! become of it. The others know of that nothing but one word of the control page. What a reason was
//! can be seen from its counter: a CPU has one packet in hand at a time.
//!
//! Notes are made in a map, a function each: there is no room on the stack.

use core::ptr;

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::Address6;
use lb_common::service::{SCTP, TCP, UDP};
use lb_common::stats::Reason;
use lb_common::trace::{Event, NO_REASON, Notes, Tuple, decision, mapped};

use crate::admission::Admission;
use crate::icmp::ICMP;
use crate::maps::{CONTROL, REASONS, TRACE_EVENTS, TRACE_FILTER, TRACE_PACKET};
use crate::packet::{ETHERNET, Ethernet, IPV4, IPV6, Ipv4, Ipv6, Packet, Ports, Tcp};
use crate::parse::{OFFSET, OPTIONS, SHORTEST};
use crate::tag;

/// ICMP of IPv6 (RFC 4443).
const ICMP6: u8 = 58;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// This CPU's notes.
#[inline(always)]
fn notes() -> Option<*mut Notes> {
    TRACE_PACKET.get_ptr_mut(0)
}

/// A packet has come.
#[inline(always)]
pub(crate) fn begin(ctx: &XdpContext) {
    note_packet(ctx.ctx);
    note_reasons();
}

/// Notes what a packet looks like as it comes.
#[inline(never)]
fn note_packet(ctx: *mut xdp_md) -> u32 {
    let Some(notes) = notes() else {
        return 0;
    };
    let ctx = XdpContext::new(ctx);
    // SAFETY: the record is this CPU's own.
    unsafe {
        let event = &raw mut (*notes).event;
        (*event).time = bpf_ktime_get_ns();
        (*event).ifindex = tag::ingress(ctx.ctx);
        (*event).length = (ctx.data_end() - ctx.data()) as u32;
        (*event).slot = 0;
        (*event).decision = decision::NONE;
        (*notes).by_template = 0;
        read(&ctx, &raw mut (*event).before);
    }
    0
}

/// Notes this CPU's counters of reasons.
#[inline(never)]
fn note_reasons() -> u32 {
    let Some(notes) = notes() else {
        return 0;
    };
    for reason in 0..Reason::ALL.len() {
        if let Some(count) = REASONS.get_ptr(reason as u32) {
            // SAFETY: both records are this CPU's own.
            unsafe { (*notes).reasons[reason] = *count };
        }
    }
    0
}

/// Notes that a template has named the server.
#[inline(never)]
pub(crate) fn note_template() -> u32 {
    if let Some(notes) = notes() {
        // SAFETY: the record is this CPU's own.
        unsafe { (*notes).by_template = 1 };
    }
    0
}

/// Notes the server, and how it was found: one of [`decision`].
#[inline(never)]
pub(crate) fn note_choice(slot: u32, how: u32) -> u32 {
    if let Some(notes) = notes() {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*notes).event.slot = slot as u16;
            (*notes).event.decision = how as u8;
        }
    }
    0
}

/// Notes the server that admission has found.
#[inline(always)]
pub(crate) fn note_admission(admission: Admission) {
    let how = match (admission.is_new(), admission.is_forgotten()) {
        (true, false) => decision::SCHEDULED,
        (true, true) => decision::UNREMEMBERED,
        (false, true) => decision::UNKNOWN,
        (false, false) => decision::FLOW,
    };
    note_choice(admission.slot().into(), how.into());
}

/// Tells what has become of the packet, if it is asked for.
#[inline(never)]
pub(crate) fn tell(ctx: *mut xdp_md, verdict: u32) -> u32 {
    let (Some(notes), Some(filter), Some(control)) = (notes(), TRACE_FILTER.get(0), CONTROL.get(0))
    else {
        return 0;
    };
    // SAFETY: the record is this CPU's own, and no other reference to it lives.
    let notes = unsafe { &mut *notes };
    read(&XdpContext::new(ctx), &raw mut notes.event.after);
    if !filter.wants(&notes.event.before) && !filter.wants(&notes.event.after) {
        return 0;
    }
    let second = notes.event.time / SECOND;
    if second > u64::from(control.trace) {
        // Who has asked has gone.
        return 0;
    }
    if notes.second != second {
        notes.second = second;
        notes.told = 0;
    }
    if notes.told >= filter.rate {
        notes.event.omitted += 1;
        return 0;
    }
    notes.told += 1;
    notes.event.verdict = verdict as u8;
    notes.event.reason = reason(notes);
    if notes.by_template != 0 && notes.event.decision == decision::SCHEDULED {
        notes.event.decision = decision::TEMPLATE;
    }
    if TRACE_EVENTS
        .output_untyped::<Event>(&notes.event, 0)
        .is_ok()
    {
        notes.event.omitted = 0;
    } else {
        notes.event.omitted += 1;
    }
    0
}

/// The reason that has been counted since [`note_reasons`].
#[inline(always)]
fn reason(notes: &Notes) -> u8 {
    let mut found = NO_REASON;
    for reason in 0..Reason::ALL.len() {
        if let Some(count) = REASONS.get_ptr(reason as u32)
            // SAFETY: the slot is this CPU's own.
            && unsafe { *count } != notes.reasons[reason]
        {
            found = reason as u8;
        }
    }
    found
}

/// Reads addresses and ports of a packet.
#[inline(always)]
fn read(ctx: &XdpContext, tuple: *mut Tuple) {
    let packet = Packet::new(ctx);
    // SAFETY: the record is this CPU's own; `at` checks every header.
    unsafe {
        // Of a header that cannot be read nothing is left of the packet before.
        (*tuple).version = 0;
        (*tuple).source_port = 0;
        (*tuple).destination_port = 0;
        (*tuple).flags = 0;
        let Some(ethernet) = packet.at::<Ethernet>(0) else {
            return;
        };
        match (*ethernet).ether_type {
            IPV4 => read_ipv4(packet, tuple),
            IPV6 => read_ipv6(packet, tuple),
            _ => {}
        }
    }
}

/// # Safety
///
/// The record is this CPU's own.
#[inline(always)]
unsafe fn read_ipv4(packet: Packet, tuple: *mut Tuple) {
    let Some(ip) = packet.at::<Ipv4>(ETHERNET) else {
        return;
    };
    // SAFETY: by contract; `at` checked the header.
    unsafe {
        (*tuple).source = mapped((*ip).source);
        (*tuple).destination = mapped((*ip).destination);
        (*tuple).protocol = (*ip).protocol;
        (*tuple).fragment = u8::from((*ip).fragment & OFFSET != 0);
        let options = (*ip).version_ihl.wrapping_sub(SHORTEST);
        let behind = size_of::<Ipv4>() + usize::from(options) * 4;
        if options <= OPTIONS {
            read_ports(packet, ETHERNET + behind, tuple);
        }
        (*tuple).version = 4;
    }
}

/// # Safety
///
/// The record is this CPU's own.
#[inline(always)]
unsafe fn read_ipv6(packet: Packet, tuple: *mut Tuple) {
    let Some(ip) = packet.at::<Ipv6>(ETHERNET) else {
        return;
    };
    // SAFETY: by contract; `at` checked the header. See `packet` on alignment.
    unsafe {
        (*tuple).source = (&raw const (*ip).source).cast::<Address6>().read();
        (*tuple).destination = (&raw const (*ip).destination).cast::<Address6>().read();
        (*tuple).protocol = (*ip).next_header;
        (*tuple).fragment = 0;
        read_ports(packet, ETHERNET + size_of::<Ipv6>(), tuple);
        (*tuple).version = 6;
    }
}

/// Ports and TCP flags, or type and code of ICMP.
///
/// # Safety
///
/// The record is this CPU's own, the rest of it is set, and these are zero.
#[inline(always)]
unsafe fn read_ports(packet: Packet, at: usize, tuple: *mut Tuple) {
    // SAFETY: by contract.
    unsafe {
        if (*tuple).fragment != 0 || !matches!((*tuple).protocol, TCP | UDP | SCTP | ICMP | ICMP6) {
            return;
        }
        let Some(ports) = packet.at::<Ports>(at) else {
            return;
        };
        (*tuple).source_port = (*ports).source;
        if matches!((*tuple).protocol, ICMP | ICMP6) {
            return;
        }
        (*tuple).destination_port = (*ports).destination;
        if (*tuple).protocol == TCP
            && let Some(tcp) = packet.at::<Tcp>(at)
        {
            (*tuple).flags = ptr::read(&raw const (*tcp).flags);
        }
    }
}
