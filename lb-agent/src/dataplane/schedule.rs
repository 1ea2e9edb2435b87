//! `rr` and `wrr` as tables: whose turn it is, written out for one full round.
//!
//! How the program walks the table stands in `lb_common::schedule`.

use lb_common::limits::MAX_SCHEDULE;

use crate::config::model::Scheduler;

/// Turns that fit a table; element 0 of it is their number.
const MAX_TURNS: usize = MAX_SCHEDULE as usize - 1;

/// One round: the slots in the order in which they serve. Slots of weight 0 have no turn.
///
/// `wrr` interleaves as IPVS does (`net/netfilter/ipvs/ip_vs_wrr.c`): a threshold goes down from
/// the greatest weight in steps of the greatest common divisor, and at each step everyone whose
/// weight reaches it has one turn. Weights whose round would not fit are scaled down, each
/// keeping at least one turn.
pub fn turns(scheduler: Scheduler, servers: &[(u32, u32)]) -> Vec<u32> {
    let serving = servers.iter().copied().filter(|(_, weight)| *weight > 0);
    match scheduler {
        Scheduler::Rr => serving.map(|(slot, _)| slot).take(MAX_TURNS).collect(),
        // What needs more than a table is served by weight until it is built.
        Scheduler::Wrr
        | Scheduler::Lc
        | Scheduler::Wlc
        | Scheduler::Lblc
        | Scheduler::Lblcr
        | Scheduler::Sh
        | Scheduler::Dh
        | Scheduler::Mh
        | Scheduler::Sed
        | Scheduler::Nq
        | Scheduler::Fo
        | Scheduler::Ovf
        | Scheduler::Twos => interleave(&scale(serving.collect())),
    }
}

/// Divides the weights by their common divisor, and further if the round is too long.
fn scale(mut servers: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let divisor = servers
        .iter()
        .fold(0, |divisor, (_, weight)| gcd(divisor, *weight));
    if divisor > 1 {
        for (_, weight) in &mut servers {
            *weight /= divisor;
        }
    }
    let total: u64 = servers.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if total > MAX_TURNS as u64 {
        servers.truncate(MAX_TURNS);
        // What is left when everyone has had one turn is shared out by weight, rounding down.
        let spare = MAX_TURNS.saturating_sub(servers.len()) as u64;
        for (_, weight) in &mut servers {
            let share = u128::from(*weight) * u128::from(spare) / u128::from(total);
            *weight = u32::try_from(share).unwrap_or(u32::MAX).saturating_add(1);
        }
    }
    servers
}

fn interleave(servers: &[(u32, u32)]) -> Vec<u32> {
    let greatest = servers.iter().map(|(_, weight)| *weight).max().unwrap_or(0);
    let mut by_weight = servers.to_vec();
    by_weight.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut turns = Vec::new();
    for threshold in (1..=greatest).rev() {
        // With one heavy server left, its remaining turns need no look at the others.
        let reached = by_weight.partition_point(|(_, weight)| *weight >= threshold);
        if let [(slot, _)] = by_weight.get(..reached).unwrap_or_default() {
            turns.push(*slot);
            continue;
        }
        turns.extend(
            servers
                .iter()
                .filter(|(_, weight)| *weight >= threshold)
                .map(|(slot, _)| *slot),
        );
    }
    turns
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
