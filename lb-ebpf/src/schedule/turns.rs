//! Schedulers that take turns: `rr`, `wrr`; and `twos`, which draws two of them.

use aya_ebpf::helpers::bpf_get_prandom_u32;
use lb_common::policy::flags;
use lb_common::schedule::{self, by_hash, slot, weight};

use super::{COMPARE, Flow, NOBODY, at, is_full, least, target};
use crate::maps::CURSORS;

/// How many turns of servers that are full are passed over. After so many the first server is taken
/// that is not.
const PASSED_OVER: u32 = 32;

/// The next turn of this CPU.
#[inline(always)]
pub(super) fn next(flow: &Flow) -> u32 {
    let pool = u32::from(flow.policy.pool);
    let (Some(table), Some(cursor)) = (flow.table(), CURSORS.get_ptr_mut(pool)) else {
        return NOBODY;
    };
    let turns = at(table, 0);
    if turns == 0 {
        return NOBODY;
    }
    let counted = flow.policy.has(flags::COUNTED);
    // SAFETY: the slot is this CPU's own.
    let mut last = unsafe { *cursor };
    for _ in 0..PASSED_OVER {
        let (place, after) = schedule::next(last, turns);
        last = after ^ flow.zero;
        let element = at(table, place) ^ flow.zero;
        if !counted || !is_full(slot(element), flow) {
            // SAFETY: as above.
            unsafe { *cursor = last };
            return target(element);
        }
    }
    // The next flow tries the turns after these.
    // SAFETY: as above.
    unsafe { *cursor = last };
    COMPARE
}

/// The less loaded one of two turns drawn at random, which by weight is what IPVS draws.
#[inline(always)]
pub(super) fn two(flow: &Flow) -> u32 {
    let Some(table) = flow.table() else {
        return NOBODY;
    };
    let turns = at(table, 0);
    if turns == 0 {
        return NOBODY;
    }
    // SAFETY: the helper takes nothing and gives a number.
    let draw = || by_hash(unsafe { u64::from(bpf_get_prandom_u32()) } << 32, turns);
    let (one, other) = (at(table, draw()), at(table, draw()));
    let better = match (is_full(slot(one), flow), is_full(slot(other), flow)) {
        (true, true) => return COMPARE,
        (true, false) => other,
        (false, true) => one,
        (false, false) => {
            let [mine, theirs] = [one, other].map(|it| least::overhead(slot(it)));
            let is_busier = u64::from(weight(other)) * mine > u64::from(weight(one)) * theirs;
            if is_busier { other } else { one }
        }
    };
    target(better)
}
