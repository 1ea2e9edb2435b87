//! Ctrl-C, and SIGTERM: everything is taken down before we go.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use lb_tests::namespace;
use nix::sys::signal::{SigSet, Signal};

/// Status of a program that SIGINT has ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Whether a signal has come.
static CAME: AtomicBool = AtomicBool::new(false);

/// Starts to listen. Call it before any other thread is started: those would die of the signal.
pub(super) fn listen() -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block().context("cannot block signals")?;
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            while signals.wait().is_err() {}
            CAME.store(true, Ordering::Relaxed);
            println!("\nTaking the network down.");
            namespace::remove_own();
            exit(INTERRUPTED);
        })
        .context("cannot start a thread")?;
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
