//! Who serves a new flow: the server of the client's earlier flows, else the one whose turn it is.

use lb_common::affinity::{Affinity, AffinityKey4};
use lb_common::backend::{Backend, flags};
use lb_common::flow;
use lb_common::schedule;
use lb_common::service::ServiceEntry;

use crate::maps::{AFFINITY4, BACKENDS, CURSORS, SCHEDULES, SERVICE_INFO};
use crate::parse::Headers;

/// The server for a new flow of `service`.
#[inline(always)]
pub(crate) fn next(
    service: &ServiceEntry,
    headers: &Headers,
    tick: u32,
) -> Option<(u16, &'static Backend)> {
    if service.affinity_ticks == 0 {
        return in_turn(service);
    }
    let key = template_key(service, headers)?;
    if let Some((template, slot, backend)) = template(service, &key, tick) {
        // SAFETY: as in `template`.
        unsafe { (&raw mut (*template).stamp).write_volatile(tick) };
        return Some((slot, backend));
    }
    let (slot, backend) = in_turn(service)?;
    let affinity = Affinity {
        target: flow::target(slot, backend.generation),
        stamp: tick,
    };
    // A full map evicts another client; if even that fails, this flow has no memory.
    let _no_memory = AFFINITY4.insert(&key, &affinity, 0);
    Some((slot, backend))
}

/// The server for a packet that leaves no trace: the one of the client's template, else the one
/// that its hash stands for.
#[inline(always)]
pub(crate) fn stateless(
    service: &ServiceEntry,
    headers: &Headers,
    hash: u64,
    tick: u32,
) -> Option<(u16, &'static Backend)> {
    if service.affinity_ticks != 0
        && let Some(key) = template_key(service, headers)
        && let Some((_, slot, backend)) = template(service, &key, tick)
    {
        return Some((slot, backend));
    }
    let slot = slot(service, schedule::by_hash(hash, turns(service)?))?;
    Some((slot, BACKENDS.get(u32::from(slot))?))
}

#[inline(always)]
fn template_key(service: &ServiceEntry, headers: &Headers) -> Option<AffinityKey4> {
    let info = SERVICE_INFO.get(u32::from(service.id))?;
    Some(AffinityKey4 {
        // SAFETY: `parse` checked the header.
        client: unsafe { (*headers.ip).source } & info.persistence_granularity,
        service: u32::from(service.id),
    })
}

/// The template of a client, if it has not timed out and its server is still there.
#[inline(always)]
fn template(
    service: &ServiceEntry,
    key: &AffinityKey4,
    tick: u32,
) -> Option<(*mut Affinity, u16, &'static Backend)> {
    let template = AFFINITY4.get_ptr_mut(key)?;
    // SAFETY: the entry stays in place while the program runs; both words are written at once.
    let old = unsafe { template.read_volatile() };
    let slot = (old.target & 0xffff) as u16;
    let backend = BACKENDS.get(u32::from(slot))?;
    let serves = old.target == flow::target(slot, backend.generation) && backend.has(flags::IN_USE);
    let fresh = tick.wrapping_sub(old.stamp) <= service.affinity_ticks;
    (serves && fresh).then_some((template, slot, backend))
}

/// `rr` and `wrr`: the next element of the table.
#[inline(always)]
fn in_turn(service: &ServiceEntry) -> Option<(u16, &'static Backend)> {
    let turns = turns(service)?;
    let cursor = CURSORS.get_ptr_mut(u32::from(service.id))?;
    // SAFETY: the slot is this CPU's own.
    let (element, after) = schedule::next(unsafe { *cursor }, turns);
    // SAFETY: as above.
    unsafe { *cursor = after };
    let slot = slot(service, element)?;
    Some((slot, BACKENDS.get(u32::from(slot))?))
}

/// How many turns the schedule has; `None` when nobody serves.
#[inline(always)]
fn turns(service: &ServiceEntry) -> Option<u32> {
    match *SCHEDULES.get_value(u32::from(service.id), &0)? {
        0 => None,
        turns => Some(turns),
    }
}

/// The slot in one element of the schedule.
#[inline(always)]
fn slot(service: &ServiceEntry, element: u32) -> Option<u16> {
    Some(*SCHEDULES.get_value(u32::from(service.id), &element)? as u16)
}
