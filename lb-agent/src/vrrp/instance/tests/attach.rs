//! `xdp_attach master`: the addresses follow the program.

use super::*;

fn waiting() -> Bench {
    let router = VirtualRouter {
        xdp_attach_master: true,
        ..VirtualRouter::from(&config())
    };
    let mut bench = Bench::of(&router);
    bench.at(0.0, Input::Start);
    bench
}

fn sets_addresses(actions: &[Action]) -> bool {
    actions.contains(&Action::AddAddresses)
}

fn announces(actions: &[Action]) -> bool {
    let mut actions = actions.iter();
    actions.any(|action| matches!(action, Action::Announce { .. }))
}

#[test]
fn a_new_master_sets_and_announces_its_addresses_when_the_program_is_attached() {
    let mut bench = waiting();
    let actions = bench.at(4.0, Input::Timeout);
    assert_eq!(actions.first(), Some(&Action::SendAdvert { priority: 100 }));
    assert_eq!(bench.machine.state(), State::Master);
    assert!(
        !sets_addresses(&actions) && !announces(&actions),
        "{actions:?}"
    );
    assert!(!bench.machine.holds_addresses());
    // Nor do others bring it to.
    let actions = bench.at(4.1, advert(LOWER, 90));
    assert!(!announces(&actions), "{actions:?}");
    let actions = bench.at(4.1, Input::GroupAnnounce);
    assert!(!announces(&actions), "{actions:?}");

    let actions = bench.at(4.2, Input::Attached);
    assert_eq!(
        actions.get(..2),
        Some(&[Action::Log(LogLine::SettingVips), Action::AddAddresses][..])
    );
    assert!(announces(&actions), "{actions:?}");
    assert!(bench.machine.holds_addresses());
    assert_eq!(bench.at(4.3, Input::Attached), [], "it has them");
}

#[test]
fn adverts_do_not_wait_for_the_program_and_the_addresses_not_for_ever() {
    let mut bench = waiting();
    bench.at(4.0, Input::Timeout);
    let at = |bench: &mut Bench, at: f64| {
        let now = bench.start + seconds(at);
        assert!(bench.machine.poll_timeout().is_some_and(|due| due <= now));
        bench.machine.handle_timeout(now);
        bench.actions()
    };
    let mut adverts = 0;
    for second in [5.0, 6.0] {
        let actions = at(&mut bench, second);
        assert!(!sets_addresses(&actions) && !announces(&actions));
        adverts += usize::from(actions.contains(&Action::SendAdvert { priority: 100 }));
    }
    assert_eq!(adverts, 2);
    let actions = at(&mut bench, 4.0 + ATTACH_PATIENCE.as_secs_f64());
    assert!(actions.contains(&Action::Log(LogLine::NotAttached)));
    assert!(
        sets_addresses(&actions) && announces(&actions),
        "{actions:?}"
    );
}

#[test]
fn who_is_no_longer_master_waits_no_longer() {
    let mut bench = waiting();
    bench.at(4.0, Input::Timeout);
    bench.at(4.1, advert(HIGHER, 200));
    assert_eq!(bench.machine.state(), State::Backup);
    assert_eq!(bench.at(4.2, Input::Attached), []);
    let mut bench = waiting();
    bench.at(4.0, Input::Timeout);
    bench.at(4.1, Input::Shutdown);
    assert_eq!(bench.machine.poll_timeout(), None);
}

#[test]
fn a_reload_to_xdp_attach_start_ends_the_wait() {
    let mut bench = waiting();
    bench.at(4.0, Input::Timeout);
    let router = VirtualRouter::from(&config());
    bench
        .machine
        .reload(&router, true, bench.start + seconds(4.1));
    assert!(sets_addresses(&bench.actions()));
    assert!(bench.machine.holds_addresses());
}
