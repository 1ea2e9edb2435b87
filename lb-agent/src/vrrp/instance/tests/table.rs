//! (state, input) → actions, next state, timer, each row with the section that it comes from. Skew of
//! priority 100: 156/256 s.
//!
//! Here are the rows of the RFC; those of FAULT are `fault`'s, those of groups, of what is tracked, of the
//! data plane and of a second master `beyond`'s. `whole` sees to it that none is missing.

use super::*;
use crate::vrrp::settings::Family;

mod beyond;
mod fault;
mod whole;

const SKEW: f64 = 0.609_375;
const DOWN: f64 = 3.0 + SKEW;
const ADVERT: Action = Action::SendAdvert { priority: 100 };
/// Nobody is suspected; the addresses have their turn.
const PROBE: Action = Action::Probe {
    again: None,
    others: 16,
};
const RELEASE: Action = Action::SendAdvert { priority: 0 };
const GARP: Action = Action::Announce {
    address: 0,
    first: true,
};

const fn log(line: LogLine) -> Action {
    Action::Log(line)
}

const fn changed(from: State, to: State) -> Action {
    Action::Changed { from, to }
}

/// Where rows come from.
const INITIALIZE: &str = "RFC 9568 6.4.1";
const BACKUP: &str = "RFC 9568 6.4.2";
const ACTIVE: &str = "RFC 9568 6.4.3";
/// keepalived's fourth state, which no RFC has.
const FAULT: &str = "keepalived.conf(5), FAULT";

/// One row: an input at second 1, and the section that says what follows.
#[track_caller]
fn row(
    section: &str,
    from: State,
    input: Input,
    to: State,
    deadline: Option<f64>,
    actions: &[Action],
) {
    row_of(section, &config(), from, input, to, deadline, actions);
}

#[track_caller]
fn row_of(
    section: &str,
    config: &VrrpInstance,
    from: State,
    input: Input,
    to: State,
    deadline: Option<f64>,
    actions: &[Action],
) {
    let bench = Bench::in_state(config, from);
    check(section, bench, input, to, deadline, actions);
}

/// The row of a machine that stands in its state.
#[track_caller]
fn check(
    section: &str,
    mut bench: Bench,
    input: Input,
    to: State,
    deadline: Option<f64>,
    actions: &[Action],
) {
    let from = bench.machine.state();
    whole::note(from, input);
    assert_eq!(
        bench.at(1.0, input),
        actions,
        "{section}: {from:?} × {input:?}"
    );
    assert_eq!(bench.machine.state(), to, "{section}: {from:?} × {input:?}");
    match deadline {
        Some(deadline) => bench.expect_deadline(deadline),
        None => assert_eq!(bench.deadline(), None, "{section}: {from:?} × {input:?}"),
    }
}

fn yields(line: LogLine, from: IpAddr) -> Vec<Action> {
    vec![
        log(line),
        log(LogLine::EnteringBackup),
        log(LogLine::RemovingVips),
        Action::RemoveAddresses,
        Action::DisarmGate,
        log(LogLine::MasterSet(from)),
        changed(State::Master, State::Backup),
    ]
}

fn falls(to_log: &[LogLine]) -> Vec<Action> {
    let mut actions = vec![
        RELEASE,
        log(LogLine::SentRelease),
        log(LogLine::RemovingVips),
        Action::RemoveAddresses,
        Action::DisarmGate,
    ];
    actions.extend(to_log.iter().copied().map(log));
    actions.push(changed(State::Master, State::Fault));
    actions
}

#[test]
fn init() {
    use State::{Backup, Init};
    let begins = [
        log(LogLine::RemovingVips),
        Action::RemoveResidual,
        Action::DisarmGate,
        log(LogLine::EnteringBackupInit),
        changed(Init, Backup),
    ];
    row(
        INITIALIZE,
        Init,
        Input::Start,
        Backup,
        Some(1.0 + DOWN),
        &begins,
    );
    let wish = VrrpInstance {
        state: InitialState::Master,
        ..config()
    };
    row_of(
        INITIALIZE,
        &wish,
        Init,
        Input::Start,
        Backup,
        Some(2.0 + 1.0 / 256.0),
        &begins,
    );
    let owner = VrrpInstance {
        priority: 255,
        ..wish
    };
    row_of(
        INITIALIZE,
        &owner,
        Init,
        Input::Start,
        Backup,
        Some(1.0),
        &begins,
    );

    row(INITIALIZE, Init, advert(HIGHER, 200), Init, None, &[]);
    row(INITIALIZE, Init, Input::Timeout, Init, None, &[]);
    row(
        FAULT,
        Init,
        Input::Interface(Interface::Up),
        Init,
        None,
        &[],
    );
    row(
        FAULT,
        Init,
        Input::Interface(Interface::Down),
        Init,
        None,
        &[],
    );
    row(
        FAULT,
        Init,
        Input::Interface(Interface::Missing),
        Init,
        None,
        &[],
    );
    row(FAULT, Init, Input::Source(None), Init, None, &[]);
    row(FAULT, Init, Input::Source(Some(HIGHER)), Init, None, &[]);
    row(FAULT, Init, Input::VmacNameTaken(true), Init, None, &[]);
    row(FAULT, Init, Input::VmacNameTaken(false), Init, None, &[]);
    row(INITIALIZE, Init, Input::Shutdown, Init, None, &[]);
}

