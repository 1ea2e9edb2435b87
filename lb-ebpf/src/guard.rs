//! Guard rails of a service, and the counters that they and the schedulers go by: whether a new
//! flow may be, and what one means for its server and its client.

use core::arch::asm;

use lb_common::flow::FlowEntry;
use lb_common::flow::state::{is_active, is_seen_again};
use lb_common::limits::MAX_SERVICES;
use lb_common::policy::{Policy, Rate, UNKNOWN_PACKETS, flags, source_counters};
use lb_common::stats::Reason;

use crate::admission::Question;
use crate::backends;
use crate::family::Family;
use crate::flows::compare_exchange;
use crate::maps::{CONTROL, LOADS, RATES, SOURCES};
use crate::schedule;

/// Whether a flow may begin, or its service has enough of them.
#[inline(always)]
pub(crate) fn pass<F: Family>(question: &Question<F>, policy: &Policy) -> Result<(), Reason> {
    if policy.source_flows | policy.new_flows == 0 {
        return Ok(());
    }
    match refusal(question, policy) {
        ALLOWED => Ok(()),
        TOO_MANY => Err(Reason::SourceLimit),
        _ => Err(Reason::NewFlowLimit),
    }
}

/// The answers of [`refusal`].
const ALLOWED: u32 = 0;
const TOO_MANY: u32 = 1;
const TOO_FAST: u32 = 2;

#[inline(never)]
fn refusal<F: Family>(question: &Question<F>, policy: &Policy) -> u32 {
    if policy.source_flows != 0 && has_enough(F::source(&question.key), policy, question.tick) {
        return TOO_MANY;
    }
    if policy.new_flows != 0 && !is_slow_enough(policy.pool.into(), policy.new_flows, question.tick)
    {
        return TOO_FAST;
    }
    ALLOWED
}

/// Whether a packet of a connection that nobody knows may go on to a server that has been chosen for
/// this one packet, or there have been enough of these.
#[inline(always)]
pub(crate) fn pass_unknown<F: Family>(
    question: &Question<F>,
    policy: &Policy,
) -> Result<(), Reason> {
    let most = policy.new_flows.saturating_mul(UNKNOWN_PACKETS);
    let rate = u32::from(policy.pool) + MAX_SERVICES;
    if policy.new_flows == 0 || is_slow_enough(rate, most, question.tick) {
        Ok(())
    } else {
        Err(Reason::NewFlowLimit)
    }
}

/// Counts another one at `rate` in its tick, of which there may be so many.
#[inline(always)]
fn is_slow_enough(rate: u32, most: u32, tick: u32) -> bool {
    lb_rate(rate, most, tick) != 0
}

/// [`is_slow_enough`]; 0: no. A global function, as are those below: the verifier looks at it once,
/// whoever calls it.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_rate(rate: u32, most: u32, tick: u32) -> u32 {
    let Some(rate) = RATES.get_ptr_mut(rate) else {
        return 1;
    };
    // SAFETY: an aligned word of the map.
    let mut held = unsafe { rate.read_volatile() };
    // Each try that fails means that another CPU's flow was counted.
    for _ in 0..4 {
        let Some(more) = Rate::from_word(held).another(tick, most) else {
            return 0;
        };
        // SAFETY: as above.
        let found = unsafe { compare_exchange(rate, held, more.word()) };
        if found == held {
            return 1;
        }
        held = found;
    }
    1
}

/// Whether a client has as many flows as it may.
#[inline(always)]
fn has_enough(client: u32, policy: &Policy, tick: u32) -> bool {
    flows_of(client, policy, tick).is_some_and(|flows| flows >= policy.source_flows)
}

/// How many flows a client has, at most; `None`: nobody has counted them for long.
#[inline(always)]
fn flows_of(client: u32, policy: &Policy, tick: u32) -> Option<u32> {
    let control = CONTROL.get(0)?;
    if !control.has_census(tick) {
        return None;
    }
    let [one, two] = source_counters(client, policy.pool, control.secret);
    let [one, two] = [SOURCES.get_ptr(one)?, SOURCES.get_ptr(two)?];
    // SAFETY: words of the map.
    let (one, two) = unsafe { (one.read_volatile(), two.read_volatile()) };
    Some(if one < two { one } else { two })
}

/// Counts a flow that has begun, for its server.
#[inline(always)]
pub(crate) fn note_new<F: Family>(question: &Question<F>, policy: &Policy, slot: u16) {
    if policy.has(flags::COUNTED) {
        lb_begin(slot.into(), question.first_state().into());
    }
}

