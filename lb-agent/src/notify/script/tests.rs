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

fn queue(name: &str) -> Queue {
    Queue::Vrrp(Subject::Instance(name.into()))
}

struct World {
    _folder: TempDir,
    log: PathBuf,
    scripts: Scripts,
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
        Self {
            _folder: folder,
            log,
            scripts,
            handle: spawn(),
        }
    }

    fn tell(&self, states: impl IntoIterator<Item = State>) {
        let runner = self.handle.runner();
        for state in states {
            runner.run(queue("VI_1"), self.scripts.for_event(&event(state)));
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
    world.handle.finish(PATIENCE * 15).await;
    let log = fs::read_to_string(world.log).unwrap();
    assert_eq!(log.lines().count(), 400);
    assert!(
        log.ends_with("backup\ngeneric INSTANCE VI_1 BACKUP 100\n"),
        "{log}"
    );
}

#[tokio::test]
async fn a_queue_that_has_ended_begins_anew() {
    let world = World::new(":");
    for count in 1..=3 {
        world.tell([State::Master]);
        let lines = || fs::read_to_string(&world.log).map_or(0, |log| log.lines().count());
        while lines() < 2 * count {
            sleep_until((clock::now() + Duration::from_millis(5)).into()).await;
        }
    }
    world.tell([State::Stop]);
    world.handle.finish(PATIENCE).await;
    let log = fs::read_to_string(world.log).unwrap();
    assert!(
        log.ends_with("stop\ngeneric INSTANCE VI_1 STOP 100\n"),
        "{log}"
    );
}

#[tokio::test]
async fn servers_share_places_and_instances_do_not_wait_for_them() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let handle = spawn();
    // If the instance had to wait for these, there would never be a log.
    let waits = format!(
        "until [ -s {} ]; do sleep 0.2; done; sleep 1",
        log.display()
    );
    for number in 0..=MOST_AT_ONCE {
        let queue = Queue::Server(format!("server {number}"));
        handle
            .runner()
            .run(queue, vec![script("server", &log, &waits)]);
    }
    handle
        .runner()
        .run(queue("VI_1"), vec![script("instance", &log, ":")]);
    let start = clock::now();
    handle.finish(PATIENCE * 3).await;
    let log = fs::read_to_string(log).unwrap();
    assert!(log.starts_with("instance\n"), "{log}");
    assert_eq!(log.lines().count(), MOST_AT_ONCE + 2);
    let took = start.elapsed();
    assert!(
        took >= Duration::from_secs(2),
        "one too many at once: {took:?}"
    );
}

#[tokio::test]
async fn a_script_that_hangs_holds_up_neither_other_subjects_nor_the_end() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let handle = spawn();
    for (name, before) in [("VI_1", "sleep 60"), ("VI_2", ":")] {
        let scripts = vec![script("master", &log, before)];
        handle.runner().run(queue(name), scripts);
    }
    let start = clock::now();
    while !fs::exists(&log).unwrap() && start.elapsed() < PATIENCE {
        sleep_until((clock::now() + Duration::from_millis(5)).into()).await;
    }
    handle.finish(Duration::from_secs(1)).await;
    assert!(start.elapsed() < PATIENCE * 2, "{:?}", start.elapsed());
    assert_eq!(fs::read_to_string(log).unwrap(), "master\n");
}

#[test]
fn only_state_changes_reach_the_generic_script() {
    let log = Path::new("/dev/null");
    let scripts = Scripts {
        generic: Some(script("generic", log, ":")),
        master_rx_lower_pri: Some(script("lower", log, ":")),
        split_brain: Some(script("split", log, ":")),
        ..Scripts::default()
    };
    let with = |what| {
        scripts.for_event(&Event {
            what,
            ..event(State::Master)
        })
    };
    // keepalived 2.2.7 writes them to FIFOs only.
    assert_eq!(with(What::Priority(State::Master)), []);
    let lower = with(What::MasterRxLowerPri);
    assert_eq!(lower, [scripts.master_rx_lower_pri.clone().unwrap()]);
    let [healed] = &with(What::SplitBrain(None))[..] else {
        panic!("one script")
    };
    assert_eq!(
        healed.arguments[2..],
        ["split", "INSTANCE", "VI_1", "SPLIT_BRAIN_HEALED", "100"]
    );
    let [deleted] = &with(What::Entered(State::Deleted))[..] else {
        panic!("one script")
    };
    assert_eq!(
        deleted.arguments[3..],
        ["INSTANCE", "VI_1", "DELETED", "100"]
    );
}
