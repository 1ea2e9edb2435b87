//! `vrrp_no_swap`, `checker_no_swap`, `bfd_no_swap`: memory that stays in RAM.
//!
//! What is there at the start (the program, its libraries) is read in and stays. What comes later is
//! locked when it is first touched and not before: at the reload of a large configuration the kernel
//! would otherwise fill and clear hundreds of megabytes at a time, and every other thread of the
//! process, VRRP's too, would wait for that.

use nix::errno::Errno;
use nix::libc::MCL_ONFAULT;
use nix::sys::mman::{MlockAllFlags, mlockall};
use tracing::{info, warn};

use crate::config::model::Processes;

/// The keyword that wants it; `None`: nobody does. There is one process: its memory is locked as a
/// whole, whoever wants it.
const fn wanted(process: &Processes) -> Option<&'static str> {
    if process.vrrp_no_swap {
        Some("vrrp_no_swap")
    } else if process.checker_no_swap {
        Some("checker_no_swap")
    } else if process.bfd_no_swap {
        Some("bfd_no_swap")
    } else {
        None
    }
}

/// Locks the memory of the process, what it has and what it will get, if that is wanted. What the
/// system does not permit is said and done without.
pub fn lock(process: &Processes) {
    let Some(keyword) = wanted(process) else {
        return;
    };
    match lock_all() {
        Ok(()) => info!("the memory is locked ({keyword})"),
        Err(errno) => warn!(
            "{keyword}: the memory cannot be locked: {errno}; CAP_IPC_LOCK or a higher \
             RLIMIT_MEMLOCK would permit it"
        ),
    }
}

fn lock_all() -> Result<(), Errno> {
    mlockall(MlockAllFlags::MCL_CURRENT)?;
    // Linux 4.4. What the first call has locked stays so.
    let on_fault = MlockAllFlags::from_bits_retain(MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_three_keywords_locks_the_memory_and_none_does_not() {
        assert_eq!(wanted(&Processes::default()), None);
        let checker = Processes {
            checker_no_swap: true,
            ..Processes::default()
        };
        assert_eq!(wanted(&checker), Some("checker_no_swap"));
        let bfd = Processes {
            bfd_no_swap: true,
            ..Processes::default()
        };
        assert_eq!(wanted(&bfd), Some("bfd_no_swap"));
    }
}
