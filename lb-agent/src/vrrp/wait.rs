//! Waiting: for sockets, for a moment, for another thread; whichever comes first.
//!
//! epoll and a timer descriptor: precise to the microsecond, and nothing is built anew for each
//! wait.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Tokens of the two descriptors of our own; others must not use them.
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// Sockets that are ready at the same time; more wait for the next turn.
const READY_AT_ONCE: usize = 64;

/// Waits for everything that was registered.
pub(super) struct Wait {
    registry: Registry,
    timer: TimerFd,
    armed_for: Option<Instant>,
    waker: Waker,
    ready: Vec<EpollEvent>,
}

/// Adds descriptors to wait for. A closed descriptor is no longer waited for.
#[derive(Clone)]
pub(super) struct Registry(Arc<Epoll>);

/// Ends a wait from another thread.
#[derive(Clone)]
pub(super) struct Waker(Arc<EventFd>);

impl Wait {
    pub(super) fn new() -> io::Result<Self> {
        let registry = Registry(Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?));
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let waker = Waker(Arc::new(EventFd::from_flags(flags)?));
        registry.add(&timer, TIMER)?;
        registry.add(&*waker.0, WAKE)?;
        let ready = vec![EpollEvent::empty(); READY_AT_ONCE];
        Ok(Self {
            registry,
            timer,
            armed_for: None,
            waker,
            ready,
        })
    }

    pub(super) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits until something is ready or `deadline` has come, and calls `ready` with the token of
    /// each registered descriptor that is readable.
    pub(super) fn wait(
        &mut self,
        deadline: Option<Instant>,
        now: Instant,
        mut ready: impl FnMut(u64),
    ) -> io::Result<()> {
        let timeout = self.arm(deadline, now)?;
        let count = match self.registry.0.wait(&mut self.ready, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in self.ready.iter().take(count) {
            match event.data() {
                WAKE => drained(self.waker.0.read().map(drop))?,
                TIMER => {
                    self.armed_for = None;
                    // Non-blocking, and expired: this reads the count away.
                    drained(self.timer.wait())?;
                }
                token => ready(token),
            }
        }
        Ok(())
    }

    /// Sets the timer, if it is not set so already.
    fn arm(&mut self, deadline: Option<Instant>, now: Instant) -> io::Result<EpollTimeout> {
        if deadline == self.armed_for {
            return Ok(EpollTimeout::NONE);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        match left {
            None => self.timer.unset()?,
            // Zero would unset the timer.
            Some(Duration::ZERO) => return Ok(EpollTimeout::ZERO),
            Some(left) => {
                self.timer
                    .set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
            }
        }
        self.armed_for = deadline;
        Ok(EpollTimeout::NONE)
    }
}

impl Registry {
    pub(super) fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self
            .0
            .add(descriptor, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }
}

impl Waker {
    pub(super) fn wake(&self) -> io::Result<()> {
        Ok(self.0.write(1).map(drop)?)
    }
}

/// Somebody else may have read it, or it was set anew in between.
fn drained(read: nix::Result<()>) -> io::Result<()> {
    match read {
        Ok(()) | Err(Errno::EAGAIN) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
