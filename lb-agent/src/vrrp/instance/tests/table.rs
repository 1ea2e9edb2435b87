//! (state, input) → actions, next state, timer. Skew of priority 100: 156/256 s.

use super::*;
use crate::vrrp::settings::Family;

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

/// One row: an input at second 1.
#[track_caller]
fn row(from: State, input: Input, to: State, deadline: Option<f64>, actions: &[Action]) {
    row_of(&config(), from, input, to, deadline, actions);
}

#[track_caller]
fn row_of(
    config: &VrrpInstance,
    from: State,
    input: Input,
    to: State,
    deadline: Option<f64>,
    actions: &[Action],
) {
    let mut bench = Bench::in_state(config, from);
    assert_eq!(bench.at(1.0, input), actions, "{from:?} × {input:?}");
    assert_eq!(bench.machine.state(), to, "{from:?} × {input:?}");
    match deadline {
        Some(deadline) => bench.expect_deadline(deadline),
        None => assert_eq!(bench.deadline(), None, "{from:?} × {input:?}"),
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
    row(Init, Input::Start, Backup, Some(1.0 + DOWN), &begins);
    let wish = VrrpInstance {
        state: InitialState::Master,
        ..config()
    };
    row_of(
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
    row_of(&owner, Init, Input::Start, Backup, Some(1.0), &begins);

    row(Init, advert(HIGHER, 200), Init, None, &[]);
    row(Init, Input::Timeout, Init, None, &[]);
    row(Init, Input::Interface(Interface::Up), Init, None, &[]);
    row(Init, Input::Interface(Interface::Down), Init, None, &[]);
    row(Init, Input::Interface(Interface::Missing), Init, None, &[]);
    row(Init, Input::Source(None), Init, None, &[]);
    row(Init, Input::Source(Some(HIGHER)), Init, None, &[]);
    row(Init, Input::VmacNameTaken(true), Init, None, &[]);
    row(Init, Input::VmacNameTaken(false), Init, None, &[]);
    row(Init, Input::Shutdown, Init, None, &[]);
}

#[test]
fn init_with_a_fault() {
    for (input, reason) in [
        (Input::Interface(Interface::Down), None),
        (Input::Interface(Interface::Missing), None),
        (Input::VmacNameTaken(true), None),
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
    row(Backup, Input::Start, Backup, down, &[]);
    row(
        Backup,
        advert(HIGHER, 200),
        Backup,
        Some(1.0 + DOWN),
        &[set],
    );
    row(
        Backup,
        advert(HIGHER, 100),
        Backup,
        Some(1.0 + DOWN),
        &[set],
    );
    let released = [log(LogLine::BackupReceivedRelease)];
    row(
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
    row(Backup, advert(HIGHER, 99), Backup, down, &[discarding, set]);
    row(
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
    row(Backup, Input::Interface(Interface::Up), Backup, down, &[]);
    let faulty = [log(LogLine::EnteringFault), changed(Backup, Fault)];
    row(
        Backup,
        Input::Interface(Interface::Down),
        Fault,
        None,
        &faulty,
    );
    row(
        Backup,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &faulty,
    );
    row(Backup, Input::VmacNameTaken(true), Fault, None, &faulty);
    row(Backup, Input::VmacNameTaken(false), Backup, down, &[]);
    row(Backup, Input::Source(Some(HIGHER)), Backup, down, &[]);
    let no_address = [
        log(LogLine::NoAddress(Family::V4)),
        log(LogLine::EnteringFault),
        changed(Backup, Fault),
    ];
    row(Backup, Input::Source(None), Fault, None, &no_address);
    row(
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
    row(Master, Input::Start, Master, next, &[]);
    row(Master, Input::Timeout, Master, Some(2.0), &[ADVERT, PROBE]);
    let other = log(LogLine::MasterReceivedRelease);
    row(
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
        row(Master, advert(source, priority), Master, Some(2.0), &answer);
    }
    row(
        Master,
        advert(SELF, 100),
        Master,
        next,
        &[log(LogLine::OurAddress)],
    );
    row(Master, Input::Interface(Interface::Up), Master, next, &[]);
    let down = falls(&[LogLine::EnteringFault]);
    row(
        Master,
        Input::Interface(Interface::Down),
        Fault,
        None,
        &down,
    );
    row(
        Master,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &down,
    );
    row(Master, Input::VmacNameTaken(true), Fault, None, &down);
    row(Master, Input::VmacNameTaken(false), Master, next, &[]);
    row(Master, Input::Source(Some(HIGHER)), Master, next, &[]);
    let no_address = falls(&[LogLine::NoAddress(Family::V4), LogLine::EnteringFault]);
    row(Master, Input::Source(None), Fault, None, &no_address);
    row(
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
        &insistent,
        Master,
        input,
        Backup,
        Some(1.0 + DOWN),
        &actions,
    );
}

#[test]
fn fault() {
    use State::{Backup, Fault, Init};
    row(Fault, Input::Start, Fault, None, &[]);
    row(Fault, advert(HIGHER, 200), Fault, None, &[]);
    row(Fault, advert(HIGHER, 0), Fault, None, &[]);
    row(Fault, Input::Timeout, Fault, None, &[]);
    row(Fault, Input::Interface(Interface::Up), Fault, None, &[]);
    row(Fault, Input::Interface(Interface::Down), Fault, None, &[]);
    row(
        Fault,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &[],
    );
    row(Fault, Input::VmacNameTaken(true), Fault, None, &[]);
    row(Fault, Input::VmacNameTaken(false), Fault, None, &[]);
    row(Fault, Input::Source(None), Fault, None, &[]);
    let recovers = [log(LogLine::EnteringBackup), changed(Fault, Backup)];
    row(
        Fault,
        Input::Source(Some(SELF)),
        Backup,
        Some(1.0 + DOWN),
        &recovers,
    );
    row(Fault, Input::Shutdown, Init, None, &[changed(Fault, Init)]);

    // The wish of `state MASTER` is for the start only.
    let wish = VrrpInstance {
        state: InitialState::Master,
        ..config()
    };
    let back = Input::Source(Some(SELF));
    row_of(&wish, Fault, back, Backup, Some(1.0 + DOWN), &recovers);
    let owner = VrrpInstance {
        priority: 255,
        ..wish
    };
    row_of(
        &owner,
        Fault,
        back,
        Backup,
        Some(2.0 + 1.0 / 256.0),
        &recovers,
    );

    let unicast = VrrpInstance {
        unicast_peer: vec![LOWER],
        ..config()
    };
    let refreshes = [Action::AnnounceSource, recovers[0], recovers[1]];
    row_of(&unicast, Fault, back, Backup, Some(1.0 + DOWN), &refreshes);
}

#[test]
fn an_instance_leaves_fault_only_when_the_last_reason_is_gone() {
    let mut bench = Bench::in_state(&config(), State::Backup);
    bench.at(1.0, Input::Source(None));
    bench.at(2.0, Input::Interface(Interface::Down));
    assert_eq!(bench.at(3.0, Input::Source(Some(SELF))), []);
    assert_eq!(
        bench.machine.faults().iter().collect::<Vec<_>>(),
        [&Fault::InterfaceDown]
    );
    bench.at(4.0, Input::Interface(Interface::Up));
    assert_eq!(bench.machine.state(), State::Backup);
    bench.expect_deadline(4.0 + DOWN);
}

#[test]
fn dont_track_primary_minds_only_that_the_interface_exists() {
    let config = VrrpInstance {
        dont_track_primary: true,
        ..config()
    };
    let mut bench = Bench::in_state(&config, State::Master);
    assert_eq!(bench.at(0.5, Input::Interface(Interface::Down)), []);
    assert_eq!(bench.machine.state(), State::Master);
    bench.at(0.6, Input::Interface(Interface::Missing));
    assert_eq!(bench.machine.state(), State::Fault);
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
