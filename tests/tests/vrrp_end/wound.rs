//! Wounds of a thread of another process: it loses the descriptor that it waits on, or stands still.
//! No input can bring either about.

use std::fs;

use anyhow::{Context, Result};
use lb_tests::{PATIENCE, wait_until};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
#[cfg(target_arch = "x86_64")]
use {anyhow::ensure, nix::libc};

/// The thread stands still, and it alone. It goes on when it is let go, or when its process ends.
pub(crate) struct Still(Pid);

impl Still {
    pub(crate) fn hold(process: u32, thread: &str) -> Result<Self> {
        let thread = find(process, thread)?;
        ptrace::attach(thread).context("cannot stop the thread")?;
        waitpid(thread, Some(WaitPidFlag::__WALL))?;
        Ok(Self(thread))
    }

    pub(crate) fn let_go(self) -> Result<()> {
        Ok(ptrace::detach(self.0, None)?)
    }

    /// Waits until its process has ended: whoever stopped a thread is told before anybody else.
    pub(crate) fn wait_for_end(self) -> Result<()> {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
        let is_gone = || match waitpid(self.0, Some(flags)) {
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => Some(()),
            Ok(_) => None,
        };
        wait_until(PATIENCE, is_gone).context("the process goes on")
    }
}

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
pub(crate) fn find(process: u32, name: &str) -> Result<Pid> {
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?;
        if fs::read_to_string(task.path().join("comm"))?.trim_end() == name {
            let id = task.file_name().to_string_lossy().parse()?;
            return Ok(Pid::from_raw(id));
        }
    }
    anyhow::bail!("process {process} has no thread {name}")
}
