use super::*;

const EACH_SECOND: Timers = Timers {
    adver_int: Duration::from_secs(1),
    down_timer_adverts: 3,
};

/// Measured with keepalived 2.2.7, rounded to a millisecond.
#[test]
fn the_waits_are_those_measured_with_keepalived() {
    assert_eq!(EACH_SECOND.master_down(100).as_millis(), 3609);
    assert_eq!(skew(80).as_millis(), 687);
    assert_eq!(EACH_SECOND.wishful_start().as_micros(), 1_003_906);
}

#[test]
fn a_higher_priority_always_waits_less() {
    for priority in 0..255 {
        assert!(skew(priority) > skew(priority + 1), "{priority}");
        assert!(EACH_SECOND.master_down(priority) > EACH_SECOND.master_down(priority + 1));
    }
    assert_eq!(skew(255), Duration::from_secs(1) / 256);
    assert_eq!(skew(0), Duration::from_secs(1));
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
