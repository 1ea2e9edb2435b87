use super::*;

const EACH_SECOND: Timers = Timers::new(Version::V2, Duration::from_secs(1), 3);

/// Measured with keepalived 2.2.7, rounded to a millisecond.
#[test]
fn the_waits_are_those_measured_with_keepalived() {
    assert_eq!(EACH_SECOND.master_down(100).as_millis(), 3609);
    assert_eq!(EACH_SECOND.skew(80).as_millis(), 687);
    assert_eq!(EACH_SECOND.wishful_start().as_micros(), 1_003_906);
}

#[test]
fn a_higher_priority_always_waits_less() {
    for priority in 0..255 {
        assert!(
            EACH_SECOND.skew(priority) > EACH_SECOND.skew(priority + 1),
            "{priority}"
        );
        assert!(EACH_SECOND.master_down(priority) > EACH_SECOND.master_down(priority + 1));
    }
    assert_eq!(EACH_SECOND.skew(255), Duration::from_secs(1) / 256);
    assert_eq!(EACH_SECOND.skew(0), Duration::from_secs(1));
}

#[test]
fn down_timer_adverts_says_how_many_adverts_may_be_missed() {
    let patient = Timers {
        down_timer_adverts: 10,
        ..EACH_SECOND
    };
    let usual = EACH_SECOND.master_down(100);
    assert_eq!(patient.master_down(100), usual + Duration::from_secs(7));
}

/// RFC 9568 6.1; 0.305 s measured with keepalived 2.2.7.
#[test]
fn in_version_3_the_masters_interval_counts() {
    let mut timers = Timers::new(Version::V3, Duration::from_secs(1), 3);
    assert_eq!(timers.skew(100).as_micros(), 609_375);
    timers.master_adver_int = Duration::from_millis(500);
    assert_eq!(timers.skew(100).as_micros(), 304_687);
    assert_eq!(timers.master_down(100).as_micros(), 1_804_687);
}
