//! Waiting for a program to end, for a signal to us, or for the time to be up.

use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::now;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// How long a machine may take to switch off.
const GRACE: Duration = Duration::from_secs(5);

/// Signals that are waited for instead of ending us. Programs that are started get them as usual.
pub(super) struct Signals {
    queue: SignalFd,
}

impl Signals {
    pub(super) fn block() -> Result<Self> {
        let mut set = SigSet::empty();
        for signal in [
            Signal::SIGCHLD,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
        ] {
            set.add(signal);
        }
        set.thread_block().context("cannot block signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let queue = SignalFd::with_flags(&set, flags).context("cannot wait for signals")?;
        Ok(Self { queue })
    }

    /// Waits until a signal comes or the time is up.
    fn wait(&self, limit: Duration) -> Result<Option<Signal>> {
        let mut descriptors = [PollFd::new(self.queue.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        poll(&mut descriptors, limit).context("cannot wait for signals")?;
        let signal = self.queue.read_signal().context("cannot read a signal")?;
        Ok(signal.and_then(|it| Signal::try_from(it.ssi_signo.cast_signed()).ok()))
    }
}

/// How a program ended.
pub(super) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// We ended it: the time was up.
    TimedOut,
    /// We ended it because of this signal to us.
    Signalled(u8),
}

/// `command`, started so that a Ctrl-C reaches us and not it, and so that it goes when we are killed.
pub(super) fn bound(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound
        .args(["--pdeathsig", "TERM", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            bound.env(name, value);
        }
    }
    bound
}

/// Waits for the end of `child`, which leads a group; ends it after `limit` or when we are to end.
pub(super) fn until_ended(child: &mut Child, signals: &Signals, limit: Duration) -> Result<End> {
    let end = now() + limit;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the guest")? {
            return Ok(End::Exited(status));
        }
        let left = end.saturating_duration_since(now());
        if left.is_zero() {
            stop(child, signals)?;
            return Ok(End::TimedOut);
        }
        match signals.wait(left)? {
            None | Some(Signal::SIGCHLD) => {}
            Some(signal) => {
                stop(child, signals)?;
                return Ok(End::Signalled(u8::try_from(signal as i32).unwrap_or(0)));
            }
        }
    }
}

/// Asks the group to end, then ends it.
fn stop(child: &mut Child, signals: &Signals) -> Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let _gone_already = killpg(group, signal);
        let end = now() + GRACE;
        while now() < end {
            if child
                .try_wait()
                .context("cannot wait for the guest")?
                .is_some()
            {
                // What uml has started goes with it; this is for what does not.
                let _gone_already = killpg(group, Signal::SIGKILL);
                return Ok(());
            }
            signals.wait(end.saturating_duration_since(now()))?;
        }
    }
    Ok(())
}
