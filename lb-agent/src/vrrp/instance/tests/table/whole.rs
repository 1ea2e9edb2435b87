//! No row is missing: every state has one for every kind of input.

use std::cell::RefCell;

use super::*;

thread_local! {
    /// The rows that the tests of this thread have gone through.
    static SEEN: RefCell<Vec<(State, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// The kinds of inputs, in a list and in a `match` that knows when there is another one.
macro_rules! kinds {
    ($($name:literal: $pattern:pat,)*) => {
        const KINDS: &[&str] = &[$($name,)*];

        const fn kind(input: Input) -> &'static str {
            match input {
                $($pattern => $name,)*
            }
        }
    };
}

kinds! {
    "Start": Input::Start,
    "Advert": Input::Advert(_),
    "Timeout": Input::Timeout,
    "Interface": Input::Interface(_),
    "Source": Input::Source(_),
    "VmacNameTaken": Input::VmacNameTaken(_),
    "Tracked": Input::Tracked { .. },
    "GroupMaster": Input::GroupMaster,
    "GroupBackup": Input::GroupBackup,
    "GroupFault": Input::GroupFault(_),
    "GroupAnnounce": Input::GroupAnnounce,
    "Attached": Input::Attached,
    "Rival": Input::Rival(_),
    "Shutdown": Input::Shutdown,
}

/// A row is being gone through.
pub(super) fn note(state: State, input: Input) {
    SEEN.with_borrow_mut(|seen| seen.push((state, kind(input))));
}

#[test]
fn every_state_has_a_row_for_every_input() {
    init();
    backup();
    master();
    a_master_yields();
    fault::fault();
    beyond::all();
    let seen = SEEN.take();
    for state in [State::Init, State::Backup, State::Master, State::Fault] {
        for kind in KINDS {
            assert!(seen.contains(&(state, *kind)), "no row: {state:?} × {kind}");
        }
    }
}
