use State::{Backup, Fault, Init, Master};

use super::*;

const fn member(state: State) -> Standing {
    Standing {
        state,
        wants_master: false,
        has_own_fault: false,
    }
}

const WANTS: Standing = Standing {
    wants_master: true,
    ..member(Backup)
};
const BROKEN: Standing = Standing {
    has_own_fault: true,
    ..member(Fault)
};

#[test]
fn every_row() {
    let backup = member(Backup);
    let master = member(Master);
    let dragged = member(Fault);
    let table = [
        // All want to: all do.
        (vec![WANTS, WANTS], Some(Order::Master)),
        (vec![WANTS], Some(Order::Master)),
        // One does not want to, or has not begun.
        (vec![WANTS, backup], None),
        (vec![WANTS, member(Init)], None),
        (vec![backup, backup], None),
        (vec![master, master], None),
        // One has let go.
        (vec![master, backup], Some(Order::Backup)),
        (vec![master, WANTS], Some(Order::Backup)),
        (vec![master, member(Init)], Some(Order::Backup)),
        // One has a fault.
        (vec![BROKEN, master], Some(Order::Fault(true))),
        (vec![BROKEN, WANTS], Some(Order::Fault(true))),
        (vec![BROKEN, dragged], None),
        (vec![BROKEN, member(Init)], None),
        // Nobody has any longer.
        (vec![dragged, dragged], Some(Order::Fault(false))),
        (vec![dragged, backup], Some(Order::Fault(false))),
        (vec![], None),
        (vec![member(Init), member(Init)], None),
    ];
    for (members, expected) in table {
        assert_eq!(order(members.iter().copied()), expected, "{members:?}");
    }
}

#[test]
fn the_whole_is_master_only_if_all_are() {
    let state_of = |states: &[State]| state(&states.iter().copied().map(member));
    assert_eq!(state_of(&[Master, Master]), Master);
    assert_eq!(state_of(&[Master, Backup]), Backup);
    assert_eq!(state_of(&[Master, Fault]), Fault);
    assert_eq!(state_of(&[Init, Init]), Init);
    assert_eq!(state_of(&[Init, Backup]), Backup);
}
