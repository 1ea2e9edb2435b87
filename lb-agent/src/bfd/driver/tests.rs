//! Two drivers on one host: the sessions of each speak to the other's. `tests/bfd.rs` has FRR.

use std::sync::mpsc;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(name: &str, ours: &str, theirs: &str) -> Settings {
    Settings {
        name: name.into(),
        neighbor: theirs.parse().unwrap(),
        source: Some(ours.parse().unwrap()),
        min_rx: Duration::from_millis(50),
        min_tx: Duration::from_millis(50),
        idle_tx: Duration::from_secs(1),
        // Two seconds and a half: this thread may have to wait for its turn.
        multiplier: 50,
        passive: false,
        ttl: 255,
        max_hops: Some(0),
        multihop: false,
    }
}

/// Whether we may; from then on the thread has a network of its own.
fn alone() -> bool {
    if !geteuid().is_root() {
        println!("skipped: not root");
        return false;
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let up = std::process::Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    assert!(up.unwrap().success());
    true
}

fn both_ends() -> Vec<Settings> {
    vec![
        settings("a", "127.0.0.2", "127.0.0.3"),
        settings("b", "127.0.0.3", "127.0.0.2"),
    ]
}

#[test]
fn sessions_that_stay_as_they_are_do_not_notice_a_reload() {
    if !alone() {
        return;
    }
    let (sender, events) = mpsc::channel();
    let to = sender.clone();
    let mut handle = spawn(both_ends(), Priority::default(), move |event| {
        to.send(event).unwrap_or_default();
    })
    .unwrap();
    for _ in 0..2 {
        assert!(events.recv_timeout(PATIENCE).unwrap().up);
    }
    // Nobody answers there. Its family needs another socket.
    let mut more = both_ends();
    more.insert(0, settings("c", "::1", "::2"));
    handle
        .reload(more, move |event| {
            sender.send(event).unwrap_or_default();
        })
        .unwrap();
    let deadline = clock::now() + PATIENCE;
    let states = |handle: &Handle| -> Vec<(String, &str)> {
        let status = handle.status().into_iter();
        status.map(|it| (it.name, it.state)).collect()
    };
    while handle.status().len() < 3 {
        assert!(clock::now() < deadline, "{:?}", handle.status());
        thread::sleep(Duration::from_millis(5));
    }
    // Long enough for many packets.
    let quiet = events.recv_timeout(Duration::from_millis(500));
    assert_eq!(quiet, Err(mpsc::RecvTimeoutError::Timeout));
    let expected = [("c", "Down"), ("a", "Up"), ("b", "Up")];
    assert_eq!(
        states(&handle),
        expected.map(|(name, state)| (name.to_owned(), state))
    );
    handle
        .reload(vec![settings("b", "127.0.0.3", "127.0.0.2")], |_| {})
        .unwrap();
    while handle.status().len() > 1 {
        assert!(clock::now() < deadline, "{:?}", handle.status());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(handle.status()[0].name, "b");
    handle.stop();
}

/// One host can hold both ends: the addresses differ, and so do the discriminators.
#[test]
fn two_sessions_find_each_other() {
    if !alone() {
        return;
    }
    let (sender, events) = mpsc::channel();
    let sessions = both_ends();
    let handle = spawn(sessions, Priority::default(), move |event| {
        sender.send(event).unwrap();
    })
    .unwrap();
    let mut up: Vec<Event> = (0..2)
        .map(|_| events.recv_timeout(PATIENCE).unwrap())
        .collect();
    up.sort_by_key(|event| event.session);
    assert_eq!(up, [0, 1].map(|session| Event { session, up: true }));
    let states: Vec<&str> = handle.status().iter().map(|status| status.state).collect();
    assert_eq!(states, ["Up", "Up"]);
    handle.stop();
    // The end is the operator's wish, not a failure: nobody is told of one.
    assert_eq!(
        events.recv_timeout(PATIENCE),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );
}

#[test]
fn discriminators_are_never_zero_and_never_twice() {
    let first = unused_discriminator(std::iter::empty, 0);
    assert_eq!(first, 1);
}
