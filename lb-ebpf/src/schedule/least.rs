//! Schedulers that compare servers: `lc`, `wlc`, `sed`, `nq` by their connections, `fo` and `ovf` by
//! their order, which is that of their weights.

use core::arch::asm;

use aya_ebpf::helpers::bpf_get_prandom_u32;
use lb_common::limits::MAX_COMPARED;
use lb_common::policy::flags;
use lb_common::schedule::slot;

use super::{ALL_FULL, Flow, NOBODY, at, target};
use crate::maps::{LOADS, SCHEDULES};

/// In the answer of [`next`], beside the target: there is a server with less than half as many
/// active connections as its weight.
pub(super) const SOMEBODY_IS_IDLE: u64 = 1 << 32;

/// A flag of [`lb_compare`] beside those of the policy: who is full gets nothing.
const COUNTED: u32 = 1 << 31;

/// A server's connections, one active one as 256.
#[inline(always)]
pub(super) fn overhead(slot: u16) -> u64 {
    load(slot).map_or(0, |(active, inactive, _)| active * 256 + inactive)
}

/// Active and inactive connections, and not 0 if these are too many.
#[inline(always)]
pub(super) fn load(slot: u16) -> Option<(u64, u64, u64)> {
    let load = LOADS.get_ptr(u32::from(slot))?;
    // SAFETY: words of the map, each of which the machine reads at once.
    let (active, inactive, full) = unsafe {
        (
            (&raw const (*load).active).read_volatile(),
            (&raw const (*load).inactive).read_volatile(),
            (&raw const (*load).full).read_volatile(),
        )
    };
    Some((active.into(), inactive.into(), full.into()))
}

/// The target of the server that has least to do by the costs of the policy, and
/// [`SOMEBODY_IS_IDLE`]. Of equals it is the first, as in IPVS.
#[inline(always)]
pub(super) fn next(flow: &Flow) -> u64 {
    let policy = flow.policy;
    lb_compare(
        policy.pool.into(),
        policy.active_cost.into(),
        policy.inactive_cost.into(),
        policy.more_cost.into(),
        u32::from(policy.flags) | (flow.counted * COUNTED),
    )
}

/// [`next`] as a global function, which the verifier looks at once, whoever calls it.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_compare(
    pool: u32,
    active_cost: u32,
    inactive_cost: u32,
    more_cost: u32,
    flags: u32,
) -> u64 {
    let Some(table) = SCHEDULES.get(pool) else {
        return NOBODY.into();
    };
    let by_order = active_cost | inactive_cost | more_cost == 0;
    let turns = at(table, 0);
    let servers = at(table, turns + 1);
    if servers == 0 {
        return NOBODY.into();
    }
    let first = u64::from(turns) + 2;
    let (mut offset, end) = (start(servers, by_order), u64::from(servers));
    // Nobody has no weight, so that whoever comes first is better.
    let (mut best, mut best_cost, mut idle) = (0_u64, 1_u64, 0);
    for count in 0..MAX_COMPARED {
        if count >= servers {
            break;
        }
        let Some(element) = table.get((first + offset) as u32) else {
            break;
        };
        let element = u64::from(*element);
        let Some((active, inactive, full)) = load(slot(element as u32)) else {
            break;
        };
        offset += 1;
        offset *= is_less(offset, end);
        let share = element >> 16;
        // Cut out each time: a word for each of them would be too much for the stack.
        let bits = opaque(flags.into());
        let bit = |mask: u32| (bits >> mask.trailing_zeros()) & 1;
        let [overflows, idle_first] =
            [flags::OVERFLOWS, flags::IDLE_FIRST].map(|it| bit(it.into()));
        idle |= is_less(active * 2, share);
        let cost = active * u64::from(active_cost)
            + inactive * u64::from(inactive_cost)
            + u64::from(more_cost) * (1 ^ idle_first & is_less(active, 1));
        let better = is_less(cost * (best >> 16), best_cost * share)
            & is_less(full & bit(COUNTED), 1)
            & (1 ^ overflows & is_less(share, active));
        let better = opaque(better);
        best = best.wrapping_add(element.wrapping_sub(best).wrapping_mul(better));
        best_cost = best_cost.wrapping_add(cost.wrapping_sub(best_cost).wrapping_mul(better));
    }
    match best as u32 {
        0 => u64::from(ALL_FULL),
        best => u64::from(target(best)) | (idle * SOMEBODY_IS_IDLE),
    }
}

/// 1 if `a` is less than `b`, else 0; both are below 2^63. Without a jump, of which the verifier
/// would follow both ways in each round of a loop.
#[inline(always)]
fn is_less(a: u64, b: u64) -> u64 {
    opaque(opaque(a.wrapping_sub(b)) >> 63)
}

/// The same number, of which the compiler knows nothing: from what it knows it would make jumps.
#[inline(always)]
fn opaque(number: u64) -> u64 {
    let mut same = number;
    // SAFETY: it does nothing.
    unsafe { asm!("{0} = {0}", inout(reg) same) };
    same
}

/// Where the comparison begins: with the first server, or anywhere if there are too many and the
/// order does not decide.
#[inline(always)]
fn start(servers: u32, by_order: bool) -> u64 {
    if servers <= MAX_COMPARED || by_order {
        return 0;
    }
    // SAFETY: the helper takes nothing and gives a number.
    let chance = unsafe { bpf_get_prandom_u32() };
    (u64::from(chance) * u64::from(servers)) >> 32
}
