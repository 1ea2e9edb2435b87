//! A program that ran late: is it still MASTER?

use super::*;

/// Priority 100 and one second: a router of 254 takes over after 3 s and 2/256 s.
fn master(timer_expired_backup: Option<u8>) -> Bench {
    let config = VrrpInstance {
        timer_expired_backup,
        ..config()
    };
    Bench::in_state(&config, State::Master)
}

#[test]
fn an_advert_that_comes_after_another_router_took_over_is_not_sent() {
    let mut bench = master(Some(254));
    // The last one was sent at 0; the next is due at 1.
    let actions = bench.at(3.1, Input::Timeout);
    assert!(
        !actions
            .iter()
            .any(|it| matches!(it, Action::SendAdvert { .. }))
    );
    assert!(actions.contains(&Action::RemoveAddresses));
    assert_eq!(bench.machine.state(), State::Backup);
}

#[test]
fn one_that_comes_before_is_sent_and_so_is_every_one_without_the_keyword() {
    for (keyword, at) in [(Some(254), 3.0), (Some(1), 3.9), (None, 9.0)] {
        let mut bench = master(keyword);
        bench.at(at, Input::Timeout);
        assert_eq!(bench.machine.state(), State::Master, "{keyword:?}");
    }
}
