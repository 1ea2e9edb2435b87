//! Fragments of IPv4. The first one goes the way of a whole packet, and where it went is remembered;
//! the others have no ports and follow it. One that comes before the first, or of a packet whose
//! first one was nobody's, is the kernel's.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::{TICK_SHIFT, target};
use lb_common::fragment::{First, FragmentKey4, LIFE};
use lb_common::service::{SCTP, TCP, UDP};
use lb_common::stats::Reason;

use crate::backends;
use crate::balance::{Choice, jiffies, pass_gate};
use crate::forward;
use crate::maps::FRAGMENTS4;
use crate::packet::{ETHERNET, Ipv4, Packet};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::tunnel;

/// Notes the server of a first fragment, towards it or from it, when that was and of which service. A
/// subprogram: few packets are in fragments.
#[inline(never)]
pub(crate) fn remember(ip: *const Ipv4, target: u32, stamp: u32) {
    // SAFETY: `parse` checked the header.
    let key = unsafe { key(ip) };
    let first = First { target, stamp };
    // The table makes room by itself. Without it the other fragments are the kernel's.
    let _full = FRAGMENTS4.insert(&key, &first, 0);
}

/// What the fragments of a packet have in common.
///
/// # Safety
///
/// All of the header's fixed part is there.
#[inline(always)]
unsafe fn key(ip: *const Ipv4) -> FragmentKey4 {
    // SAFETY: by contract.
    unsafe {
        FragmentKey4 {
            source: (*ip).source,
            destination: (*ip).destination,
            id: (*ip).id,
            proto: (*ip).protocol,
            pad: 0,
        }
    }
}

/// The verdict on a fragment that is not the first one. `parse` has seen that its header is sound.
#[inline(never)]
pub(crate) fn pass_on(ctx: *mut xdp_md, control: &Control) -> u32 {
    match follow(&XdpContext::new(ctx), control) {
        Ok(verdict) => verdict,
        Err(refused) => refused.verdict(),
    }
}

#[inline(always)]
fn follow(ctx: &XdpContext, control: &Control) -> Result<u32, Refused> {
    const UNKNOWN: Refused = Refused::Because(Reason::Fragment);
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv4>(ETHERNET).ok_or(Refused::NotOurs)?;
    // SAFETY: `at` checked the header.
    let (key, length, ttl) = unsafe { (key(ip), u16::from_be((*ip).total_length), (*ip).ttl) };
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    let number = first(&key, control, tick);
    if number == 0 {
        // Of other protocols nothing is counted.
        let is_ours = matches!(key.proto, TCP | UDP | SCTP);
        return Err(if is_ours { UNKNOWN } else { Refused::NotOurs });
    }
    let slot = backends::read(number as u16).ok_or(UNKNOWN)?;
    let id = (number >> SERVICE_SHIFT) as u16;
    let service = services::of_pool(id, slot.pool).ok_or(UNKNOWN)?;
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    let from_server = number & FROM_SERVER != 0;
    if !from_server && !slot.head.has(flags::READY) {
        // Not a local one: its first fragment has left no trace.
        return Err(Refused::Because(Reason::NoNeighbour));
    }
    if ttl <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    if !from_server && slot.head.has(flags::TUNNEL) {
        let choice = Choice {
            number: number as u16,
            slot,
            new: false,
        };
        return Ok(tunnel::hand_over(&choice, id, true));
    }
    let length = u64::from(length);
    let sent = if from_server {
        forward::fragment_to_client(ctx, packet, ip, length, service, tick)
    } else {
        forward::fragment_to_server(ctx, packet, ip, length, &slot)
    };
    let verdict = sent.map_err(Refused::Because)?;
    if from_server {
        stats::towards_client(number as u16, length);
    } else {
        stats::towards_server(number as u16, length, false);
    }
    Ok(verdict)
}

/// In the answer of [`first`], beside the slot: the server has sent it.
const FROM_SERVER: u32 = 1 << 16;

/// Where the id of the service stands there.
pub(crate) const SERVICE_SHIFT: u32 = 17;

/// The slot that the first fragment went to, or came from, if its server is still there, and the id of the
/// service; else 0.
#[inline(never)]
fn first(key: &FragmentKey4, control: &Control, tick: u32) -> u32 {
    server_of(FRAGMENTS4.get_ptr_mut(key), control, tick)
}

/// The slot of a first fragment that is remembered, as [`first`] gives it.
#[inline(always)]
pub(crate) fn server_of(first: Option<*mut First>, control: &Control, tick: u32) -> u32 {
    let Some(first) = first else {
        return 0;
    };
    // SAFETY: the kernel aligns the values of a map to eight bytes, and the entry stays in place
    // while the program runs.
    let first = First::from_word(unsafe { first.cast::<u64>().read_volatile() });
    let life = ((control.hertz * LIFE) >> TICK_SHIFT) as u32;
    let number = first.target as u16;
    match backends::read(number) {
        Some(slot)
            if first.target == target(number, slot.head.generation())
                && slot.head.has(flags::IN_USE)
                && first.age(tick) <= life =>
        {
            u32::from(number)
                | u32::from(first.is_from_server()) << 16
                | u32::from(first.service()) << SERVICE_SHIFT
        }
        _ => 0,
    }
}
