//! One run of a script.
//!
//! The script leads a process group of its own, with `/dev/null` for its input and outputs, `/` for
//! its directory and no groups but its user's, unless `set_supplementary_groups` is on. When its time is over the group is sent SIGTERM;
//! SIGKILL follows as soon as the leader has ended, so that nothing it started outlives it, or two
//! seconds later. A script that ends in time may leave processes behind, as with keepalived. One that
//! not even SIGKILL ends, because the kernel waits in it for a disk, is waited for two seconds more;
//! until it is gone, it is not started again and counts as one that takes too long.
//!
//! Waiting is per process (tokio's pidfd), so other children of this process are nobody's
//! business here. The start itself, which ends only when the program is loaded, happens on one of
//! tokio's threads for what blocks, one start of a program at a time ([`blocking`]): a file system
//! that hangs holds up its own scripts only.

mod stuck;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep_until, timeout_at};
use tracing::warn;

use self::stuck::Stuck;
use super::{Script, User, groups};
use crate::runtime::{blocking, clock};

/// From SIGTERM to SIGKILL, and from there to the complaint that nothing helps.
const GRACE: Duration = Duration::from_secs(2);

/// How often a script that was told to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What systemd told us, and not the scripts: they must not speak in our name.
const OURS_ALONE: [&str; 5] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
];

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With this status.
    Exited(u8),
    /// By this signal, which we did not send.
    Signalled(i32),
    /// It took too long and was ended, or an earlier run that could not be ended is still there.
    TimedOut,
    /// It had not been loaded when its time was over: its file system hangs.
    NotStarted,
    /// It could not be started: the system's words.
    NotRun(String),
}

/// What happens to a script when nobody waits for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// Its group is sent SIGTERM: checks, whose result nobody wants.
    Terminate,
    /// It goes on: notifications.
    GoesOn,
}

/// Runs `script` to its end, or for `limit`; `None`: as long as it takes.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn run(script: &Script, limit: Option<Duration>, abandoned: Abandoned) -> Outcome {
    if stuck::is_there(script) {
        return Outcome::TimedOut;
    }
    // The start counts: a program on a file system that hangs takes as long as one that hangs.
    let deadline = limit.and_then(|limit| clock::now().checked_add(limit));
    let started = match deadline {
        None => start(script, abandoned).await,
        Some(deadline) => match timeout_at(deadline.into(), start(script, abandoned)).await {
            Ok(started) => started,
            // Should it start after all, it is told to end.
            Err(_elapsed) => return Outcome::NotStarted,
        },
    };
    match started {
        Ok(running) => running.wait_until(deadline, script).await,
        Err(reason) => Outcome::NotRun(reason),
    }
}

/// A script that was started.
pub struct Running {
    group: Group,
    name: String,
}

impl Running {
    /// Until it has ended.
    pub async fn wait(self) -> Outcome {
        let Self { mut group, name: _ } = self;
        let ended = group.child.wait().await;
        group.reaped = true;
        outcome(ended)
    }

    async fn wait_until(self, deadline: Option<Instant>, script: &Script) -> Outcome {
        let Some(deadline) = deadline else {
            return self.wait().await;
        };
        let Self { mut group, name } = self;
        match timeout_at(deadline.into(), group.child.wait()).await {
            Ok(ended) => {
                group.reaped = true;
                outcome(ended)
            }
            Err(_elapsed) => {
                end(group, name, script).await;
                Outcome::TimedOut
            }
        }
    }
}

fn outcome(ended: io::Result<ExitStatus>) -> Outcome {
    let status = match ended {
        Ok(status) => status,
        Err(error) => return Outcome::NotRun(format!("cannot wait for it: {error}")),
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
        (None, Some(signal)) => Outcome::Signalled(signal),
        (None, None) => Outcome::NotRun(format!("ended with {status}")),
    }
}

/// SIGTERM, SIGKILL, and only then the reaping: as long as the leader is not reaped, the number of
/// its group cannot be anybody else's.
async fn end(group: Group, name: String, script: &Script) {
    group.signal(Signal::SIGTERM);
    group.wait_for_leader(clock::now() + GRACE).await;
    group.signal(Signal::SIGKILL);
    if group.wait_for_leader(clock::now() + GRACE).await {
        return reap(group, &name).await;
    }
    let pid = group.leader;
    warn!(
        "Script {name} child (PID {pid}) failed to terminate after kill: it is not run again while \
         it is there"
    );
    let stuck = Stuck::new(script.clone());
    tokio::spawn(async move {
        reap(group, &name).await;
        drop(stuck);
    });
}

async fn reap(mut group: Group, name: &str) {
    if let Err(error) = group.child.wait().await {
        warn!("cannot wait for {name}: {error}");
    }
    group.reaped = true;
}

/// Starts `script`; `Err`: the system's words why it cannot be.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn start(script: &Script, abandoned: Abandoned) -> Result<Running, String> {
    let mut command = command(script);
    let name = script.program.display().to_string();
    let started = blocking::call(&script.program, move || {
        let child = command.spawn().map_err(|error| describe(&error))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = Pid::from_raw(id.ok_or("it has no process id")?);
        let group = Group {
            child,
            leader,
            abandoned,
            reaped: false,
        };
        Ok(Running { group, name })
    });
    started
        .await
        .unwrap_or_else(|error| Err(format!("cannot be started: {error}")))
}

/// The system's words without Rust's number behind them.
fn describe(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| nix::errno::Errno::from_raw(number).desc().into(),
    )
}

fn command(script: &Script) -> Command {
    let own = User::own();
    let mut command = if script.supplementary_groups && own.uid == 0 {
        let mut command = Command::new(groups::SELF);
        command.args(groups::arguments(script));
        command
    } else {
        with_one_group(script, own)
    };
    command
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for name in OURS_ALONE {
        command.env_remove(name);
    }
    command
}

/// The script itself, with no groups but its user's.
fn with_one_group(script: &Script, own: User) -> Command {
    let mut command = Command::new(&script.program);
    command.args(&script.arguments);
    let User { uid, gid } = script.user;
    if own.gid != gid || own.uid == 0 {
        command.gid(gid);
    }
    // As root this also drops our other groups (std's Command does, before setuid).
    if own.uid != uid || own.uid == 0 {
        command.uid(uid);
    }
    command
}

/// A running script and what it has started.
struct Group {
    child: Child,
    /// Also the number of the group.
    leader: Pid,
    abandoned: Abandoned,
    reaped: bool,
}

impl Group {
    fn signal(&self, signal: Signal) {
        // ESRCH: it has just ended. EPERM cannot be: a script with fewer rights than we have.
        killpg(self.leader, signal).ok();
    }

    /// Whether the leader has ended by `deadline`; it is not reaped.
    async fn wait_for_leader(&self, deadline: Instant) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        loop {
            match waitid(Id::Pid(self.leader), flags) {
                Ok(WaitStatus::StillAlive) => {}
                // An error: nothing to wait for.
                Ok(_) | Err(_) => return true,
            }
            let now = clock::now();
            if now >= deadline {
                return false;
            }
            sleep_until((now + LOOK).into()).await;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        match self.abandoned {
            Abandoned::Terminate if !self.reaped => self.signal(Signal::SIGTERM),
            Abandoned::Terminate | Abandoned::GoesOn => {}
        }
    }
}

#[cfg(test)]
mod tests;
