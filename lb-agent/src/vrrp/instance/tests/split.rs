//! Two masters at once.

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100));

#[expect(
    clippy::option_option,
    reason = "said that there is none, or said nothing"
)]
fn said(actions: &[Action]) -> Option<Option<Rival>> {
    actions.iter().find_map(|action| match action {
        Action::SplitBrain(rival) => Some(*rival),
        _ => None,
    })
}

#[test]
fn a_worse_master_that_goes_on_is_a_split_brain_within_three_intervals() {
    let mut bench = Bench::in_state(&config(), State::Master);
    assert_eq!(said(&bench.at(0.5, advert(LOWER, 90))), None);
    assert_eq!(said(&bench.at(1.5, advert(LOWER, 90))), None);
    let rival = Rival::Advertises(LOWER);
    assert_eq!(said(&bench.at(2.5, advert(LOWER, 90))), Some(Some(rival)));
    assert_eq!(bench.machine.rival(), Some(rival));
    assert_eq!(said(&bench.at(3.5, advert(LOWER, 90))), None, "said once");
}

#[test]
fn a_worse_master_that_yields_is_none() {
    let mut bench = Bench::in_state(&config(), State::Master);
    for second in [0.5, 1.5, 10.5, 11.5, 30.5] {
        assert_eq!(said(&bench.at(second, advert(LOWER, 90))), None, "{second}");
    }
}

#[test]
fn somebody_who_answers_for_our_address_twice_is_one() {
    let mut bench = Bench::in_state(&config(), State::Master);
    let rival = Rival::Answers {
        address: VIP,
        mac: MAC,
    };
    assert_eq!(said(&bench.at(0.5, Input::Rival(rival))), None);
    assert_eq!(said(&bench.at(1.5, Input::Rival(rival))), Some(Some(rival)));
}

#[test]
fn when_it_heals_the_winner_announces_its_addresses_again() {
    let mut bench = Bench::in_state(&config(), State::Master);
    for second in [0.5, 1.5, 2.5] {
        bench.at(second, advert(LOWER, 90));
    }
    // Own adverts go on; nothing more is heard for 3.5 s.
    for second in [3.5, 4.5, 5.5] {
        bench.machine.handle_timeout(bench.start + seconds(second));
        assert_eq!(said(&bench.actions()), None);
    }
    bench.machine.handle_timeout(bench.start + seconds(6.01));
    let actions = bench.actions();
    assert_eq!(said(&actions), Some(None));
    assert!(actions.contains(&Action::Log(LogLine::SplitBrainHealed)));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Announce { .. }))
    );
    assert_eq!(bench.machine.rival(), None);
}

#[test]
fn a_master_that_yields_has_no_rival_any_more() {
    let mut bench = Bench::in_state(&config(), State::Master);
    for second in [0.5, 1.5, 2.5] {
        bench.at(second, advert(LOWER, 90));
    }
    let yields = bench.at(3.0, advert(HIGHER, 200));
    assert_eq!(said(&yields), Some(None));
    // One that had none says nothing.
    let mut bench = Bench::in_state(&config(), State::Master);
    assert_eq!(said(&bench.at(3.0, advert(HIGHER, 200))), None);
}

/// MASTER, with another interval.
fn master_at(interval: f64) -> Bench {
    let mut router = VirtualRouter::from(&config());
    router.version = crate::vrrp::settings::Version::V3;
    router.advert_int = seconds(interval);
    router.settle();
    Bench::of_in(&router, State::Master)
}

/// What is asked for with the adverts from `first` to `last`, counted in intervals.
fn probes(bench: &mut Bench, interval: f64, (first, last): (u32, u32)) -> Vec<Action> {
    let mut probes = Vec::new();
    for advert in first..=last {
        let at = bench.start + seconds(f64::from(advert) * interval);
        bench.machine.handle_timeout(at);
        let actions = bench.actions();
        let is_probe = |action: &Action| matches!(action, Action::Probe { .. });
        probes.extend(actions.into_iter().filter(is_probe));
    }
    probes
}

#[test]
fn probes_go_with_the_adverts_but_not_more_often_than_ten_times_a_second() {
    for (interval, others) in [(10.0, 16), (1.0, 16), (0.5, 8), (0.1, 1)] {
        let mut bench = master_at(interval);
        let probe = Action::Probe {
            again: None,
            others,
        };
        let probes = probes(&mut bench, interval, (1, 5));
        assert_eq!(probes, [probe; 5], "{interval}");
    }
    let mut bench = master_at(0.01);
    let probes = probes(&mut bench, 0.01, (1, 100));
    assert!((10..=12).contains(&probes.len()), "{}", probes.len());
}

#[test]
fn what_was_answered_for_is_asked_for_again_with_the_next_advert() {
    let mut bench = master_at(0.02);
    probes(&mut bench, 0.02, (1, 1));
    let rival = Rival::Answers {
        address: VIP,
        mac: MAC,
    };
    bench.at(0.03, Input::Rival(rival));
    let again = Action::Probe {
        again: Some(VIP),
        others: 0,
    };
    assert_eq!(probes(&mut bench, 0.02, (2, 2)), [again]);
    assert_eq!(
        said(&bench.at(0.05, Input::Rival(rival))),
        Some(Some(rival))
    );
    // It is certain: from here on there is time, but this address is always among those asked for.
    let later = probes(&mut bench, 0.02, (3, 52));
    assert!((9..=12).contains(&later.len()), "{}", later.len());
    for probe in later {
        assert!(
            matches!(
                probe,
                Action::Probe {
                    again: Some(VIP),
                    ..
                }
            ),
            "{probe:?}"
        );
    }
}

#[test]
fn one_answer_each_for_two_addresses_proves_nothing() {
    let mut bench = Bench::in_state(&config(), State::Master);
    let answers = |address| Input::Rival(Rival::Answers { address, mac: MAC });
    let other = IpAddr::from([10, 0, 0, 101]);
    assert_eq!(said(&bench.at(0.5, answers(VIP))), None);
    assert_eq!(said(&bench.at(0.5, answers(other))), None);
    // Nobody answers for the first one any more: the other is suspected then.
    assert_eq!(said(&bench.at(4.5, answers(other))), None);
    assert!(said(&bench.at(5.5, answers(other))).is_some());
}
