//! `nopreempt` and `preempt_delay`: they hold back a BACKUP only, and only from a living master.

use super::*;

fn backup(config: &VrrpInstance) -> Bench {
    Bench::in_state(config, State::Backup)
}

fn delayed() -> VrrpInstance {
    VrrpInstance {
        preempt_delay: seconds(10.0),
        ..config()
    }
}

#[test]
fn a_better_backup_takes_over_when_its_time_has_run_out() {
    let mut bench = backup(&config());
    for second in 1..=3 {
        bench.at(f64::from(second), advert(HIGHER, 50));
    }
    bench.expect_deadline(3.609_375);
}

#[test]
fn nopreempt_follows_a_lower_master() {
    let mut bench = backup(&VrrpInstance {
        nopreempt: true,
        ..config()
    });
    bench.at(1.0, advert(HIGHER, 50));
    bench.expect_deadline(4.609_375);
    // … but takes over from one that stops.
    bench.at(2.0, advert(HIGHER, 0));
    bench.expect_deadline(2.609_375);
}

#[test]
fn nopreempt_plays_no_part_in_a_master() {
    let config = VrrpInstance {
        nopreempt: true,
        ..config()
    };
    let mut bench = Bench::in_state(&config, State::Master);
    bench.at(0.5, advert(HIGHER, 101));
    assert_eq!(bench.machine.state(), State::Backup);
}

#[test]
fn preempt_delay_counts_from_the_first_lower_advert() {
    let mut bench = backup(&delayed());
    let first = bench.at(1.0, advert(HIGHER, 50));
    assert!(first.contains(&Action::Log(LogLine::StartPreemptDelay(seconds(10.0)))));
    for second in 2..=10 {
        assert_eq!(bench.at(f64::from(second), advert(HIGHER, 50)), []);
        bench.expect_deadline(f64::from(second) + 3.609_375);
    }
    // Over: the adverts no longer count, and the time of the last that did runs out.
    let discarding = Action::Log(LogLine::Discarding {
        source: HIGHER,
        priority: 50,
    });
    assert_eq!(bench.at(11.0, advert(HIGHER, 50)), [discarding]);
    bench.expect_deadline(13.609_375);
}

#[test]
fn a_master_as_good_as_us_stops_the_delay() {
    let mut bench = backup(&delayed());
    bench.at(1.0, advert(HIGHER, 50));
    let stops = bench.at(5.0, advert(LOWER, 100));
    assert!(stops.contains(&Action::Log(LogLine::StopPreemptDelay)));
    // It begins anew.
    bench.at(9.0, advert(HIGHER, 50));
    bench.at(18.0, advert(HIGHER, 50));
    bench.expect_deadline(21.609_375);
    bench.at(19.0, advert(HIGHER, 50));
    bench.expect_deadline(21.609_375);
}

#[test]
fn preempt_delay_does_not_hold_back_from_a_master_that_stops_or_is_silent() {
    let mut bench = backup(&delayed());
    bench.at(1.0, advert(HIGHER, 50));
    bench.at(2.0, advert(HIGHER, 0));
    bench.expect_deadline(2.609_375);

    let mut bench = backup(&delayed());
    bench.at(1.0, advert(HIGHER, 50));
    bench.expect_deadline(4.609_375);
    bench.at(4.609_375, Input::Timeout);
    assert_eq!(bench.machine.state(), State::Master);
}

#[test]
fn the_delay_is_forgotten_with_the_state() {
    let mut bench = backup(&delayed());
    bench.at(1.0, advert(HIGHER, 50));
    bench.at(5.0, Input::Timeout);
    bench.at(6.0, advert(HIGHER, 200));
    assert_eq!(bench.machine.state(), State::Backup);
    let again = bench.at(20.0, advert(HIGHER, 50));
    assert!(again.contains(&Action::Log(LogLine::StartPreemptDelay(seconds(10.0)))));
}
