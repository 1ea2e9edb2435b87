//! Looks at the file once a second, on a thread where a slow disk keeps nobody waiting.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::warn;

use super::Schedule;
use crate::config::model::Reload;
use crate::runtime::{blocking, clock, files};

/// How often the file is looked at. It does not put off a reload that is due.
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of a file that holds a time, and what somebody may have written below it.
const LONGEST: u64 = 4096;

/// Waits for the time in the file that a configuration names. Dropped, it waits no longer.
#[derive(Debug, Default)]
pub struct TimedReload {
    file: Option<PathBuf>,
    repeat: bool,
    running: Option<(JoinHandle<()>, mpsc::Receiver<()>)>,
}

impl TimedReload {
    /// Follows a configuration. One that names the same file changes nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn follow(&mut self, reload: &Reload) {
        let (file, repeat) = (&reload.reload_time_file, reload.reload_repeat);
        if self.file == *file && self.repeat == repeat {
            return;
        }
        self.stop();
        (self.file, self.repeat) = (file.clone(), repeat);
        self.running = file.clone().map(|file| {
            let (sender, receiver) = mpsc::channel(1);
            (tokio::spawn(watch(file, repeat, sender)), receiver)
        });
    }

    /// Until a reload is due; for ever, while none is planned.
    pub async fn due(&mut self) {
        if let Some((_, receiver)) = &mut self.running
            && receiver.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    fn stop(&mut self) {
        if let Some((task, _)) = self.running.take() {
            task.abort();
        }
    }
}

impl Drop for TimedReload {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn watch(file: PathBuf, repeat: bool, due: mpsc::Sender<()>) {
    let mut schedule = Schedule::default();
    let mut failure = None;
    loop {
        let path = file.clone();
        match blocking::call(&file, move || read(&path)).await {
            Ok(Ok(text)) => {
                failure = None;
                let line = schedule.handle_text(text.as_deref(), now(), &TimeZone::system());
                if let Some(line) = line {
                    line.write();
                }
            }
            Ok(Err(error)) => say_once(&mut failure, &file, &error),
            // The runtime ends.
            Err(_) => return,
        }
        if schedule.handle_timeout(now(), repeat, &TimeZone::system()) {
            if !repeat {
                let path = file.clone();
                // It ends with the runtime only.
                blocking::call(&file, move || remove(&path)).await.ok();
            }
            if due.send(()).await.is_err() {
                return;
            }
        }
        let left = schedule.poll_timeout().map(|due| due.duration_since(now()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        let left = left.map_or(INTERVAL, |left| left.min(INTERVAL));
        sleep_until((clock::now() + left).into()).await;
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(std::time::UNIX_EPOCH + clock::since_1970()).unwrap_or_default()
}

fn say_once(before: &mut Option<ErrorKind>, file: &Path, error: &io::Error) {
    if before.replace(error.kind()) != Some(error.kind()) {
        warn!("cannot read reload_time_file {}: {error}", file.display());
    }
}

/// The text of the file; `None`: there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match files::read(path, LONGEST) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// So that the next start does not take the time of day for tomorrow's.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        warn!("cannot remove reload_time_file {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests;
