//! `wrr`: whose turn it is, written out for one full round.

use lb_common::limits::MAX_TURNS;
use lb_common::schedule::element;

use super::{Candidate, clamp};

/// One round: the servers in the order in which they serve.
///
/// They are interleaved as IPVS does (`net/netfilter/ipvs/ip_vs_wrr.c`): a threshold goes down from
/// the greatest weight in steps of the greatest common divisor, and at each step everyone whose
/// weight reaches it has one turn. Weights whose round would not fit are scaled down, each
/// keeping at least one turn.
pub(super) fn weighted(servers: &[Candidate]) -> Vec<u32> {
    let weights = scale(servers.iter().map(|it| it.weight).collect());
    let with_turns: Vec<(u32, u32)> = servers
        .iter()
        .map(|it| element(it.slot, clamp(it.weight)))
        .zip(weights)
        .collect();
    interleave(&with_turns)
}

/// Divides the weights by their common divisor, and further if the round is too long.
fn scale(mut weights: Vec<u32>) -> Vec<u32> {
    const MAX: usize = MAX_TURNS as usize;
    let divisor = weights.iter().copied().fold(0, gcd);
    if divisor > 1 {
        for weight in &mut weights {
            *weight /= divisor;
        }
    }
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    if total > MAX as u64 {
        weights.truncate(MAX);
        // What is left when everyone has had one turn is shared out by weight, rounding down.
        let spare = MAX.saturating_sub(weights.len()) as u64;
        for weight in &mut weights {
            let share = u128::from(*weight) * u128::from(spare) / u128::from(total);
            *weight = u32::try_from(share).unwrap_or(u32::MAX).saturating_add(1);
        }
    }
    weights
}

fn interleave(servers: &[(u32, u32)]) -> Vec<u32> {
    let greatest = servers.iter().map(|(_, weight)| *weight).max().unwrap_or(0);
    let mut by_weight = servers.to_vec();
    by_weight.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut turns = Vec::new();
    for threshold in (1..=greatest).rev() {
        // With one heavy server left, its remaining turns need no look at the others.
        let reached = by_weight.partition_point(|(_, weight)| *weight >= threshold);
        if let [(element, _)] = by_weight.get(..reached).unwrap_or_default() {
            turns.push(*element);
            continue;
        }
        turns.extend(
            servers
                .iter()
                .filter(|(_, weight)| *weight >= threshold)
                .map(|(element, _)| *element),
        );
    }
    turns
}

/// The greatest common divisor.
pub(super) fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
