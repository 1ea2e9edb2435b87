//! Whose turn it is: IPVS's own loops, run until they repeat.

use lb_agent::config::model::Scheduler;

/// The servers of one round in order, as indexes of `weights`; of schedulers that compare servers,
/// the round that their packets without a flow go by.
pub(crate) fn round(scheduler: Scheduler, weights: &[u32]) -> Vec<usize> {
    let serving = (0..weights.len()).filter(|server| weights[*server] > 0);
    match scheduler {
        Scheduler::Rr | Scheduler::Lc => serving.collect(),
        Scheduler::Wrr
        | Scheduler::Wlc
        | Scheduler::Lblc
        | Scheduler::Lblcr
        | Scheduler::Sed
        | Scheduler::Nq
        | Scheduler::Twos => weighted(weights),
        Scheduler::Fo | Scheduler::Ovf => {
            let first = serving.rev().max_by_key(|server| weights[*server]);
            first.into_iter().collect()
        }
        Scheduler::Sh | Scheduler::Dh | Scheduler::Mh => Vec::new(),
    }
}

/// The classic weighted round robin: walk the servers round and round; before each walk the bar
/// comes down by the greatest common divisor, and starts at the greatest weight again below zero.
fn weighted(weights: &[u32]) -> Vec<usize> {
    let (Some(greatest), step) = (weights.iter().max(), divisor(weights)) else {
        return Vec::new();
    };
    if *greatest == 0 {
        return Vec::new();
    }
    let turns = weights.iter().map(|weight| weight / step).sum::<u32>() as usize;
    let (mut order, mut bar) = (Vec::new(), 0);
    while order.len() < turns {
        bar = if bar > step { bar - step } else { *greatest };
        order.extend((0..weights.len()).filter(|server| weights[*server] >= bar));
    }
    order
}

fn divisor(weights: &[u32]) -> u32 {
    let greatest = weights.iter().copied().max().unwrap_or(0);
    (1..=greatest)
        .rev()
        .find(|it| weights.iter().all(|weight| weight % it == 0))
        .unwrap_or(1)
}
