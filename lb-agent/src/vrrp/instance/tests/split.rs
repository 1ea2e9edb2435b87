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

#[test]
fn probes_go_with_the_adverts_but_not_more_often_than_once_a_second() {
    let mut router = VirtualRouter::from(&config());
    router.version = crate::vrrp::settings::Version::V3;
    router.advert_int = seconds(0.1);
    router.settle();
    let mut bench = Bench::of_in(&router, State::Master);
    let mut probes = 0;
    for tenth in 1..=50 {
        bench
            .machine
            .handle_timeout(bench.start + seconds(f64::from(tenth) / 10.0));
        let actions = bench.actions();
        probes += actions.iter().filter(|it| **it == Action::Probe).count();
    }
    assert!((5..=6).contains(&probes), "{probes}");
}
