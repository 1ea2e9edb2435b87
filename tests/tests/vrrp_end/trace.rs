//! What a thread of another process asks of the kernel.

use std::collections::BTreeSet;

use anyhow::Result;
#[cfg(target_arch = "x86_64")]
use {
    crate::wound,
    anyhow::Context,
    nix::libc,
    nix::sys::ptrace::{self, Options},
    nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid},
    nix::unistd::Pid,
    std::sync::atomic::{AtomicBool, Ordering},
    std::sync::mpsc::{Sender, channel},
    std::thread,
};

/// Registers are those of one architecture.
pub(crate) const IS_POSSIBLE: bool = cfg!(target_arch = "x86_64");

/// System calls that name a file, and those that send.
#[cfg(target_arch = "x86_64")]
const KINDS: [(&str, &[i64]); 2] = [
    (
        "file",
        &[
            libc::SYS_open,
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_creat,
            libc::SYS_stat,
            libc::SYS_lstat,
            libc::SYS_newfstatat,
            libc::SYS_statx,
            libc::SYS_access,
            libc::SYS_faccessat,
            libc::SYS_readlink,
            libc::SYS_readlinkat,
            libc::SYS_unlink,
            libc::SYS_rename,
            libc::SYS_getdents64,
            libc::SYS_execve,
        ],
    ),
    (
        "send",
        &[libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg],
    ),
];

/// The kinds of system calls that the thread makes while `during` runs.
#[cfg(target_arch = "x86_64")]
pub(crate) fn calls(
    process: u32,
    name: &str,
    during: impl FnOnce() -> Result<()>,
) -> Result<BTreeSet<&'static str>> {
    let traced = wound::find(process, name)?;
    let enough = AtomicBool::new(false);
    let (begun, begins) = channel();
    thread::scope(|scope| {
        // Whoever attaches does all the rest, too.
        let tracer = scope.spawn(|| trace(traced, &begun, &enough));
        let done = match begins.recv().context("the tracer has ended") {
            Ok(()) => during(),
            Err(error) => Err(error),
        };
        enough.store(true, Ordering::SeqCst);
        let calls = tracer.join();
        done?;
        calls.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(target_arch = "x86_64")]
fn trace(thread: Pid, begun: &Sender<()>, enough: &AtomicBool) -> Result<BTreeSet<&'static str>> {
    ptrace::attach(thread).context("cannot stop the thread")?;
    waitpid(thread, Some(WaitPidFlag::__WALL))?;
    ptrace::setoptions(thread, Options::PTRACE_O_TRACESYSGOOD)?;
    begun.send(())?;
    let mut calls = BTreeSet::new();
    while !enough.load(Ordering::SeqCst) {
        ptrace::syscall(thread, None)?;
        if let WaitStatus::PtraceSyscall(_) = waitpid(thread, Some(WaitPidFlag::__WALL))? {
            let number = ptrace::getregs(thread)?.orig_rax;
            let number = i64::from_ne_bytes(number.to_ne_bytes());
            let kinds = KINDS
                .iter()
                .filter(|(_, numbers)| numbers.contains(&number));
            calls.extend(kinds.map(|(kind, _)| *kind));
        }
    }
    ptrace::detach(thread, None)?;
    Ok(calls)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn calls(
    _process: u32,
    _name: &str,
    _during: impl FnOnce() -> Result<()>,
) -> Result<BTreeSet<&'static str>> {
    anyhow::bail!("not on this architecture")
}
