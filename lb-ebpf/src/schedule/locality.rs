//! `lblc` and `lblcr`: flows to one destination go to one server, or to a few, as long as these
//! have not too much to do; else the weighted least loaded one gets them from now on.

use core::mem::MaybeUninit;

use lb_common::flow::target as target_of;
use lb_common::locality::{Locality, LocalityKey, REPLICAS};
use lb_common::service::scheduler;

use super::least::{self, SOMEBODY_IS_IDLE};
use super::{ALL_FULL, COMPARE, Flow, NOBODY};
use crate::affinity;
use crate::backends;
use crate::maps::{CONTROL, LOCALITY};

/// One of a destination's servers.
#[derive(Clone, Copy)]
struct Known {
    target: u32,
    weight: u64,
    active: u64,
    cost: u64,
}

/// The server of the destination, if that has not too much to do.
#[inline(never)]
pub(super) fn next(flow: &Flow) -> u32 {
    if let Some(held) = held(flow)
        && let Some(known) = least_of(held, flow)
        && known.active <= known.weight
    {
        stay(held, flow);
        return known.target;
    }
    COMPARE
}

/// After the comparison: the server of the destination, unless somebody else is idle, or else the
/// one with least to do, which is remembered.
///
/// In two subprograms, one after the other: both at once would be too much for the stack.
#[inline(always)]
pub(super) fn decide(flow: &Flow, answer: u64) -> u32 {
    match among(flow, answer) {
        STRANGER => begin(flow, answer as u32),
        target => target,
    }
}

/// The answer of [`among`] about a destination that nothing is remembered of; no target is this.
const STRANGER: u32 = 3 << 16;

/// The server of a destination that is known, or which nobody serves.
#[inline(never)]
fn among(flow: &Flow, answer: u64) -> u32 {
    let (chosen, idle) = (answer as u32, answer & SOMEBODY_IS_IDLE != 0);
    let nobody = matches!(chosen, NOBODY | ALL_FULL);
    let held = held(flow);
    if (!idle || nobody)
        && let Some(held) = held
        && let Some(known) = least_of(held, flow)
    {
        stay(held, flow);
        return known.target;
    }
    if nobody {
        return chosen;
    }
    match held {
        Some(held) if flow.policy.scheduler == scheduler::LBLCR => {
            join(held, chosen, flow.tick);
            chosen
        }
        _ => STRANGER,
    }
}

/// Remembers the first server of a destination.
#[inline(never)]
fn begin(flow: &Flow, target: u32) -> u32 {
    let mut fresh = MaybeUninit::<Locality>::uninit();
    let place = fresh.as_mut_ptr();
    // SAFETY: words of our own, all of them. Volatile, or the compiler would call a loop over bytes, of
    // which the verifier follows each step.
    let fresh = unsafe {
        for replica in 0..REPLICAS {
            let first = if replica == 0 { target } else { 0 };
            (&raw mut (*place).targets[replica]).write_volatile(first);
        }
        (&raw mut (*place).used).write_volatile(flow.tick);
        (&raw mut (*place).changed).write_volatile(flow.tick);
        fresh.assume_init_ref()
    };
    // A full map evicts another destination; if even that fails, this flow has no memory.
    let _forgotten = LOCALITY.insert(&key(flow), fresh, 0);
    target
}

const fn key(flow: &Flow) -> LocalityKey {
    LocalityKey {
        destination: [flow.destination, 0, 0, 0],
        pool: flow.policy.pool as u32,
    }
}

/// What is remembered of the destination.
#[inline(always)]
fn held(flow: &Flow) -> Option<*mut Locality> {
    let expiration = expiration();
    LOCALITY.get_ptr_mut(&key(flow)).filter(|held| {
        // SAFETY: the entry stays in place while the program runs.
        let used = unsafe { (&raw const (**held).used).read_volatile() };
        affinity::age(used, flow.tick) <= expiration
    })
}

#[inline(always)]
fn expiration() -> u32 {
    CONTROL.get(0).map_or(0, |control| control.locality_ticks)
}

/// Another flow for a server of the destination.
#[inline(always)]
fn stay(held: *mut Locality, flow: &Flow) {
    // SAFETY: as in `held`.
    unsafe { (&raw mut (*held).used).write_volatile(flow.tick) };
    if flow.policy.scheduler == scheduler::LBLCR {
        shrink(held, flow.tick, expiration());
    }
}

/// A server of a destination, if it is still there, has a weight and is not full.
#[inline(always)]
fn known(target: u32, flow: &Flow) -> Option<Known> {
    let slot = target as u16;
    let server = backends::read(slot)?;
    let (active, inactive, full) = least::load(slot)?;
    let known = Known {
        target,
        weight: server.rest().weight.into(),
        active,
        cost: active * 256 + inactive,
    };
    let serves = slot != 0
        && target == target_of(slot, server.head.generation())
        && server.pool == flow.policy.pool;
    (serves && known.weight != 0 && full & u64::from(flow.counted) == 0).then_some(known)
}

/// The one with least to do.
#[inline(always)]
fn least_of(held: *mut Locality, flow: &Flow) -> Option<Known> {
    let mut best: Option<Known> = None;
    for replica in 0..REPLICAS {
        // SAFETY: `replica` is below the length of the array; the entry stays in place.
        let target = unsafe { (&raw const (*held).targets[replica]).read_volatile() };
        if let Some(one) = known(target, flow)
            && best.is_none_or(|best| best.cost * one.weight > one.cost * best.weight)
        {
            best = Some(one);
        }
    }
    best
}

/// Adds a server to those of a destination: in a free place, else in that of the first.
#[inline(always)]
fn join(held: *mut Locality, target: u32, tick: u32) {
    let mut free = 0;
    for replica in (0..REPLICAS).rev() {
        // SAFETY: as in `least_of`.
        let there = unsafe { (&raw const (*held).targets[replica]).read_volatile() };
        if there == 0 {
            free = replica;
        }
        if there == target {
            return;
        }
    }
    // SAFETY: as in `least_of`; `free` is below the length of the array.
    unsafe {
        (&raw mut (*held).targets[free & (REPLICAS - 1)]).write_volatile(target);
        (&raw mut (*held).used).write_volatile(tick);
        (&raw mut (*held).changed).write_volatile(tick);
    }
}

/// Takes the server with most to do from a set that has not changed for long.
#[inline(always)]
fn shrink(held: *mut Locality, tick: u32, expiration: u32) {
    // SAFETY: as in `least_of`.
    let changed = unsafe { (&raw const (*held).changed).read_volatile() };
    if affinity::age(changed, tick) <= expiration {
        return;
    }
    let (mut most, mut most_cost, mut count) = (0, 0, 0);
    for replica in 0..REPLICAS {
        // SAFETY: as in `least_of`.
        let target = unsafe { (&raw const (*held).targets[replica]).read_volatile() };
        let cost = least::overhead(target as u16) + 1;
        if target != 0 {
            count += 1;
            if cost > most_cost {
                (most, most_cost) = (replica, cost);
            }
        }
    }
    if count > 1 {
        // SAFETY: as in `least_of`; `most` is below the length of the array.
        unsafe {
            (&raw mut (*held).targets[most & (REPLICAS - 1)]).write_volatile(0);
            (&raw mut (*held).changed).write_volatile(tick);
        }
    }
}
