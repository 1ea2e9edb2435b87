use std::fs;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    folder: TempDir,
    handle: Option<Handle>,
    events: UnboundedReceiver<Event>,
}

impl World {
    /// Watches `path` in a new folder that `prepare` has filled.
    fn new(path: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().unwrap();
        prepare(folder.path());
        let settings = Settings {
            name: "tf".into(),
            path: folder.path().join(path),
            init_file: None,
        };
        let (sender, events) = mpsc::unbounded_channel();
        let handle = spawn(&[settings], None, move |event| {
            sender.send(event).ok();
        });
        Self {
            folder,
            handle: Some(handle.unwrap()),
            events,
        }
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        let path = |name| self.folder.path().join(name);
        fs::rename(path(from), path(to)).unwrap();
    }

    fn value(&self) -> Value {
        self.handle.as_ref().unwrap().status()[0].value
    }

    async fn becomes(&mut self, value: Value) {
        let event = timeout(PATIENCE, self.events.recv()).await;
        let event = event.expect("no event in time").unwrap();
        assert_eq!(event, Event { file: 0, value });
        assert_eq!(self.value(), value);
    }
}

#[tokio::test]
async fn what_stands_in_a_file_at_the_start_is_told() {
    let mut world = World::new("value", |folder| {
        fs::write(folder.join("value"), "5").unwrap();
    });
    world.becomes(5).await;
    World::new("missing", |_| {}).becomes(0).await;
}

#[tokio::test]
async fn init_file_makes_the_file_before_it_is_read_and_no_reload_writes_over_it() {
    for (reload, value) in [(false, 7), (true, 4)] {
        let folder = TempDir::new().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&old, "4").unwrap();
        let settings = |path: &Path| Settings {
            name: "tf".into(),
            path: path.to_owned(),
            init_file: Some(InitFile {
                value: 7,
                overwrite: true,
            }),
        };
        let (sender, mut events) = mpsc::unbounded_channel();
        let before = reload.then_some([].as_slice());
        let handle = spawn(&[settings(&new), settings(&old)], before, move |event| {
            sender.send(event).ok();
        });
        let mut told = [0; 2];
        for _ in 0..2 {
            let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
            told[event.file] = event.value;
        }
        assert_eq!(told, [7, value]);
        drop(handle);
    }
}

#[tokio::test]
async fn a_file_that_hangs_counts_as_before_and_holds_up_no_other() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("hangs"), "5").unwrap();
    fs::write(at("other"), "6").unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let path = at("hangs");
    let hangs = tokio::spawn(async move {
        let call = blocking::call(&path, move || wait.recv().ok());
        call.await.unwrap();
    });
    tokio::task::yield_now().await;
    let settings = |name: &str| Settings {
        name: name.into(),
        path: at(name),
        init_file: None,
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    let files = [settings("hangs"), settings("other")];
    let handle = spawn(&files, None, move |event| {
        sender.send(event).ok();
    });
    let mut next = async || timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    let event = |file, value| Event { file, value };
    assert_eq!(next().await, event(1, 6));
    assert_eq!(next().await, event(0, 0), "it was not read within a second");
    fs::write(at("other"), "7").unwrap();
    assert_eq!(next().await, event(1, 7));
    drop(go);
    hangs.await.unwrap();
    assert_eq!(next().await, event(0, 5));
    fs::write(at("hangs"), "8").unwrap();
    assert_eq!(next().await, event(0, 8));
    drop(handle);
}

#[test]
fn a_file_that_hangs_at_a_reload_counts_as_before_it() {
    let now = clock::now();
    let late = |before: Option<&[Status]>| {
        let settings = Settings {
            name: "tf".into(),
            path: "/net/tf".into(),
            init_file: None,
        };
        let mut file = File::new(&settings, before);
        file.looking = Some(Looking {
            since: now,
            again: false,
            said: false,
        });
        assert_eq!(file.is_late(now), None);
        file.is_late(now + LOOK)
    };
    let known = ["other", "tf"].into_iter().zip([3, 42]);
    let known = known.map(|(name, value)| Status {
        name: name.into(),
        value,
    });
    let known: Vec<Status> = known.collect();
    assert_eq!(late(Some(&known)), Some(42));
    assert_eq!(late(Some(&known[..1])), Some(0));
    assert_eq!(late(None), Some(0));
}

