//! `vrrp_no_swap`, `checker_no_swap`, `bfd_no_swap`: the memory of this process stays in RAM.
//!
//! keepalived has three processes, here is one: any of the three locks all of it. What is there at
//! the start (the program and its libraries) is read in and stays. What comes later is locked when
//! it is first touched and not before: with a large configuration the kernel would otherwise fill
//! and clear hundreds of megabytes at a time, and every other thread of the process, VRRP's too,
//! would wait for it.

use nix::errno::Errno;
use nix::libc::MCL_ONFAULT;
use nix::sys::mman::{MlockAllFlags, mlockall};
use tracing::warn;

use crate::config::model::Processes;

/// Locks it, if that is asked for. What the system does not permit is said and done without.
pub fn apply(process: &Processes) {
    let keywords = [
        ("vrrp_no_swap", process.vrrp_no_swap),
        ("checker_no_swap", process.checker_no_swap),
        ("bfd_no_swap", process.bfd_no_swap),
    ];
    let asked = keywords.into_iter().find(|(_, given)| *given);
    if let Some((keyword, _)) = asked
        && let Err(errno) = lock()
    {
        warn!(
            "{keyword}: the memory cannot be locked: {errno}; CAP_IPC_LOCK or a higher \
             RLIMIT_MEMLOCK would permit it"
        );
    }
}

fn lock() -> Result<(), Errno> {
    mlockall(MlockAllFlags::MCL_CURRENT)?;
    // Linux 4.4. What the first call has locked stays so.
    let on_fault = MlockAllFlags::from_bits_retain(MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)
}
