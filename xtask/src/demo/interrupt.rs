//! Ctrl-C, SIGTERM, and a terminal that is closed: everything is taken down before we go.

use std::io::{self, Write as _};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use lb_tests::namespace;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Status of a program that SIGINT has ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Whether a signal has come.
static CAME: AtomicBool = AtomicBool::new(false);

/// Starts to listen. Programs that are started later hear of the signals as usual.
pub(super) fn listen() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        )
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        CAME.store(true, Ordering::Relaxed);
        // Of a terminal that is closed nobody reads it.
        drop(writeln!(io::stdout(), "\nTaking the network down."));
        namespace::remove_own();
        exit(INTERRUPTED);
    };
    let thread = thread::Builder::new().name("interrupt".to_owned());
    thread.spawn(wait).context("cannot start a thread")?;
    Ok(())
}

/// Whether a signal has come: the program is about to end.
pub(super) fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}

/// Waits for a signal, and for the end of the program.
pub(super) fn wait() -> ! {
    loop {
        thread::park();
    }
}