#[tokio::test]
async fn files_in_one_folder_by_two_names_are_both_watched() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    std::os::unix::fs::symlink(at("real"), at("alias")).unwrap();
    let settings = |name: &str| Settings {
        name: name.into(),
        path: at(name),
        init_file: None,
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    let files = [settings("real/a"), settings("alias/b")];
    let handle = spawn(&files, None, move |event| {
        sender.send(event).ok();
    });
    let mut next = async || timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(next().await.value, 0);
    }
    for (file, name) in ["real/a", "real/b"].into_iter().enumerate() {
        fs::write(at(name), "3").unwrap();
        assert_eq!(next().await, Event { file, value: 3 });
    }
    drop(handle);
}

#[tokio::test]
async fn a_file_may_be_written_renamed_over_and_removed() {
    let mut world = World::new("value", |_| {});
    world.becomes(0).await;
    world.write("value", "1\n");
    world.becomes(1).await;
    world.write("value", "-2\n");
    world.becomes(-2).await;
    world.write("new", "3\n");
    world.rename("new", "value");
    world.becomes(3).await;
    world.rename("value", "away");
    world.becomes(0).await;
    world.rename("away", "value");
    world.becomes(3).await;
    fs::remove_file(world.folder.path().join("value")).unwrap();
    world.becomes(0).await;
}

#[tokio::test]
async fn nonsense_counts_as_0_and_a_number_too_large_as_nothing() {
    let mut world = World::new("value", |folder| {
        fs::write(folder.join("value"), "4").unwrap();
    });
    world.becomes(4).await;
    world.write("value", "99999999999");
    world.write("value", "4");
    world.write("value", "garbage");
    world.becomes(0).await;
    world.write("value", "9");
    world.becomes(9).await;
}

#[tokio::test]
async fn a_folder_that_comes_later_or_again_is_found() {
    let mut world = World::new("later/value", |_| {});
    world.becomes(0).await;
    for value in [6, 7] {
        fs::create_dir(world.folder.path().join("later")).unwrap();
        world.write("later/value", &value.to_string());
        world.becomes(value).await;
        fs::remove_dir_all(world.folder.path().join("later")).unwrap();
        world.becomes(0).await;
    }
}

#[tokio::test]
async fn a_link_is_followed_and_may_lead_elsewhere_later() {
    let link = |folder: &Path, target: &str| {
        std::os::unix::fs::symlink(folder.join(target), folder.join("new")).unwrap();
        fs::rename(folder.join("new"), folder.join("value")).unwrap();
    };
    let mut world = World::new("value", |folder| {
        fs::create_dir(folder.join("a")).unwrap();
        fs::create_dir(folder.join("b")).unwrap();
        fs::write(folder.join("a/x"), "1").unwrap();
        fs::write(folder.join("b/x"), "2").unwrap();
        link(folder, "a/x");
    });
    world.becomes(1).await;
    world.write("a/x", "11");
    world.becomes(11).await;
    link(world.folder.path(), "b/x");
    world.becomes(2).await;
    world.write("b/x", "22");
    world.becomes(22).await;
}

#[tokio::test]
async fn a_fifo_in_the_place_of_a_file_holds_up_nobody() {
    let mut world = World::new("value", |folder| {
        mkfifo(&folder.join("value"), Mode::S_IRWXU).unwrap();
    });
    world.becomes(0).await;
}

#[tokio::test]
async fn a_dropped_handle_ends_the_watching() {
    let mut world = World::new("value", |_| {});
    world.becomes(0).await;
    world.handle = None;
    assert_eq!(timeout(PATIENCE, world.events.recv()).await.unwrap(), None);
}
