//! A kernel that was built without `CONFIG_BPF_SYSCALL`, as a program sees it: bpf(2) is not there
//! (`kernel/sys_ni.c`), and neither is the BPF file system nor the place where it would be mounted.
//! Seccomp answers for it, so it needs no kernel of its own.

use std::thread;

use anyhow::{Context, Result, anyhow};
use lb_tests::{Need, skipped};
use nix::errno::Errno;
use nix::libc::{SYS_bpf, SYS_mount, c_long};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Where the BPF file system is mounted on other kernels.
const BPF_FS: &str = "/sys/fs/bpf";

/// Does `work` on a thread that lives on such a kernel, with every program that it starts.
pub(crate) fn without_bpf<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let work = || {
        unshare(CloneFlags::CLONE_NEWNS).context("no mounts of our own")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        // It may be mounted more than once, or not at all.
        while umount2(BPF_FS, MntFlags::MNT_DETACH).is_ok() {}
        refuse(SYS_mount, Errno::ENOENT)?;
        refuse(SYS_bpf, Errno::ENOSYS)?;
        work()
    };
    thread::scope(|scope| {
        let done = scope.spawn(work).join();
        done.unwrap_or_else(|_| Err(anyhow!("a thread without BPF panicked")))
    })
}

/// From now on this system call fails for this thread and all that it starts.
fn refuse(call: c_long, with: Errno) -> Result<()> {
    let filter = SeccompFilter::new(
        [(call, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno((with as i32).cast_unsigned()),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program).context("seccomp takes no filter")
}

/// Whether this machine cannot do that, which has been said.
pub(crate) fn is_impossible() -> bool {
    skipped(&[Need::Root, Need::Seccomp])
}