#[test]
fn init_with_a_fault() {
    for (input, reason) in [
        (Input::Interface(Interface::Down), None),
        (Input::Interface(Interface::Missing), None),
        (Input::VmacNameTaken(true), None),
        (Input::GroupFault(true), None),
        (Input::Source(None), Some(LogLine::NoAddress(Family::V4))),
    ] {
        let mut bench = Bench::new(&config());
        bench.at(0.0, input);
        let mut expected = vec![
            log(LogLine::RemovingVips),
            Action::RemoveResidual,
            Action::DisarmGate,
        ];
        expected.extend(reason.map(log));
        expected.push(log(LogLine::EnteringFaultInit));
        expected.push(changed(State::Init, State::Fault));
        assert_eq!(bench.at(1.0, Input::Start), expected);
        assert_eq!(
            (bench.machine.state(), bench.deadline()),
            (State::Fault, None)
        );
    }
}

#[test]
fn backup() {
    use State::{Backup, Fault, Init, Master};
    let down = Some(DOWN);
    let set = log(LogLine::MasterSet(HIGHER));
    row(BACKUP, Backup, Input::Start, Backup, down, &[]);
    row(
        BACKUP,
        Backup,
        advert(HIGHER, 200),
        Backup,
        Some(1.0 + DOWN),
        &[set],
    );
    row(
        BACKUP,
        Backup,
        advert(HIGHER, 100),
        Backup,
        Some(1.0 + DOWN),
        &[set],
    );
    let released = [log(LogLine::BackupReceivedRelease)];
    row(
        BACKUP,
        Backup,
        advert(HIGHER, 0),
        Backup,
        Some(1.0 + SKEW),
        &released,
    );
    let discarding = log(LogLine::Discarding {
        source: HIGHER,
        priority: 99,
    });
    row(
        BACKUP,
        Backup,
        advert(HIGHER, 99),
        Backup,
        down,
        &[discarding, set],
    );
    row(
        BACKUP,
        Backup,
        Input::Timeout,
        Master,
        Some(2.0),
        &[
            ADVERT,
            Action::ArmGate,
            log(LogLine::AdvertTimeout),
            log(LogLine::EnteringMaster),
            log(LogLine::SettingVips),
            Action::AddAddresses,
            GARP,
            changed(Backup, Master),
        ],
    );
    row(
        FAULT,
        Backup,
        Input::Interface(Interface::Up),
        Backup,
        down,
        &[],
    );
    let faulty = [log(LogLine::EnteringFault), changed(Backup, Fault)];
    row(
        FAULT,
        Backup,
        Input::Interface(Interface::Down),
        Fault,
        None,
        &faulty,
    );
    row(
        FAULT,
        Backup,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &faulty,
    );
    row(
        FAULT,
        Backup,
        Input::VmacNameTaken(true),
        Fault,
        None,
        &faulty,
    );
    row(
        FAULT,
        Backup,
        Input::VmacNameTaken(false),
        Backup,
        down,
        &[],
    );
    row(
        FAULT,
        Backup,
        Input::Source(Some(HIGHER)),
        Backup,
        down,
        &[],
    );
    let no_address = [
        log(LogLine::NoAddress(Family::V4)),
        log(LogLine::EnteringFault),
        changed(Backup, Fault),
    ];
    row(FAULT, Backup, Input::Source(None), Fault, None, &no_address);
    row(
        BACKUP,
        Backup,
        Input::Shutdown,
        Init,
        None,
        &[changed(Backup, Init)],
    );
}

