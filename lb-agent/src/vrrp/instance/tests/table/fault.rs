//! The rows of FAULT, and how an instance leaves it.

use super::*;

#[test]
pub(super) fn fault() {
    use State::{Backup, Fault, Init};
    row(FAULT, Fault, Input::Start, Fault, None, &[]);
    row(FAULT, Fault, advert(HIGHER, 200), Fault, None, &[]);
    row(FAULT, Fault, advert(HIGHER, 0), Fault, None, &[]);
    row(FAULT, Fault, Input::Timeout, Fault, None, &[]);
    row(
        FAULT,
        Fault,
        Input::Interface(Interface::Up),
        Fault,
        None,
        &[],
    );
    row(
        FAULT,
        Fault,
        Input::Interface(Interface::Down),
        Fault,
        None,
        &[],
    );
    row(
        FAULT,
        Fault,
        Input::Interface(Interface::Missing),
        Fault,
        None,
        &[],
    );
    row(FAULT, Fault, Input::VmacNameTaken(true), Fault, None, &[]);
    row(FAULT, Fault, Input::VmacNameTaken(false), Fault, None, &[]);
    row(FAULT, Fault, Input::Source(None), Fault, None, &[]);
    let recovers = [log(LogLine::EnteringBackup), changed(Fault, Backup)];
    row(
        FAULT,
        Fault,
        Input::Source(Some(SELF)),
        Backup,
        Some(1.0 + DOWN),
        &recovers,
    );
    row(
        FAULT,
        Fault,
        Input::Shutdown,
        Init,
        None,
        &[changed(Fault, Init)],
    );

    // The wish of `state MASTER` is for the start only.
    let wish = VrrpInstance {
        state: InitialState::Master,
        ..config()
    };
    let back = Input::Source(Some(SELF));
    row_of(
        FAULT,
        &wish,
        Fault,
        back,
        Backup,
        Some(1.0 + DOWN),
        &recovers,
    );
    let owner = VrrpInstance {
        priority: 255,
        ..wish
    };
    row_of(
        FAULT,
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
    row_of(
        FAULT,
        &unicast,
        Fault,
        back,
        Backup,
        Some(1.0 + DOWN),
        &refreshes,
    );
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
