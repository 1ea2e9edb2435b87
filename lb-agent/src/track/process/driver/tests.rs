//! With real processes: copies of `sleep` under names of the tests' own.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use super::*;
use crate::track::process::ParamMatch;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    folder: TempDir,
    name: String,
    handle: Option<Handle>,
    events: Option<UnboundedReceiver<Event>>,
}

impl World {
    /// A program whose name begins with `prefix` and that nobody else runs.
    fn new(prefix: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}{}{number}", std::process::id() % 10_000);
        let folder = TempDir::new().unwrap();
        // A copy could be busy: another test's child may hold what wrote it.
        std::os::unix::fs::symlink("/bin/sleep", folder.path().join(&name)).unwrap();
        Self {
            folder,
            name,
            handle: None,
            events: None,
        }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    fn start(&self, seconds: &str) -> Process {
        let child = Command::new(self.program()).arg(seconds).spawn();
        Process(child.unwrap())
    }

    fn settings(&self) -> Settings {
        Settings {
            name: "p".into(),
            process: self.name.clone(),
            parameters: Vec::new(),
            param_match: None,
            full_command: false,
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }

    fn track(&mut self, settings: Settings) {
        let (sender, events) = mpsc::unbounded_channel();
        self.handle = Some(spawn(vec![settings], RECEIVE_BUFFER, move |event| {
            sender.send(event).ok();
        }));
        self.events = Some(events);
    }

    async fn becomes(&mut self, up: bool) {
        let events = self.events.as_mut().unwrap();
        let event = timeout(PATIENCE, events.recv()).await;
        let event = event.expect("no event in time").unwrap();
        assert_eq!(event, Event { process: 0, up });
    }
}

struct Process(Child);

impl Process {
    fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn processes_that_run_come_and_go_are_counted() {
    let mut world = World::new("trk");
    let before = world.start("60");
    let settings = world.settings();
    world.track(settings);
    world.becomes(true).await;
    before.end();
    world.becomes(false).await;
    let one = world.start("60");
    world.becomes(true).await;
    let two = world.start("60");
    one.end();
    two.end();
    world.becomes(false).await;
}

#[tokio::test]
async fn long_names_and_parameters_are_compared_whole() {
    let mut world = World::new("a-process-with-a-long-name-");
    let mut other = World::new("a-process-with-a-long-name-too-");
    let settings = Settings {
        parameters: vec!["5".into()],
        param_match: Some(ParamMatch::Initial),
        ..world.settings()
    };
    world.track(settings);
    world.becomes(false).await;
    other.track(other.settings());
    other.becomes(false).await;
    let wrong = world.start("60");
    let stranger = other.start("55");
    other.becomes(true).await;
    let right = world.start("50");
    world.becomes(true).await;
    right.end();
    world.becomes(false).await;
    wrong.end();
    stranger.end();
}

#[tokio::test]
async fn full_command_sees_the_path() {
    let mut world = World::new("trk");
    let settings = Settings {
        process: world.program().display().to_string(),
        full_command: true,
        ..world.settings()
    };
    world.track(settings);
    world.becomes(false).await;
    let process = world.start("60");
    world.becomes(true).await;
    process.end();
    world.becomes(false).await;
}

#[tokio::test]
async fn the_kernel_confirms_that_it_tells() {
    let socket = match listen(RECEIVE_BUFFER) {
        Ok(socket) => socket,
        Err(error) => return println!("skipped: no process events here: {error}"),
    };
    let read = |socket: &Socket| {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        socket.recv_from(&mut datagram, 0)?;
        Ok(datagram)
    };
    let mut heard = None;
    while heard.is_none() {
        let datagram = timeout(PATIENCE, socket.async_io(Interest::READABLE, read)).await;
        let datagram = datagram.expect("the kernel says nothing").unwrap();
        let messages = frames(&datagram).map(|frame| connector::parse(frame.unwrap().payload));
        heard = messages.flatten().find_map(|message| match message.event {
            Told::Listening(error) => Some(error),
            Told::Fork { .. } | Told::Changed(_) | Told::Exit(_) | Told::Other => None,
        });
    }
    assert_eq!(heard, Some(0));
}

/// The kernel tells only those in the first network namespace.
#[tokio::test]
async fn where_the_kernel_tells_nothing_proc_is_read() {
    if !geteuid().is_root() {
        return println!("skipped: not root");
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let mut world = World::new("trk");
    let settings = world.settings();
    world.track(settings);
    world.becomes(false).await;
    let process = world.start("60");
    world.becomes(true).await;
    process.end();
    world.becomes(false).await;
}

#[tokio::test]
async fn lost_messages_are_made_up_for() {
    let mut world = World::new("trk");
    let (sender, events) = mpsc::unbounded_channel();
    // Room for a message or two: forks while nobody reads overrun it.
    let settings = world.settings();
    world.handle = Some(spawn(vec![settings], 1, move |event| {
        sender.send(event).ok();
    }));
    world.events = Some(events);
    world.becomes(false).await;
    // Nothing is awaited, so nothing is read.
    for _ in 0..100 {
        world.start("60").end();
    }
    let process = world.start("60");
    let mut up = false;
    while !up {
        let events = world.events.as_mut().unwrap();
        let event = timeout(PATIENCE, events.recv()).await;
        up = event.expect("no event in time").unwrap().up;
    }
    process.end();
    world.becomes(false).await;
}
