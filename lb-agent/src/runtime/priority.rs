//! Priorities of the calling thread: `…_priority` (nice values) and `…_rt_priority`. What the system
//! does not permit is said and done without.

use std::sync::OnceLock;

use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
    ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tracing::{debug, info, warn};

/// What a thread is to run with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// The nice value, −20 (most) to 19.
    pub nice: Option<i8>,
    /// The priority among `SCHED_RR` threads, 1–99; then the nice value does not count.
    pub real_time: Option<u8>,
}

impl Priority {
    /// Applies to the calling thread; `of` is `bfd`, `checker` or `vrrp`: the beginning of the
    /// keywords. What it says nothing of is as it was when the process started.
    pub fn apply(self, of: &str) {
        run_as_at_start();
        if let Some(nice) = self.nice {
            run_nice(nice, &format!("{of}_priority"));
        }
        if let Some(priority) = self.real_time {
            run_real_time(priority, &format!("{of}_rt_priority"));
        }
    }
}

/// The nice value that the process was started with, once the agent's own thread has another
/// priority. Threads inherit that.
static AT_START: OnceLock<i8> = OnceLock::new();

/// `checker_priority` and `checker_rt_priority`: of the agent's own thread, which checks, counts and
/// keeps the data plane. Call it there, once.
pub fn apply_to_checks(priority: Priority) {
    if priority == Priority::default() {
        return;
    }
    // Without it other threads have what this one gets.
    if let Some(nice) = nice_of_this_thread() {
        AT_START.get_or_init(|| nice);
    }
    priority.apply("checker");
}

/// What the calling thread has inherited of `checker_priority` it gives up: it starts scripts, or
/// reads a whole configuration.
pub fn run_as_at_start() {
    let Some(nice) = AT_START.get() else { return };
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let outcome = value_for(*nice).map(|value| {
        set_thread_priority_and_policy(thread_native_id(), value, policy)
            .map_err(|error| format!("{error:?}"))
    });
    if let Some(Err(reason)) = outcome {
        debug!("a thread keeps the priority of the checks: {reason}");
    }
}

/// Field 19 of proc(5)'s `stat`.
fn nice_of_this_thread() -> Option<i8> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(16)?.parse().ok()
}

/// Runs the calling thread with a nice value.
fn run_nice(nice: i8, keyword: &str) {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let outcome = value_for(nice)
        .ok_or_else(|| "there is no such nice value".to_owned())
        .and_then(|value| {
            set_thread_priority_and_policy(thread_native_id(), value, policy)
                .map_err(|error| format!("{error:?}"))
        });
    match outcome {
        Ok(()) => info!("{keyword}: the thread runs with nice value {nice}"),
        Err(reason) => warn!(
            "{keyword} {nice} is not permitted: {reason}; CAP_SYS_NICE or a higher RLIMIT_NICE would \
             permit it"
        ),
    }
}

/// The library has priorities from 0 to 99, each of which means a nice value.
fn value_for(nice: i8) -> Option<ThreadPriority> {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let values = (0..100).filter_map(|it| ThreadPriorityValue::try_from(it).ok());
    let mut values = values.map(ThreadPriority::Crossplatform);
    values.find(|value| value.to_posix(policy) == Ok(nice.into()))
}

/// Runs the calling thread as `SCHED_RR`, as keepalived: a thread that loops gives way to others of
/// its priority.
pub fn run_real_time(priority: u8, keyword: &str) {
    match set_real_time(priority) {
        Ok(()) => info!("{keyword}: the thread runs with real-time priority {priority}"),
        Err(reason) => warn!(
            "{keyword} {priority} is not permitted: {reason}; CAP_SYS_NICE or a higher \
             RLIMIT_RTPRIO would permit it"
        ),
    }
}

fn set_real_time(priority: u8) -> Result<(), String> {
    let value = ThreadPriorityValue::try_from(priority)?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let value = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), value, policy)
        .map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `nice`, policy of this thread (proc(5)).
    fn of_this_thread() -> (i64, i64) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        (fields[16].parse().unwrap(), fields[38].parse().unwrap())
    }

    #[test]
    fn every_nice_value_can_be_said() {
        let unsaid: Vec<i8> = (-20..=19).filter(|it| value_for(*it).is_none()).collect();
        assert_eq!(unsaid, Vec::<i8>::new());
        assert_eq!(value_for(20), None);
    }

    #[test]
    fn a_thread_runs_with_what_it_was_given() {
        let nice = std::thread::spawn(|| {
            let nice = Some(7);
            Priority {
                nice,
                real_time: None,
            }
            .apply("bfd");
            of_this_thread()
        });
        assert_eq!(nice.join().unwrap(), (7, 0));
        if nix::unistd::geteuid().is_root() {
            let real_time = std::thread::spawn(|| {
                let real_time = Some(3);
                Priority {
                    nice: None,
                    real_time,
                }
                .apply("bfd");
                of_this_thread().1
            });
            // SCHED_RR
            assert_eq!(real_time.join().unwrap(), 2);
        }
    }

    #[test]
    fn what_the_checks_start_can_give_their_priority_up() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let before = of_this_thread().0;
        let checks = std::thread::spawn(|| {
            let nice = Some(9);
            apply_to_checks(Priority {
                nice,
                real_time: None,
            });
            let heir = std::thread::spawn(|| of_this_thread().0).join();
            let script = std::thread::spawn(|| {
                run_as_at_start();
                of_this_thread().0
            });
            (of_this_thread().0, heir.unwrap(), script.join().unwrap())
        });
        assert_eq!(checks.join().unwrap(), (9, 9, before));
    }
}