#[test]
fn master() {
    use State::{Fault, Init, Master};
    let next = Some(1.0);
    row(ACTIVE, Master, Input::Start, Master, next, &[]);
    row(
        ACTIVE,
        Master,
        Input::Timeout,
        Master,
        Some(2.0),
        &[ADVERT, PROBE],
    );
    let other = log(LogLine::MasterReceivedRelease);
    row(
        ACTIVE,
        Master,
        advert(HIGHER, 0),
        Master,
        Some(2.0),
        &[ADVERT, PROBE, other],
    );
    for (source, priority) in [(HIGHER, 99), (LOWER, 100)] {
        let line = LogLine::LowerPriority {
            source,
            priority,
            ours: 100,
            answered: true,
        };
        let answer = [ADVERT, PROBE, log(line), GARP, Action::LowerPriority];
        row(
            ACTIVE,
            Master,
            advert(source, priority),
            Master,
            Some(2.0),
            &answer,
        );
    }
    row(
        ACTIVE,
        Master,
        advert(SELF, 100),
        Master,
        next,
        &[log(LogLine::OurAddress)],
    );
    row(
        FAULT,
        Master,
        Input::Interface(Interface::Up),
        Master,
        next,
        &[],
    );
    let down = falls(&[LogLine::EnteringFault]);
    row(
        FAULT,
        Master,
        Input::Interface(Interface::Down),
        Fault,
        None,
        &down,
    );
    row(
        FAULT,
        Master,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &down,
    );
    row(
        FAULT,
        Master,
        Input::VmacNameTaken(true),
        Fault,
        None,
        &down,
    );
    row(
        FAULT,
        Master,
        Input::VmacNameTaken(false),
        Master,
        next,
        &[],
    );
    row(
        FAULT,
        Master,
        Input::Source(Some(HIGHER)),
        Master,
        next,
        &[],
    );
    let no_address = falls(&[LogLine::NoAddress(Family::V4), LogLine::EnteringFault]);
    row(FAULT, Master, Input::Source(None), Fault, None, &no_address);
    row(
        ACTIVE,
        Master,
        Input::Shutdown,
        Init,
        None,
        &[
            RELEASE,
            log(LogLine::SentRelease),
            log(LogLine::RemovingVips),
            Action::RemoveAddresses,
            Action::DisarmGate,
            changed(Master, Init),
        ],
    );
}

#[test]
fn a_master_yields() {
    use State::{Backup, Master};
    let higher = LogLine::HigherPriority {
        source: LOWER,
        priority: 101,
        ours: 100,
    };
    let input = advert(LOWER, 101);
    row(
        ACTIVE,
        Master,
        input,
        Backup,
        Some(1.0 + DOWN),
        &yields(higher, LOWER),
    );
    let address = LogLine::HigherAddress {
        source: HIGHER,
        priority: 100,
    };
    row(
        ACTIVE,
        Master,
        advert(HIGHER, 100),
        Backup,
        Some(1.0 + DOWN),
        &yields(address, HIGHER),
    );

    let insistent = VrrpInstance {
        higher_prio_send_advert: true,
        ..config()
    };
    let mut actions = yields(higher, LOWER);
    actions.insert(0, ADVERT);
    row_of(
        ACTIVE,
        &insistent,
        Master,
        input,
        Backup,
        Some(1.0 + DOWN),
        &actions,
    );
}

#[test]
fn lower_prio_no_advert_only_refreshes_the_network() {
    let config = VrrpInstance {
        lower_prio_no_advert: true,
        ..config()
    };
    let line = LogLine::LowerPriority {
        source: LOWER,
        priority: 99,
        ours: 100,
        answered: false,
    };
    let state = State::Master;
    row_of(
        ACTIVE,
        &config,
        state,
        advert(LOWER, 99),
        state,
        Some(1.0),
        &[log(line), GARP, Action::LowerPriority],
    );
}

#[test]
fn adverts_keep_their_rhythm_though_one_is_late() {
    let mut bench = Bench::in_state(&config(), State::Master);
    bench.at(1.25, Input::Timeout);
    bench.expect_deadline(2.0);
    // More than a whole interval late: no burst of adverts to make up for it.
    bench.at(5.5, Input::Timeout);
    bench.expect_deadline(6.5);
}

#[test]
fn the_second_burst_comes_after_garp_master_delay() {
    let mut bench = Bench::in_state(&config(), State::Master);
    let now = bench.start + seconds(5.0);
    bench.machine.handle_timeout(now);
    assert_eq!(bench.actions(), [ADVERT, PROBE, GARP]);
}

#[test]
fn a_change_of_the_master_is_said() {
    let mut bench = Bench::in_state(&config(), State::Backup);
    assert_eq!(
        bench.at(0.1, advert(LOWER, 200)),
        [log(LogLine::MasterSet(LOWER))]
    );
    assert_eq!(bench.at(0.2, advert(LOWER, 210)), []);
    let line = LogLine::MasterChanged {
        from: LOWER,
        to: HIGHER,
    };
    assert_eq!(bench.at(0.3, advert(HIGHER, 220)), [log(line)]);
    assert_eq!(
        bench.machine.master(),
        Some(Advert {
            source: HIGHER,
            priority: 220,
            adver_int: seconds(1.0),
        })
    );
}
