//! The rows that no RFC has: sync groups, what is tracked, a data plane that is awaited, somebody
//! else with our addresses. Rows with more than one input have files of their own beside the table.

use super::*;
use crate::vrrp::settings::{Kind, Tracked};

const GROUP: &str = "keepalived.conf(5), vrrp_sync_group";
const TRACK: &str = "keepalived.conf(5), weight";
const ATTACH: &str = "docs/configuration.md, xdp_attach";
const SPLIT: &str = "docs/dump.md, split_brain";

/// Every row of this file.
pub(super) fn all() {
    orders_of_the_group();
    faults_of_the_group();
    what_is_tracked();
    an_awaited_data_plane();
    somebody_else_with_our_addresses();
}

const STATES: [State; 4] = [State::Init, State::Backup, State::Master, State::Fault];

/// The timer of a state that an input leaves alone.
const fn undisturbed(state: State) -> Option<f64> {
    match state {
        State::Init | State::Fault => None,
        State::Backup => Some(DOWN),
        State::Master => Some(1.0),
    }
}

fn member() -> VirtualRouter {
    VirtualRouter {
        sync_group: Some("G1".into()),
        ..VirtualRouter::from(&config())
    }
}

/// A row of the member of a group.
#[track_caller]
fn member_row(from: State, input: Input, to: State, deadline: Option<f64>, actions: &[Action]) {
    let bench = Bench::of_in(&member(), from);
    check(GROUP, bench, input, to, deadline, actions);
}

/// Rows of what does not concern these states.
#[track_caller]
fn nothing(section: &str, router: &VirtualRouter, states: &[State], input: Input) {
    for state in states {
        let bench = Bench::of_in(router, *state);
        check(section, bench, input, *state, undisturbed(*state), &[]);
    }
}

#[test]
fn orders_of_the_group() {
    use State::{Backup, Fault, Init, Master};
    nothing(GROUP, &member(), &[Init, Master, Fault], Input::GroupMaster);
    let takes_over = [
        ADVERT,
        Action::ArmGate,
        log(LogLine::AdvertTimeout),
        log(LogLine::EnteringMaster),
        log(LogLine::SettingVips),
        Action::AddAddresses,
        GARP,
        changed(Backup, Master),
    ];
    member_row(Backup, Input::GroupMaster, Master, Some(2.0), &takes_over);

    nothing(GROUP, &member(), &[Init, Backup, Fault], Input::GroupBackup);
    // Priority 0 is not sent: nobody is to be hurried.
    let falls_back = [
        log(LogLine::EnteringBackup),
        log(LogLine::RemovingVips),
        Action::RemoveAddresses,
        Action::DisarmGate,
        changed(Master, Backup),
    ];
    let deadline = Some(1.0 + DOWN);
    member_row(Master, Input::GroupBackup, Backup, deadline, &falls_back);

    let elsewhere = [Init, Backup, Fault];
    nothing(GROUP, &member(), &elsewhere, Input::GroupAnnounce);
    let next = undisturbed(Master);
    member_row(Master, Input::GroupAnnounce, Master, next, &[GARP]);
}

#[test]
fn faults_of_the_group() {
    use State::{Backup, Fault, Init, Master};
    nothing(GROUP, &member(), &STATES, Input::GroupFault(false));
    nothing(GROUP, &member(), &[Init, Fault], Input::GroupFault(true));
    let faulty = [log(LogLine::EnteringFault), changed(Backup, Fault)];
    member_row(Backup, Input::GroupFault(true), Fault, None, &faulty);
    let falls = falls(&[LogLine::EnteringFault]);
    member_row(Master, Input::GroupFault(true), Fault, None, &falls);
}

#[test]
fn what_is_tracked() {
    let tracked = Tracked {
        kind: Kind::Script,
        name: "check".into(),
        weight: -30,
        reverse: false,
    };
    let router = VirtualRouter {
        tracked: vec![tracked],
        ..VirtualRouter::from(&config())
    };
    let of = |place, status| Input::Tracked { place, status };
    let (from, to) = (100, 70);
    let moved = [
        log(LogLine::PriorityChanged { from, to }),
        Action::Priority { from, to },
    ];
    for state in STATES {
        // A BACKUP's timer moves with its skew: 186/256 s instead of 156/256 s.
        let deadline = match state {
            State::Backup => Some(DOWN + 30.0 / 256.0),
            State::Init | State::Master | State::Fault => undisturbed(state),
        };
        let bench = Bench::of_in(&router, state);
        check(TRACK, bench, of(0, Status::Down), state, deadline, &moved);
    }
    nothing(TRACK, &router, &STATES, of(0, Status::Up));
    nothing(TRACK, &router, &STATES, of(1, Status::Down));
}

#[test]
fn an_awaited_data_plane() {
    use State::{Backup, Fault, Init, Master};
    let at_once = VirtualRouter::from(&config());
    nothing(ATTACH, &at_once, &STATES, Input::Attached);
    let awaits = VirtualRouter {
        xdp_attach_master: true,
        ..at_once
    };
    nothing(ATTACH, &awaits, &[Init, Backup, Fault], Input::Attached);
    let bench = Bench::of_in(&awaits, Master);
    let sets = [log(LogLine::SettingVips), Action::AddAddresses, GARP];
    let next = undisturbed(Master);
    check(ATTACH, bench, Input::Attached, Master, next, &sets);
}

/// One sign of a second master proves nothing; from when on it does, `split` has.
#[test]
fn somebody_else_with_our_addresses() {
    let router = VirtualRouter::from(&config());
    let rival = Input::Rival(Rival::Advertises(LOWER));
    nothing(SPLIT, &router, &STATES, rival);
}
