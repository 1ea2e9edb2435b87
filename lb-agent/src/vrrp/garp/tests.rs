use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::runtime::clock;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything that goes out from `start` for `length`, as (milliseconds since start, address).
fn run(schedule: &mut Schedule, start: Instant, length: Duration) -> Vec<(u128, usize)> {
    let mut sent = Vec::new();
    let mut now = start;
    loop {
        while let Some(announcement) = schedule.poll(now) {
            sent.push(((now - start).as_millis(), announcement.address));
        }
        match schedule.poll_timeout() {
            Some(next) if next <= start + length => now = now.max(next),
            _ => return sent,
        }
    }
}

#[test]
fn five_at_once_and_five_more_after_five_seconds() {
    let start = clock::now();
    let mut schedule = Schedule::new(Garp::default(), 2);
    schedule.handle_master(start);
    let burst = |at| {
        [0, 1]
            .repeat(5)
            .into_iter()
            .map(move |address| (at, address))
    };
    let expected: Vec<_> = burst(0).chain(burst(5000)).collect();
    assert_eq!(run(&mut schedule, start, seconds(100)), expected);
    assert_eq!(schedule.poll_timeout(), None);
}

#[test]
fn no_second_burst_with_a_delay_of_zero() {
    let start = clock::now();
    let mut schedule = Schedule::new(
        Garp {
            master_delay: Duration::ZERO,
            ..Garp::default()
        },
        1,
    );
    schedule.handle_master(start);
    assert_eq!(run(&mut schedule, start, seconds(100)).len(), 5);
}

#[test]
fn the_refresh_goes_on_while_master() {
    let start = clock::now();
    let settings = Garp {
        master_delay: Duration::ZERO,
        master_repeat: 1,
        master_refresh: seconds(10),
        master_refresh_repeat: 2,
        ..Garp::default()
    };
    let mut schedule = Schedule::new(settings, 1);
    schedule.handle_master(start);
    let sent = run(&mut schedule, start, seconds(25));
    assert_eq!(
        sent,
        [(0, 0), (10_000, 0), (10_000, 0), (20_000, 0), (20_000, 0)]
    );
    schedule.clear();
    assert_eq!(run(&mut schedule, start + seconds(25), seconds(100)), []);
}

#[test]
fn a_lower_master_brings_a_burst_now_and_one_later() {
    let start = clock::now();
    let settings = Garp {
        lower_prio_repeat: 2,
        lower_prio_delay: seconds(3),
        ..Garp::default()
    };
    let mut schedule = Schedule::new(settings, 1);
    schedule.handle_lower_prio(start);
    let sent = run(&mut schedule, start, seconds(100));
    assert_eq!(sent, [(0, 0), (0, 0), (3000, 0), (3000, 0)]);

    let mut silent = Schedule::new(
        Garp {
            lower_prio_repeat: 0,
            ..settings
        },
        1,
    );
    silent.handle_lower_prio(start);
    assert_eq!(silent.poll_timeout(), None);
}

#[test]
fn the_first_round_of_a_burst_is_marked() {
    let start = clock::now();
    let mut schedule = Schedule::new(
        Garp {
            master_repeat: 2,
            ..Garp::default()
        },
        2,
    );
    schedule.handle_master(start);
    let mut marks = Vec::new();
    while let Some(announcement) = schedule.poll(start) {
        marks.push(announcement.first);
    }
    assert_eq!(marks, [true, true, false, false]);
}

#[test]
fn an_instance_without_announced_addresses_has_nothing_to_do() {
    let start = clock::now();
    let mut schedule = Schedule::new(Garp::default(), 0);
    schedule.handle_master(start);
    schedule.handle_lower_prio(start);
    assert_eq!(run(&mut schedule, start, seconds(100)), []);
}

proptest! {
    /// Pacing holds whatever bursts overlap, and every address is announced at least
    /// `master_repeat` times after a transition.
    #[test]
    fn paced_frames_keep_their_distance(
        interval in 1u64..500, repeat in 1u32..6, addresses in 1usize..5,
        lower_at in proptest::collection::vec(0u64..10_000, 0..5),
    ) {
        let start = clock::now();
        let settings = Garp {
            interval: Duration::from_millis(interval),
            master_repeat: repeat,
            ..Garp::default()
        };
        let mut schedule = Schedule::new(settings, addresses);
        schedule.handle_master(start);
        let mut sent: Vec<u64> = Vec::new();
        let mut first_burst = vec![0; addresses];
        for step in 0..20_000 {
            let now = start + Duration::from_millis(step);
            if lower_at.contains(&step) {
                schedule.handle_lower_prio(now);
            }
            while let Some(announcement) = schedule.poll(now) {
                sent.push(step);
                first_burst[announcement.address] += 1;
            }
        }
        prop_assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= interval));
        if sent.last().is_some_and(|last| *last < 19_000) {
            prop_assert!(first_burst.iter().all(|count| *count >= repeat));
        }
    }
}

#[test]
fn extra_interfaces_are_announced_at_their_own_pace_while_master() {
    let start = clock::now();
    let settings = Garp {
        master_delay: Duration::ZERO,
        master_repeat: 1,
        extra_if: Some(crate::config::model::ExtraIf {
            all: false,
            interval: seconds(100),
        }),
        ..Garp::default()
    };
    let mut schedule = Schedule::new(settings, 3).with_extra(vec![1, 2]);
    assert_eq!(schedule.poll_timeout(), None, "not yet master");
    schedule.handle_master(start);
    let sent = run(&mut schedule, start, seconds(250));
    let expected = [
        (0, 0),
        (0, 1),
        (0, 2),
        (100_000, 1),
        (100_000, 2),
        (200_000, 1),
        (200_000, 2),
    ];
    assert_eq!(sent, expected);
    schedule.clear();
    assert_eq!(schedule.poll_timeout(), None, "no longer");
}
