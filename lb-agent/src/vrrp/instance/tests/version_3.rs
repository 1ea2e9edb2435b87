//! Version 3: the master's interval counts (RFC 9568 6.1, 6.4.2).

use super::*;
use crate::vrrp::settings::Version;

/// One advert a second.
fn router() -> VirtualRouter {
    let mut router = VirtualRouter::from(&config());
    router.version = Version::V3;
    router.settle();
    router
}

fn every(milliseconds: u64, source: IpAddr, priority: u8) -> Input {
    Input::Advert(Advert {
        source,
        priority,
        adver_int: Duration::from_millis(milliseconds),
    })
}

#[test]
fn a_backup_adopts_the_masters_interval_and_says_so_once() {
    let mut bench = Bench::of_in(&router(), State::Backup);
    bench.expect_deadline(3.609_375);
    let line = Action::Log(LogLine::IntervalUpdated {
        from: seconds(1.0),
        to: seconds(0.5),
    });
    assert!(bench.at(1.0, every(500, HIGHER, 200)).contains(&line));
    bench.expect_deadline(1.0 + 1.5 + 0.304_687_5);
    assert_eq!(bench.at(1.5, every(500, HIGHER, 200)), []);
    // Its release leaves a skew of its interval.
    bench.at(2.0, every(500, HIGHER, 0));
    bench.expect_deadline(2.304_687_5);
}

#[test]
fn a_master_advertises_at_its_own_interval_again() {
    let mut bench = Bench::of_in(&router(), State::Backup);
    bench.at(1.0, every(500, HIGHER, 200));
    bench.at(3.0, Input::Timeout);
    bench.expect_deadline(4.0);
    assert_eq!(bench.machine.master_adver_int(), seconds(1.0));
    // Yielding to a better one it adopts that one's.
    bench.at(3.5, every(100, HIGHER, 200));
    bench.expect_deadline(3.5 + 0.3 + 0.1 * 156.0 / 256.0);
}

#[test]
fn the_interval_of_a_worse_master_is_not_adopted() {
    let mut bench = Bench::of_in(&router(), State::Backup);
    bench.at(1.0, every(100, HIGHER, 50));
    assert_eq!(bench.machine.master_adver_int(), seconds(1.0));
    bench.expect_deadline(3.609_375);
}

#[test]
fn a_fault_forgets_the_masters_interval() {
    let mut bench = Bench::of_in(&router(), State::Backup);
    bench.at(1.0, every(100, HIGHER, 200));
    bench.at(1.1, Input::Source(None));
    bench.at(2.0, Input::Source(Some(SELF)));
    bench.expect_deadline(2.0 + 3.609_375);
}

#[test]
fn version_2_keeps_its_own_interval() {
    let mut bench = Bench::in_state(&config(), State::Backup);
    bench.at(1.0, every(500, HIGHER, 200));
    bench.expect_deadline(1.0 + 3.609_375);
}

#[test]
fn nobody_is_master_before_the_startup_delay_is_over() {
    let mut router = router();
    router.startup_delay = seconds(10.0);
    let mut bench = Bench::of_in(&router, State::Backup);
    bench.expect_deadline(13.609_375);
    // Nor after a release.
    bench.at(2.0, every(1000, HIGHER, 0));
    bench.expect_deadline(10.609_375);
    // Once it is over it plays no part.
    bench.at(20.0, every(1000, HIGHER, 200));
    bench.expect_deadline(23.609_375);
}
