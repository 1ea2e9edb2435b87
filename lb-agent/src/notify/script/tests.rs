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
        supplementary_groups: false,
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

/// Waits until `file` is there; what waits ends with its folder.
fn until(file: &Path) -> String {
    let folder = file.parent().unwrap().display();
    let file = file.display();
    format!("while [ -d {folder} ] && [ ! -e {file} ]; do sleep 0.05; done")
}

async fn wait_for_lines(file: &Path, count: usize) {
    let limit = clock::now() + PATIENCE;
    while fs::read_to_string(file).map_or(0, |text| text.lines().count()) < count {
        assert!(clock::now() < limit, "fewer than {count} lines");
        sleep_until((clock::now() + Duration::from_millis(5)).into()).await;
    }
}

#[tokio::test]
async fn servers_share_places_and_instances_do_not_wait_for_them() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (log, begun, go) = (at("log"), at("begun"), at("go"));
    let handle = spawn();
    let waits = format!("echo begun >> {}; {}", begun.display(), until(&go));
    for number in 0..=MOST_AT_ONCE {
        let queue = Queue::Server(format!("server {number}"));
        let scripts = vec![script("server", &log, &waits)];
        handle.runner().run(queue, scripts);
    }
    wait_for_lines(&begun, MOST_AT_ONCE).await;
    handle
        .runner()
        .run(queue("VI_1"), vec![script("instance", &log, ":")]);
    wait_for_lines(&log, 1).await;
    assert_eq!(fs::read_to_string(&log).unwrap(), "instance\n");
    let at_once = fs::read_to_string(&begun).unwrap().lines().count();
    assert_eq!(at_once, MOST_AT_ONCE);
    fs::write(go, "").unwrap();
    handle.finish(PATIENCE).await;
    let lines = fs::read_to_string(log).unwrap().lines().count();
    assert_eq!(lines, MOST_AT_ONCE + 2);
}

#[tokio::test]
async fn scripts_that_hang_do_not_keep_their_places() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (log, never) = (at("log"), at("never"));
    let handle = spawn_with(Duration::from_millis(200));
    for number in 0..MOST_AT_ONCE {
        let queue = Queue::Server(format!("server {number}"));
        let scripts = vec![script("hangs", &log, &until(&never))];
        handle.runner().run(queue, scripts);
    }
    let queue = Queue::Server("one more".into());
    handle
        .runner()
        .run(queue, vec![script("one more", &log, ":")]);
    wait_for_lines(&log, 1).await;
    assert_eq!(fs::read_to_string(log).unwrap(), "one more\n");
}

#[tokio::test]
async fn notify_stop_is_not_lost_behind_a_script_that_takes_its_time() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (log, never) = (at("log"), at("never"));
    let handle = spawn();
    let scripts = [
        script("master", &log, &until(&never)),
        script("backup", &log, ":"),
        script("stop", &log, ":"),
    ];
    for one in scripts {
        handle.runner().run(queue("VI_1"), vec![one]);
    }
    handle.finish(Duration::from_secs(10)).await;
    // They are started when it returns, and end by themselves.
    wait_for_lines(&log, 2).await;
    let text = fs::read_to_string(log).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["backup", "stop"]);
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

#[tokio::test]
async fn scripts_that_hang_in_their_start_do_not_keep_their_places() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (log, shell) = (at("log"), at("sh"));
    std::os::unix::fs::symlink("/bin/sh", &shell).unwrap();
    // As a start that never comes back: those that follow wait for their turn.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let path = shell.clone();
    let hangs = tokio::spawn(async move {
        let call = crate::runtime::blocking::call(&path, move || wait.recv().ok());
        call.await.unwrap();
    });
    tokio::task::yield_now().await;
    let handle = spawn_with(Duration::from_millis(200));
    for number in 0..MOST_AT_ONCE {
        let queue = Queue::Server(format!("server {number}"));
        let hanging = Script {
            program: shell.clone(),
            ..script("hung", &log, ":")
        };
        handle.runner().run(queue, vec![hanging]);
    }
    let one_more = Queue::Server("one more".into());
    handle
        .runner()
        .run(one_more, vec![script("one more", &log, ":")]);
    wait_for_lines(&log, 1).await;
    assert_eq!(fs::read_to_string(&log).unwrap(), "one more\n");
    drop(go);
    hangs.await.unwrap();
    handle.finish(PATIENCE).await;
    let lines = fs::read_to_string(log).unwrap().lines().count();
    assert_eq!(lines, MOST_AT_ONCE + 1, "none is lost");
}
