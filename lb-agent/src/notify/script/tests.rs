use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::script::User;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A script that appends its name and its arguments to a file, after `before`.
fn script(name: &str, log: &Path, before: &str) -> Script {
    let line = format!("{before}; echo {name} \"$@\" >> {}", log.display());
    Script {
        command: line.clone(),
        program: "/bin/sh".into(),
        arguments: ["-c", &line, name].map(Into::into).into(),
        user: User::own(),
    }
}

fn event(state: State) -> Event {
    Event {
        subject: Subject::Instance("VI_1".into()),
        what: What::Entered(state),
        priority: 100,
    }
}

struct World {
    _folder: TempDir,
    log: PathBuf,
    handle: Handle,
}

impl World {
    /// The script for MASTER begins with `slow`.
    fn new(slow: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        let scripts = Scripts {
            master: Some(script("master", &log, slow)),
            backup: Some(script("backup", &log, ":")),
            stop: Some(script("stop", &log, ":")),
            generic: Some(script("generic", &log, ":")),
            ..Scripts::default()
        };
        let handle = spawn([(Subject::Instance("VI_1".into()), scripts)]);
        Self {
            _folder: folder,
            log,
            handle,
        }
    }

    fn tell(&self, states: impl IntoIterator<Item = State>) {
        let notifier = self.handle.notifier();
        for state in states {
            notifier.tell(event(state));
        }
    }
}

#[tokio::test]
async fn scripts_run_one_after_another_in_the_order_of_the_events() {
    let world = World::new("sleep 0.3");
    world.tell([
        State::Backup,
        State::Master,
        State::Fault,
        State::Backup,
        State::Stop,
    ]);
    world.handle.finish(PATIENCE).await;
    let log = fs::read_to_string(world.log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines,
        [
            "backup",
            "generic INSTANCE VI_1 BACKUP 100",
            "master",
            "generic INSTANCE VI_1 MASTER 100",
            "generic INSTANCE VI_1 FAULT 100",
            "backup",
            "generic INSTANCE VI_1 BACKUP 100",
            "stop",
            "generic INSTANCE VI_1 STOP 100",
        ]
    );
}

#[tokio::test]
async fn none_of_two_hundred_changes_is_lost() {
    let world = World::new(":");
    let states = [State::Master, State::Backup].into_iter().cycle().take(200);
    world.tell(states);
    world.handle.finish(PATIENCE * 3).await;
    let log = fs::read_to_string(world.log).unwrap();
    assert_eq!(log.lines().count(), 400);
    assert!(
        log.ends_with("backup\ngeneric INSTANCE VI_1 BACKUP 100\n"),
        "{log}"
    );
}

#[tokio::test]
async fn a_script_that_hangs_holds_up_neither_other_subjects_nor_the_end() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let subject = |name: &str| Subject::Instance(name.into());
    let scripts = |before: &str| Scripts {
        master: Some(script("master", &log, before)),
        ..Scripts::default()
    };
    let handle = spawn([
        (subject("VI_1"), scripts("sleep 5")),
        (subject("VI_2"), scripts(":")),
    ]);
    for name in ["VI_1", "VI_2", "unknown"] {
        let subject = subject(name);
        handle.notifier().tell(Event {
            subject,
            ..event(State::Master)
        });
    }
    let start = clock::now();
    handle.finish(Duration::from_secs(2)).await;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(fs::read_to_string(log).unwrap(), "master\n");
}

#[test]
fn only_state_changes_and_asked_for_priorities_reach_the_generic_script() {
    let log = Path::new("/dev/null");
    let mut scripts = Scripts {
        generic: Some(script("generic", log, ":")),
        master_rx_lower_pri: Some(script("lower", log, ":")),
        ..Scripts::default()
    };
    let with = |what| Event {
        what,
        ..event(State::Master)
    };
    assert_eq!(scripts.for_event(&with(What::Priority(State::Master))), []);
    scripts.priority_changes = true;
    let arguments = |scripts: Vec<Script>| scripts[0].arguments[3..].to_vec();
    assert_eq!(
        arguments(scripts.for_event(&with(What::Priority(State::Master)))),
        ["INSTANCE", "VI_1", "MASTER_PRIORITY", "100"]
    );
    let lower = scripts.for_event(&with(What::MasterRxLowerPri));
    assert_eq!(lower, [scripts.master_rx_lower_pri.unwrap()]);
}
