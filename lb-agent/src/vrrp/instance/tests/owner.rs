//! Two routers of priority 255.

use super::*;

fn owner() -> Bench {
    let config = VrrpInstance {
        priority: 255,
        state: InitialState::Master,
        ..config()
    };
    Bench::in_state(&config, State::Master)
}

#[test]
fn the_owner_at_the_lower_address_yields_and_says_whose_fault_it_is() {
    let mut bench = owner();
    let actions = bench.at(0.5, advert(HIGHER, 255));
    assert_eq!(
        actions[0],
        Action::Log(LogLine::BothOwners { source: HIGHER })
    );
    assert_eq!(bench.machine.state(), State::Backup);
}

#[test]
fn the_owner_at_the_higher_address_stays_while_the_other_may_still_yield() {
    let mut bench = owner();
    let first = bench.at(0.5, advert(LOWER, 255));
    assert_eq!(first[0], Action::Log(LogLine::BothOwners { source: LOWER }));
    let second = bench.at(1.5, advert(LOWER, 255));
    assert!(!second.contains(&first[0]), "said once");
    bench.at(3.6, advert(LOWER, 255));
    assert_eq!(
        (bench.machine.state(), bench.machine.effective_priority()),
        (State::Master, 255)
    );
}

#[test]
fn an_owner_that_does_not_yield_gets_its_way_and_we_are_owner_again_after_it() {
    let mut bench = owner();
    for second in [0.5, 1.5, 2.5, 3.5] {
        bench.at(second, advert(LOWER, 255));
    }
    let actions = bench.at(4.5, advert(LOWER, 255));
    assert!(actions.contains(&Action::Log(LogLine::StillOwner { source: LOWER })));
    assert_eq!(
        (bench.machine.state(), bench.machine.effective_priority()),
        (State::Backup, 254)
    );
    // Both would fight again if 255 came back while the other is heard.
    bench.at(5.5, advert(LOWER, 255));
    assert_eq!(bench.machine.effective_priority(), 254);
    bench.at(9.0, Input::Timeout);
    assert_eq!(
        (bench.machine.state(), bench.machine.effective_priority()),
        (State::Master, 255)
    );
}

#[test]
fn an_owner_that_was_corrected_leaves_us_ours() {
    let mut bench = owner();
    for second in [0.5, 1.5, 2.5, 3.5, 4.5] {
        bench.at(second, advert(LOWER, 255));
    }
    bench.at(5.0, advert(LOWER, 100));
    assert_eq!(bench.machine.effective_priority(), 255);
}

#[test]
fn two_separate_conflicts_are_two() {
    let mut bench = owner();
    bench.at(0.5, advert(LOWER, 255));
    let later = bench.at(100.0, advert(LOWER, 255));
    assert_eq!(later[0], Action::Log(LogLine::BothOwners { source: LOWER }));
    assert_eq!(bench.machine.effective_priority(), 255);
}
