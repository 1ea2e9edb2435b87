//! Guard rails of a service, and the counters that they and the schedulers go by: whether a new
//! flow may be, and what one means for its server and its client.

use core::arch::asm;

use lb_common::flow::state::is_active;
use lb_common::policy::{Policy, Rate, flags, source_counters};
use lb_common::stats::Reason;

use crate::admission::Question;
use crate::flows::compare_exchange;
use crate::maps::{CONTROL, LOADS, RATES, SOURCES};
use crate::schedule;

/// Whether a flow may begin, or its service has enough of them.
#[inline(always)]
pub(crate) fn pass(question: &Question, policy: &Policy) -> Result<(), Reason> {
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
fn refusal(question: &Question, policy: &Policy) -> u32 {
    if policy.source_flows != 0
        && flows_of(question, policy).is_some_and(|flows| flows >= policy.source_flows)
    {
        return TOO_MANY;
    }
    if policy.new_flows != 0 && !is_slow_enough(question, policy) {
        return TOO_FAST;
    }
    ALLOWED
}

/// Counts a new flow in its second.
#[inline(always)]
fn is_slow_enough(question: &Question, policy: &Policy) -> bool {
    let Some(rate) = RATES.get_ptr_mut(policy.leader.into()) else {
        return true;
    };
    // SAFETY: an aligned word of the map.
    let mut held = unsafe { rate.read_volatile() };
    // Each try that fails means that another CPU's flow was counted.
    for _ in 0..4 {
        let Some(more) = Rate::from_word(held).another(question.tick, policy.new_flows) else {
            return false;
        };
        // SAFETY: as above.
        let found = unsafe { compare_exchange(rate, held, more.word()) };
        if found == held {
            return true;
        }
        held = found;
    }
    true
}

/// How many flows the client has, at most; `None`: nobody has counted them for long.
#[inline(always)]
fn flows_of(question: &Question, policy: &Policy) -> Option<u32> {
    let control = CONTROL.get(0)?;
    if !control.has_census(question.tick) {
        return None;
    }
    let [one, two] = source_counters(question.client(), policy.leader, control.secret);
    let [one, two] = [SOURCES.get_ptr(one)?, SOURCES.get_ptr(two)?];
    // SAFETY: words of the map.
    let (one, two) = unsafe { (one.read_volatile(), two.read_volatile()) };
    Some(if one < two { one } else { two })
}

/// Counts a flow that has begun, for its server and its client.
#[inline(always)]
pub(crate) fn note_new(question: &Question, policy: &Policy, slot: u16) {
    if policy.source_flows != 0 {
        add_source(question, policy);
    }
    if policy.has(flags::COUNTED) {
        begin(slot, question.first_state());
    }
}

#[inline(never)]
fn add_source(question: &Question, policy: &Policy) {
    let Some(control) = CONTROL.get(0) else {
        return;
    };
    for counter in source_counters(question.client(), policy.leader, control.secret) {
        if let Some(counter) = SOURCES.get_ptr_mut(counter) {
            // SAFETY: a word of the map.
            unsafe { add(counter, 1) };
        }
    }
}

/// Counts a connection for its server, which may be full then.
#[inline(never)]
fn begin(slot: u16, state: u8) {
    let Some(load) = LOADS.get_ptr_mut(u32::from(slot)) else {
        return;
    };
    // SAFETY: words of the map, changed at once or by their only writer at the time.
    unsafe {
        if is_active(state) {
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
}

/// Counts that a connection has gone over into another state.
#[inline(always)]
pub(crate) fn note_change(service: u16, slot: u16, before: u8, after: u8) {
    if is_active(before) != is_active(after) {
        change(service, slot, is_active(after));
    }
}

#[inline(never)]
fn change(service: u16, slot: u16, active: bool) {
    let Some(policy) = schedule::policy(service) else {
        return;
    };
    if !policy.has(flags::COUNTED) {
        return;
    }
    let Some(load) = LOADS.get_ptr_mut(u32::from(slot)) else {
        return;
    };
    // SAFETY: words of the map. Should one be less than it was thought to be, it goes below
    // zero until the agent has counted.
    unsafe {
        let (up, down) = if active {
            (&raw mut (*load).active, &raw mut (*load).inactive)
        } else {
            (&raw mut (*load).inactive, &raw mut (*load).active)
        };
        add(up, 1);
        if down.read_volatile() != 0 {
            add(down, u32::MAX);
        }
    }
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