/// Counts a flow of a client that has been seen again. Another CPU that counts one of the same client
/// at the same moment may take it for its own, until the agent has counted.
#[inline(always)]
fn add_source(client: u32, policy: &Policy) {
    let Some(control) = CONTROL.get(0) else {
        return;
    };
    let [one, two] = source_counters(client, policy.pool, control.secret);
    let (Some(one), Some(two)) = (SOURCES.get_ptr_mut(one), SOURCES.get_ptr_mut(two)) else {
        return;
    };
    // SAFETY: words of the map.
    unsafe {
        let (first, second) = (one.read_volatile(), two.read_volatile());
        let more = if first < second { first } else { second }.wrapping_add(1);
        if first < more {
            one.write_volatile(more);
        }
        if second < more {
            two.write_volatile(more);
        }
    }
}

/// Counts a connection for its server, which may be full then.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_begin(slot: u32, state: u32) -> u32 {
    let Some(load) = LOADS.get_ptr_mut(slot) else {
        return 0;
    };
    // SAFETY: words of the map, changed at once or by their only writer at the time.
    unsafe {
        if is_active(state as u8) {
            add(&raw mut (*load).active, 1);
        } else {
            add(&raw mut (*load).inactive, 1);
        }
        let upper = (&raw const (*load).upper).read_volatile();
        let active = (&raw const (*load).active).read_volatile();
        let inactive = (&raw const (*load).inactive).read_volatile();
        if upper != 0 && active.wrapping_add(inactive) >= upper {
            (&raw mut (*load).full).write_volatile(1);
        }
    }
    0
}

/// Counts that a connection of a client (see [`Family::source`]) has gone over from the state that
/// `old` says into another one; `false`: it may not, since the client has as many as it may of those
/// that count.
#[inline(always)]
pub(crate) fn note_change(
    old: &FlowEntry,
    client: impl FnOnce() -> u32,
    after: u8,
    tick: u32,
) -> bool {
    let before = old.state();
    let moved = is_active(before) != is_active(after);
    let seen_again = !is_seen_again(before) && is_seen_again(after);
    if !moved && !seen_again {
        return true;
    }
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    let what = bit(moved, MOVED) | bit(is_active(after), ACTIVE) | bit(seen_again, SEEN_AGAIN);
    lb_change(client(), u32::from(old.slot()) | what, tick) != 0
}

/// What [`lb_change`] is told beside the slot: it counts otherwise for its server, …
const MOVED: u32 = 1 << 16;
/// … as active, …
const ACTIVE: u32 = 1 << 17;
/// … and it has been seen again.
const SEEN_AGAIN: u32 = 1 << 18;

/// [`note_change`]; 0: it may not.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_change(client: u32, what: u32, tick: u32) -> u32 {
    let pool = backends::read(what as u16).map_or(0, |server| server.pool);
    let Some(policy) = schedule::policy(pool) else {
        return 1;
    };
    if what & SEEN_AGAIN != 0 && policy.source_flows != 0 {
        // All those that it had begun before it was at its limit come here.
        if has_enough(client, policy, tick) {
            return 0;
        }
        add_source(client, policy);
    }
    if what & MOVED == 0 || !policy.has(flags::COUNTED) {
        return 1;
    }
    let Some(load) = LOADS.get_ptr_mut(what & 0xffff) else {
        return 1;
    };
    // SAFETY: words of the map. Should one be less than it was thought to be, it goes below
    // zero until the agent has counted.
    unsafe {
        let (up, down) = if what & ACTIVE != 0 {
            (&raw mut (*load).active, &raw mut (*load).inactive)
        } else {
            (&raw mut (*load).inactive, &raw mut (*load).active)
        };
        add(up, 1);
        if down.read_volatile() != 0 {
            add(down, u32::MAX);
        }
    }
    1
}

/// Adds to a word that other CPUs change at the same time.
///
/// # Safety
///
/// `word` points to four aligned bytes of a map.
#[inline(always)]
unsafe fn add(word: *mut u32, amount: u32) {
    // SAFETY: by contract; the instruction changes nothing else.
    unsafe {
        asm!(
            "lock *(u32 *)({word} + 0) += {amount}",
            word = in(reg) word,
            amount = in(reg) u64::from(amount),
        );
    }
}
