//! Two to five routers, version 2 or 3, on a link that loses, delays, duplicates and partitions, in
//! virtual time.
//!
//! Everything follows from a seed: a failure prints it, and `LB_SIM_SEED=<seed> cargo test
//! simulation` plays it again.

use std::time::Duration;

use world::World;

mod random;
mod world;

const SEEDS: u64 = 256;
const STEPS: u32 = 3000;

/// What may happen between two stretches of time.
fn disturb(world: &mut World) {
    match world.random.below(12) {
        0 => world.partition(),
        1 => world.lossy(),
        2 => world.crash(),
        3 => world.shut_down(),
        4 | 5 => world.boot(),
        6 => world.unplug(),
        7 => world.plug(),
        8 | 9 => world.track(),
        // Nothing but time.
        _ => {}
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        disturb(&mut world);
        if world.random.below(32) == 0 {
            // Time enough for every promise to be kept or broken.
            world.heal();
            world.pass(Duration::from_secs(12));
        } else {
            let stretch = world.random.below(600);
            world.pass(Duration::from_millis(stretch));
        }
    }
}

#[test]
fn there_is_one_master_whenever_the_link_is_whole() {
    if let Ok(seed) = std::env::var("LB_SIM_SEED") {
        return run(seed.parse().expect("LB_SIM_SEED is a number"));
    }
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(
            outcome.is_ok(),
            "seed {seed} fails; replay it with LB_SIM_SEED={seed}"
        );
    }
}
