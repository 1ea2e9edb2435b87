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
    };
    (settings, script)
}

#[tokio::test]
async fn the_tutorials_down_file_takes_the_script_down_and_up_again() {
    let folder = TempDir::new().unwrap();
    let down = folder.path().join("down");
    let line = format!("[ -f {} ] && exit 7 || exit 0", down.display());
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = spawn(vec![script("down", line, PATIENCE)], move |event| {
        sender.send(event).ok();
    });
    for up in [true, false, true] {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        assert_eq!(event, Event { script: 0, up });
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
    let handle = spawn(scripts, move |event| {
        sender.send(event).ok();
    });
    let mut seen = [None; 3];
    while seen[1].is_none() || seen[2].is_none() {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        seen[event.script] = Some(event.up);
    }
    assert_eq!(seen, [None, Some(false), Some(true)]);
    timeout(PATIENCE, handle.stop()).await.unwrap();
}
