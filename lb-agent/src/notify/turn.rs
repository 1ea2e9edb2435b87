//! Whose turn it is: one script at a time, in the order of the events. Pure.
//!
//! Nothing is dropped as long as there is room. When a subject flaps faster than its scripts run,
//! the oldest events in the queue go first; the last one is always told. A script that runs longer
//! than [`PATIENCE`] while another waits is left to itself and no longer waited for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a script may keep the next one of its subject waiting.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Events of one subject that may wait.
pub const MOST_WAITING: usize = 256;

/// The queue of one subject. `T` is what is run for one event, one after another.
#[derive(Debug)]
pub struct Turn<T> {
    waiting: VecDeque<VecDeque<T>>,
    running: Option<Instant>,
    dropped: u64,
}

impl<T> Default for Turn<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: None,
            dropped: 0,
        }
    }
}

impl<T> Turn<T> {
    /// An event, and what is to be run for it. Whether there was room for it and all before it.
    pub fn push(&mut self, event: impl IntoIterator<Item = T>) -> bool {
        let event: VecDeque<T> = event.into_iter().collect();
        if event.is_empty() {
            return true;
        }
        self.waiting.push_back(event);
        let room = self.waiting.len() <= MOST_WAITING;
        if !room {
            self.waiting.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        room
    }

    /// What is to be started `now`, if nothing runs.
    #[must_use]
    pub fn start(&mut self, now: Instant) -> Option<T> {
        if self.running.is_some() {
            return None;
        }
        let event = self.waiting.front_mut()?;
        let next = event.pop_front();
        if event.is_empty() {
            self.waiting.pop_front();
        }
        self.running = next.as_ref().map(|_| now);
        next
    }

    /// Whether [`Self::start`] has something to start.
    pub fn is_ready(&self) -> bool {
        self.running.is_none() && !self.waiting.is_empty()
    }

    /// What was started has ended.
    pub fn ended(&mut self) {
        self.running = None;
    }

    /// Whether what runs has been waited for long enough; then the next may start.
    pub fn give_up(&mut self, now: Instant) -> bool {
        let late = self.poll_timeout().is_some_and(|until| until <= now);
        if late {
            self.running = None;
        }
        late
    }

    /// When to call [`Self::give_up`]; `None`: nobody waits.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.front()?;
        self.running?.checked_add(PATIENCE)
    }

    /// Whether something runs that the next one waits for.
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// Events that were never told.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests;
