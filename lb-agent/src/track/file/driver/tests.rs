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
        let handle = spawn(&[settings], move |event| {
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
async fn what_stands_in_a_file_at_the_start_is_known_at_once() {
    let world = World::new("value", |folder| {
        fs::write(folder.join("value"), "5").unwrap();
    });
    assert_eq!(world.value(), 5);
    assert_eq!(World::new("missing", |_| {}).value(), 0);
}

#[tokio::test]
async fn a_file_may_be_written_renamed_over_and_removed() {
    let mut world = World::new("value", |_| {});
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
    assert_eq!(world.value(), 1);
    world.write("a/x", "11");
    world.becomes(11).await;
    link(world.folder.path(), "b/x");
    world.becomes(2).await;
    world.write("b/x", "22");
    world.becomes(22).await;
}

#[tokio::test]
async fn a_fifo_in_the_place_of_a_file_holds_up_nobody() {
    let world = World::new("value", |folder| {
        mkfifo(&folder.join("value"), Mode::S_IRWXU).unwrap();
    });
    assert_eq!(world.value(), 0);
}

#[tokio::test]
async fn a_dropped_handle_ends_the_watching() {
    let mut world = World::new("value", |_| {});
    world.handle = None;
    assert_eq!(timeout(PATIENCE, world.events.recv()).await.unwrap(), None);
}
