use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file system that answers nobody until it is dropped.
struct Hanging {
    places: Arc<Places>,
    asked: Arc<AtomicUsize>,
    callers: JoinSet<()>,
    end: Option<mpsc::Sender<()>>,
    hangs: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Hanging {
    fn new() -> Self {
        let (end, hangs) = mpsc::channel();
        Self {
            places: Arc::default(),
            asked: Arc::default(),
            callers: JoinSet::new(),
            end: Some(end),
            hangs: Arc::new(Mutex::new(hangs)),
        }
    }

    /// Asks it for `path`, and lets it hang.
    fn ask(&mut self, path: String) {
        let (places, hangs) = (Arc::clone(&self.places), Arc::clone(&self.hangs));
        let asked = Arc::clone(&self.asked);
        self.callers.spawn(async move {
            let hang = move || {
                asked.fetch_add(1, Ordering::Relaxed);
                hangs.lock().unwrap().recv().ok();
            };
            places.call(Path::new(&path), hang).await.unwrap();
        });
    }

    /// How many calls have a thread, when all that get one have it.
    async fn threads(&self) -> usize {
        let mut before = usize::MAX;
        loop {
            let now = self.asked.load(Ordering::Relaxed);
            if now == before {
                return now;
            }
            before = now;
            #[expect(clippy::disallowed_methods, reason = "there is nothing to wait for")]
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// The file system answers again.
    async fn recovers(mut self) -> Arc<Places> {
        self.end = None;
        let ended = async { while self.callers.join_next().await.is_some() {} };
        timeout(PATIENCE, ended).await.expect("calls are left");
        self.places
    }
}

async fn answers(places: &Places, path: &str) -> bool {
    let call = places.call(Path::new(path), || 7);
    let answer = timeout(PATIENCE, call).await;
    answer.is_ok_and(|answer| answer.unwrap() == 7)
}

#[tokio::test]
async fn a_file_that_hangs_takes_one_thread_however_often_it_is_asked_for() {
    let mut hanging = Hanging::new();
    for _ in 0..600 {
        hanging.ask("/net/status".into());
    }
    assert_eq!(hanging.threads().await, 1);
    assert!(answers(&hanging.places, "/net/other").await);
    let asked = Arc::clone(&hanging.asked);
    hanging.recovers().await;
    assert_eq!(asked.load(Ordering::Relaxed), 600, "those that waited");
}

#[tokio::test]
async fn a_folder_that_hangs_leaves_threads_for_all_others() {
    let mut hanging = Hanging::new();
    for file in 0..600 {
        hanging.ask(format!("/net/{file}"));
    }
    assert_eq!(hanging.threads().await, IN_A_FOLDER);
    assert!(answers(&hanging.places, "/etc/status").await);
    hanging.recovers().await;
}

#[tokio::test]
async fn many_folders_that_hang_leave_threads_for_what_is_no_file() {
    let mut hanging = Hanging::new();
    for folder in 0..AT_ALL + 100 {
        hanging.ask(format!("/net/{folder}/status"));
    }
    assert_eq!(hanging.threads().await, AT_ALL);
    let other = timeout(PATIENCE, spawn_blocking(|| 7)).await;
    assert_eq!(other.unwrap().unwrap(), 7);
    hanging.recovers().await;
}

#[tokio::test]
async fn a_caller_that_goes_leaves_no_place_behind_but_that_of_a_call_under_way() {
    let mut hanging = Hanging::new();
    for _ in 0..2 {
        hanging.ask("/net/status".into());
    }
    assert_eq!(hanging.threads().await, 1);
    hanging.callers.abort_all();
    let call = hanging.places.call(Path::new("/net/status"), || 7);
    let early = timeout(Duration::from_millis(100), call).await;
    assert!(early.is_err(), "there are two calls under way");
    let places = hanging.recovers().await;
    assert!(answers(&places, "/net/status").await);
}

#[tokio::test]
async fn places_that_nobody_has_are_forgotten() {
    let places = Places::default();
    for file in 0..10 * FIRST_SWEEP {
        assert!(answers(&places, &format!("/etc/{file}")).await);
    }
    let known = places.known.lock().unwrap().places.len();
    assert!(known <= FIRST_SWEEP + 2, "{known}");
}
