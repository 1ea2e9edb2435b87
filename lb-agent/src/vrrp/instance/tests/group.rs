//! (state, what the group orders) → actions, next state.

use super::*;

fn member() -> VirtualRouter {
    VirtualRouter {
        sync_group: Some("G1".into()),
        ..VirtualRouter::from(&config())
    }
}

#[test]
fn a_member_wants_to_be_master_and_waits_for_the_others() {
    let mut bench = Bench::of_in(&member(), State::Backup);
    assert_eq!(bench.at(3.7, Input::Timeout), []);
    assert!(bench.machine.wants_master());
    bench.expect_deadline(3.7 + 3.609_375);
    // A master that is heard after all ends the wish.
    bench.at(4.0, advert(HIGHER, 200));
    assert!(!bench.machine.wants_master());
    bench.at(8.0, Input::Timeout);
    bench.at(8.0, Input::GroupMaster);
    assert_eq!(bench.machine.state(), State::Master);
    assert!(!bench.machine.wants_master());
}

#[test]
fn a_worse_master_does_not_end_the_wish() {
    let mut bench = Bench::of_in(&member(), State::Backup);
    bench.at(3.7, Input::Timeout);
    bench.at(4.0, advert(HIGHER, 50));
    assert!(bench.machine.wants_master());
}

#[test]
fn a_master_falls_back_with_its_group_and_hurries_nobody() {
    let mut bench = Bench::of_in(&member(), State::Master);
    assert_eq!(
        bench.at(1.0, Input::GroupBackup),
        [
            Action::Log(LogLine::EnteringBackup),
            Action::Log(LogLine::RemovingVips),
            Action::RemoveAddresses,
            Action::DisarmGate,
            Action::Changed {
                from: State::Master,
                to: State::Backup
            },
        ]
    );
    bench.expect_deadline(4.609_375);
}

#[test]
fn a_fault_of_another_member_is_a_fault_and_not_an_own_one() {
    for state in [State::Backup, State::Master] {
        let mut bench = Bench::of_in(&member(), state);
        bench.at(0.5, Input::GroupFault(true));
        assert_eq!(bench.machine.state(), State::Fault);
        assert!(!bench.machine.has_own_fault());
        bench.at(1.0, Input::GroupFault(false));
        assert_eq!(bench.machine.state(), State::Backup);
        bench.expect_deadline(4.609_375);
    }
    let mut bench = Bench::of_in(&member(), State::Fault);
    assert!(bench.machine.has_own_fault());
    bench.at(1.0, Input::GroupFault(true));
    bench.at(2.0, Input::Source(Some(SELF)));
    assert_eq!(bench.machine.state(), State::Fault, "the group's is left");
}

#[test]
fn what_does_not_concern_a_state_changes_nothing() {
    let orders = [
        Input::GroupMaster,
        Input::GroupBackup,
        Input::GroupAnnounce,
        Input::Rival(Rival::Advertises(LOWER)),
    ];
    for state in [State::Init, State::Fault] {
        for order in orders {
            let mut bench = Bench::of_in(&member(), state);
            assert_eq!(bench.at(0.5, order), [], "{state:?} {order:?}");
            assert_eq!(bench.machine.state(), state);
        }
    }
    for order in [orders[1], orders[2], orders[3]] {
        let mut bench = Bench::of_in(&member(), State::Backup);
        assert_eq!(bench.at(0.5, order), [], "{order:?}");
    }
    let mut bench = Bench::of_in(&member(), State::Master);
    assert_eq!(bench.at(0.5, Input::GroupMaster), []);
}

#[test]
fn a_worse_master_heard_by_another_member_is_answered_by_announcements() {
    let mut bench = Bench::of_in(&member(), State::Master);
    let announces = bench.at(0.5, Input::GroupAnnounce);
    assert!(matches!(announces[..], [Action::Announce { .. }]));
}
