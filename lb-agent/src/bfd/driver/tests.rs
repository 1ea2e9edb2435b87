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

/// One host can hold both ends: the addresses differ, and so do the discriminators.
#[test]
fn two_sessions_find_each_other() {
    if !geteuid().is_root() {
        return println!("skipped: not root");
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let up = std::process::Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    assert!(up.unwrap().success());
    let (sender, events) = mpsc::channel();
    let sessions = vec![
        settings("a", "127.0.0.2", "127.0.0.3"),
        settings("b", "127.0.0.3", "127.0.0.2"),
    ];
    let handle = spawn(sessions, move |event| sender.send(event).unwrap()).unwrap();
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
    let first = unused_discriminator(&[], 0);
    assert_eq!(first, 1);
}
