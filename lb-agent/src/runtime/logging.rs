//! The log: lines go through a channel to a thread of their own, so that a slow disk or a stuck
//! terminal never holds up an advert. When the channel is full lines are dropped and counted.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written: some seconds of a very bad day.
const BACKLOG: usize = 4096;

/// Keeps the writing thread; dropping it writes what is left.
pub struct Log {
    thread: Option<JoinHandle<()>>,
    lines: Lines,
}

#[derive(Clone)]
struct Lines {
    sender: SyncSender<Option<Vec<u8>>>,
    lost: Arc<AtomicU64>,
}

/// Starts logging to standard error.
///
/// `level` is a level or a filter as in `RUST_LOG`, which wins when it is set.
pub fn start(level: &str) -> io::Result<Log> {
    let (sender, receiver) = sync_channel(BACKLOG);
    let lost = Arc::new(AtomicU64::new(0));
    let lines = Lines {
        sender,
        lost: Arc::clone(&lost),
    };
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write(&receiver, &lost))?;
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_not_set| EnvFilter::try_new(level))
        .unwrap_or_else(|_nonsense| EnvFilter::new("info"));
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(lines.clone());
    // The journal has a clock of its own.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        format.without_time().init();
    } else {
        format.init();
    }
    Ok(Log {
        thread: Some(thread),
        lines,
    })
}

fn write(receiver: &Receiver<Option<Vec<u8>>>, lost: &AtomicU64) {
    let mut stderr = io::stderr();
    while let Ok(Some(line)) = receiver.recv() {
        // Nobody is left to be told when standard error is gone.
        let _gone = stderr.write_all(&line);
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let _gone = writeln!(
                stderr,
                "({missing} lines of this log were lost: too many at once)"
            );
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _stopped = self.lines.sender.send(None);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// One line on its way; tracing writes it at once.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.sender.try_send(Some(line.to_vec())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}
