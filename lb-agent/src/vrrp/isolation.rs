//! What keeps the VRRP thread on time beside everything else on the machine: real-time priority
//! and memory that stays in RAM, both only when asked for.

use std::time::Duration;

use nix::sys::mman::{MlockAllFlags, mlockall};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tracing::{info, warn};

/// `vrrp_rt_priority`, `vrrp_no_swap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Priority among `SCHED_RR` threads, 1–99; `None`: a thread like any other.
    pub vrrp_rt_priority: Option<u8>,
    /// Nothing of the process is swapped out.
    pub vrrp_no_swap: bool,
}

impl Isolation {
    /// Applies to the calling thread and its process. What the system does not permit is said and
    /// done without.
    pub fn apply(self) {
        if let Some(priority) = self.vrrp_rt_priority {
            match set_real_time(priority) {
                Ok(()) => info!("VRRP runs with real-time priority {priority}"),
                Err(reason) => warn!(
                    "vrrp_rt_priority {priority} is not permitted: {reason}; CAP_SYS_NICE or a \
                     higher RLIMIT_RTPRIO would permit it"
                ),
            }
        }
        if self.vrrp_no_swap
            && let Err(errno) = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
        {
            warn!(
                "vrrp_no_swap: the memory cannot be locked: {errno}; CAP_IPC_LOCK or a higher \
                 RLIMIT_MEMLOCK would permit it"
            );
        }
    }
}

/// `SCHED_RR`, as keepalived: a thread that loops gives way to others of its priority.
fn set_real_time(priority: u8) -> Result<(), String> {
    let value = ThreadPriorityValue::try_from(priority)?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Crossplatform(value),
        policy,
    )
    .map_err(|error| format!("{error:?}"))
}

/// Later than this part of its interval an advert counts as late.
pub const LATE: u32 = 5;

/// Whether a timer that ran out `late` after its time is late for this interval.
pub fn is_late(late: Duration, interval: Duration) -> bool {
    late > interval / LATE
}
