//! Takes from a thread of another process the descriptor that it waits on: an error which no input
//! can bring about.

use std::fs;

use anyhow::Result;
#[cfg(target_arch = "x86_64")]
use {
    anyhow::{Context, ensure},
    nix::libc,
    nix::sys::ptrace,
    nix::sys::wait::{WaitPidFlag, waitpid},
    nix::unistd::Pid,
};

/// Registers are those of one architecture.
pub(crate) const IS_POSSIBLE: bool = cfg!(target_arch = "x86_64");

/// The thread's next `epoll_wait` fails.
#[cfg(target_arch = "x86_64")]
pub(crate) fn take_epoll(process: u32, thread: &str) -> Result<()> {
    let thread = find(process, thread)?;
    ptrace::attach(thread).context("cannot stop the thread")?;
    waitpid(thread, Some(WaitPidFlag::__WALL))?;
    let before = ptrace::getregs(thread)?;
    // Stopped in it: the number and the first argument are still there.
    let waits = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
    let number = i64::from_ne_bytes(before.orig_rax.to_ne_bytes());
    let mut regs = before;
    // Back to the `syscall` instruction, two bytes long; not to be taken for a system call that is
    // to be restarted. The descriptor becomes one of standard input, on which nobody can wait so:
    // Rust would notice at its end that it is closed.
    (regs.rip, regs.orig_rax) = (before.rip - 2, u64::MAX);
    (regs.rax, regs.rdi, regs.rsi) = (u64::try_from(libc::SYS_dup2)?, 0, before.rdi);
    let is_waiting = waits.contains(&number);
    if is_waiting {
        ptrace::setregs(thread, regs)?;
        ptrace::step(thread, None)?;
        waitpid(thread, Some(WaitPidFlag::__WALL))?;
    }
    let taken = ptrace::getregs(thread)?.rax;
    let mut after = before;
    after.orig_rax = u64::MAX;
    // Interrupted, as by a signal.
    after.rax = u64::from_ne_bytes((-i64::from(libc::EINTR)).to_ne_bytes());
    ptrace::setregs(thread, after)?;
    ptrace::detach(thread, None)?;
    ensure!(is_waiting, "the thread waits in system call {number}");
    ensure!(taken == before.rdi, "dup2() gave {taken:#x}");
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn take_epoll(_process: u32, _thread: &str) -> Result<()> {
    anyhow::bail!("not on this architecture")
}

/// The thread of this name.
#[cfg(target_arch = "x86_64")]
fn find(process: u32, name: &str) -> Result<Pid> {
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?;
        if fs::read_to_string(task.path().join("comm"))?.trim_end() == name {
            let id = task.file_name().to_string_lossy().parse()?;
            return Ok(Pid::from_raw(id));
        }
    }
    anyhow::bail!("process {process} has no thread {name}")
}
