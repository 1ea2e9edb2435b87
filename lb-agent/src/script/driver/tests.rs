use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::script::User;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn script(name: &str, line: String, limit: Duration) -> (Settings, Script) {
    let settings = Settings {
        name: name.into(),
        interval: Duration::from_millis(50),
        timeout: limit,
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    let script = Script {
        command: line.clone(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), line.into()],
        user: User::own(),
        supplementary_groups: false,
    };
    (settings, script)
}

#[tokio::test]
async fn the_tutorials_down_file_takes_the_script_down_and_up_again() {
    let folder = TempDir::new().unwrap();
    let down = folder.path().join("down");
    let line = format!("[ -f {} ] && exit 7 || exit 0", down.display());
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = spawn(vec![script("down", line, PATIENCE)], move |name, up| {
        sender.send((name.to_owned(), up)).ok();
    });
    for up in [true, false, true] {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        assert_eq!(event, ("down".to_owned(), up));
        if up {
            fs::write(&down, "").unwrap();
        } else {
            let [status] = &handle.status()[..] else {
                panic!("one script")
            };
            assert_eq!((status.up, status.last_status), (Some(false), 7));
            fs::remove_file(&down).unwrap();
        }
    }
    timeout(PATIENCE, handle.stop()).await.unwrap();
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn one_script_that_hangs_does_not_hold_up_another() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let scripts = vec![
        script("hangs", "sleep 60".into(), PATIENCE),
        script("late", "sleep 60".into(), Duration::from_millis(100)),
        script("fine", "exit 0".into(), PATIENCE),
    ];
    let handle = spawn(scripts, move |name, up| {
        sender.send((name.to_owned(), up)).ok();
    });
    let mut seen = BTreeMap::new();
    while seen.len() < 2 {
        let (name, up) = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        seen.insert(name, up);
    }
    let expected = [("late".to_owned(), false), ("fine".to_owned(), true)];
    assert_eq!(seen, expected.into());
    timeout(PATIENCE, handle.stop()).await.unwrap();
}

#[tokio::test]
async fn scripts_that_stay_as_they_are_go_on_when_others_change() {
    let folder = TempDir::new().unwrap();
    let runs = folder.path().join("runs");
    // Its first run is its only one for a long time: who begins anew shows.
    let line = format!("echo run >> {}", runs.display());
    let stays = || {
        let (settings, script) = script("stays", line.clone(), PATIENCE);
        let interval = Duration::from_hours(1);
        (
            Settings {
                interval,
                ..settings
            },
            script,
        )
    };
    let other = |line: &str| script("other", line.into(), PATIENCE);
    let (sender, mut events) = mpsc::unbounded_channel();
    let changed = move |name: &str, up: bool| {
        sender.send((name.to_owned(), up)).ok();
    };
    let handle = spawn(vec![stays(), other("exit 0")], changed.clone());
    let mut next = async || timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    let mut first = [next().await, next().await];
    first.sort();
    assert_eq!(
        first,
        ["other", "stays"].map(|name| (name.to_owned(), true))
    );
    // Another order, and another `other`.
    let handle = handle.go_on(vec![other("exit 1"), stays()], changed);
    assert_eq!(next().await, ("other".to_owned(), false));
    let up = handle.status().into_iter().map(|it| (it.name, it.up));
    let expected = [
        ("other".to_owned(), Some(false)),
        ("stays".to_owned(), Some(true)),
    ];
    assert_eq!(up.collect::<Vec<_>>(), expected);
    assert_eq!(fs::read_to_string(runs).unwrap(), "run\n");
    timeout(PATIENCE, handle.stop()).await.unwrap();
}
