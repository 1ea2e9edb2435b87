//! Who serves a new flow: the server of the client's earlier flows, else the one whose turn it is.

use aya_ebpf::bindings::BPF_NOEXIST;
use lb_common::affinity::{Affinity, AffinityKey4};
use lb_common::backend::flags;
use lb_common::flow;
use lb_common::schedule;
use lb_common::service::ServiceEntry;

use crate::backends;
use crate::flows::compare_exchange;
use crate::maps::{AFFINITY4, CURSORS, SCHEDULES, SERVICE_INFO, Schedule};

/// Slot and generation of the server for a new flow of `service` from `client`.
#[inline(always)]
pub(crate) fn next(service: &ServiceEntry, client: u32, tick: u32) -> Option<(u16, u16)> {
    if service.affinity_ticks == 0 {
        return in_turn(service);
    }
    let key = template_key(service.id, client)?;
    let template = AFFINITY4.get_ptr_mut(&key);
    let held = template.map_or(NO_TEMPLATE, read);
    if let Some(template) = template
        && let Some(server) = server_of(service, held, tick)
    {
        stamp(template, tick);
        return Some(server);
    }
    let (slot, generation) = in_turn(service)?;
    let new = Affinity {
        target: flow::target(slot, generation),
        stamp: tick,
    };
    // Another CPU may be at the same with the same client: the first to write decides for both.
    let given = match template {
        Some(template) => replace(template, held, new),
        // A full map evicts another client; if even that fails, this flow has no memory.
        None if AFFINITY4.insert(&key, &new, BPF_NOEXIST.into()).is_ok() => new,
        None => AFFINITY4.get_ptr_mut(&key).map_or(new, read),
    };
    Some(server_of(service, given, tick).unwrap_or((slot, generation)))
}

/// The slot for a packet that leaves no trace: the one of the client's template, else the one
/// that its hash stands for.
#[inline(always)]
pub(crate) fn stateless(service: &ServiceEntry, client: u32, hash: u64, tick: u32) -> Option<u16> {
    if service.affinity_ticks != 0
        && let Some(key) = template_key(service.id, client)
        && let Some(template) = AFFINITY4.get_ptr_mut(&key)
        && let Some((slot, _)) = server_of(service, read(template), tick)
    {
        return Some(slot);
    }
    let table = SCHEDULES.get(u32::from(service.id))?;
    slot(table, schedule::by_hash(hash, turns(table)?))
}

/// Keeps the template alive that a flow was given its server by, as IPVS does as long as a
/// template has connections. Called once in a tick of a flow, it writes when a quarter of
/// `persistence_timeout` has passed.
#[inline(never)]
pub(crate) fn keep(service: u16, affinity_ticks: u32, client: u32, target: u32, tick: u32) {
    if let Some(key) = template_key(service, client)
        && let Some(template) = AFFINITY4.get_ptr_mut(&key)
    {
        let held = read(template);
        if held.target == target && held.age(tick) > affinity_ticks / 4 {
            stamp(template, tick);
        }
    }
}

/// The slot of no server: what is remembered of a client that is not known.
const NO_TEMPLATE: Affinity = Affinity {
    target: 0,
    stamp: 0,
};

#[inline(always)]
fn template_key(service: u16, client: u32) -> Option<AffinityKey4> {
    let info = SERVICE_INFO.get(u32::from(service))?;
    Some(AffinityKey4 {
        client: client & info.persistence_granularity,
        service: u32::from(service),
    })
}

/// What a template says, read at once.
#[inline(always)]
fn read(template: *mut Affinity) -> Affinity {
    // SAFETY: the kernel aligns the values of a map to eight bytes, and the entry stays in place
    // while the program runs. It may have been given to another client: see `server_of`.
    Affinity::from_word(unsafe { template.cast::<u64>().read_volatile() })
}

#[inline(always)]
fn stamp(template: *mut Affinity, tick: u32) {
    // SAFETY: as in `read`.
    unsafe { (&raw mut (*template).stamp).write_volatile(tick) };
}

/// Writes `new` over a template that is `held`; what the client has been given, by us or by
/// another CPU that was quicker.
#[inline(always)]
fn replace(template: *mut Affinity, held: Affinity, new: Affinity) -> Affinity {
    // SAFETY: as in `read`.
    let found = unsafe { compare_exchange(template.cast(), held.word(), new.word()) };
    if found == held.word() {
        new
    } else {
        Affinity::from_word(found)
    }
}

/// Slot and generation of the server that a template stands for, if it has not timed out and its
/// server is still there. The entry of an evicted client may be another service's already.
#[inline(always)]
fn server_of(service: &ServiceEntry, template: Affinity, tick: u32) -> Option<(u16, u16)> {
    let slot = template.target as u16;
    let server = backends::read(slot)?;
    let serves = template.target == flow::target(slot, server.head.generation())
        && server.head.has(flags::IN_USE)
        && server.service == service.id;
    let fresh = template.age(tick) <= service.affinity_ticks;
    (serves && fresh).then_some((slot, server.head.generation()))
}

/// `rr` and `wrr`: slot and generation of the next element of the table.
#[inline(always)]
fn in_turn(service: &ServiceEntry) -> Option<(u16, u16)> {
    let table = SCHEDULES.get(u32::from(service.id))?;
    let turns = turns(table)?;
    let cursor = CURSORS.get_ptr_mut(u32::from(service.id))?;
    // SAFETY: the slot is this CPU's own.
    let (element, after) = schedule::next(unsafe { *cursor }, turns);
    // SAFETY: as above.
    unsafe { *cursor = after };
    let slot = slot(table, element)?;
    Some((slot, backends::read(slot)?.head.generation()))
}

/// How many turns the schedule has; `None` when nobody serves.
#[inline(always)]
fn turns(table: &Schedule) -> Option<u32> {
    match *table.get(0)? {
        0 => None,
        turns => Some(turns),
    }
}

/// The slot in one element of the schedule.
#[inline(always)]
fn slot(table: &Schedule, element: u32) -> Option<u16> {
    Some(*table.get(element)? as u16)
}
