use super::*;

const NOW: Duration = Duration::new(1_700_000_000, 500_000_000);
const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn config(anti_replay: HmacReplay) -> AuthHmac {
    AuthHmac {
        anti_replay,
        ..AuthHmac::default()
    }
}

const fn later(seconds: u64) -> Duration {
    Duration::new(NOW.as_secs() + seconds, NOW.subsec_nanos())
}

#[test]
fn half_a_second_is_half_of_sixteen_bits() {
    assert_eq!(sequence_of(NOW), (1_700_000_000 << 32) | 0x8000_0000);
}

#[test]
fn numbers_grow_also_when_the_clock_stands_or_goes_back_a_little() {
    let mut sequences = Sequences::default();
    let config = config(HmacReplay::Time);
    let times = [later(10), later(10), later(9), later(2), later(11)];
    let numbers = times.map(|time| sequences.next(&config, time));
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:x?}");
    assert_eq!(numbers[4], sequence_of(later(11)));
}

#[test]
fn a_clock_that_was_wrong_by_hours_is_followed_back_by_time_and_not_by_counting() {
    for (anti_replay, follows) in [(HmacReplay::Time, true), (HmacReplay::Monotonic, false)] {
        let mut sequences = Sequences::default();
        let config = config(anti_replay);
        let wrong = sequences.next(&config, later(7200));
        let right = sequences.next(&config, NOW);
        assert_eq!(right == sequence_of(NOW), follows, "{anti_replay:?}");
        assert_eq!(right == wrong + 1, !follows, "{anti_replay:?}");
    }
}

#[test]
fn what_was_heard_is_not_heard_again() {
    let mut sequences = Sequences::default();
    let config = config(HmacReplay::Time);
    let first = sequence_of(NOW);
    assert!(is_new(&config, sequences.last_of(A), first, NOW));
    sequences.note(A, first);
    assert!(!is_new(&config, sequences.last_of(A), first, NOW));
    assert!(!is_new(&config, sequences.last_of(A), first - 1, NOW));
    assert!(is_new(&config, sequences.last_of(A), first + 1, NOW));
    let other: IpAddr = "10.0.0.2".parse().unwrap();
    assert!(is_new(&config, sequences.last_of(other), first, NOW));
}

#[test]
fn a_number_far_from_now_shuts_nobody_out_but_when_counting() {
    for (anti_replay, may) in [(HmacReplay::Time, true), (HmacReplay::Monotonic, false)] {
        let mut sequences = Sequences::default();
        sequences.note(A, sequence_of(later(7200)));
        let config = config(anti_replay);
        let new = is_new(&config, sequences.last_of(A), sequence_of(NOW), NOW);
        assert_eq!(new, may, "{anti_replay:?}");
    }
}

#[test]
fn the_sender_that_was_heard_longest_ago_is_forgotten_first() {
    let mut sequences = Sequences::default();
    let config = config(HmacReplay::Monotonic);
    let sender = |last| IpAddr::from([10, 0, 0, last]);
    for last in 1..=5 {
        sequences.note(sender(last), 100);
    }
    assert!(is_new(&config, sequences.last_of(sender(1)), 100, NOW));
    assert!(!is_new(&config, sequences.last_of(sender(2)), 100, NOW));
}

#[test]
fn an_age_is_counted_the_nearer_way_round() {
    assert_eq!(age(sequence_of(NOW), later(5)), 5);
    assert_eq!(age(sequence_of(later(5)), NOW), -5);
    assert_eq!(age(u64::MAX, Duration::from_secs(1 << 32)), 1);
}
