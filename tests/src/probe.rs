//! A client that never stops asking, to see how long a service was away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::clock::{now, wait_until};
use crate::http::get;
use crate::namespace::Namespace;

/// Time between two requests, and the longest that one may take. They bound how exactly a gap is
/// measured.
const INTERVAL: Duration = Duration::from_millis(10);
const LIMIT: Duration = Duration::from_millis(100);

/// The longest that a request may take where none is to be lost: what a busy machine needs, but less
/// than the second after which a client repeats its SYN (RFC 6298 2.1).
const PATIENT_LIMIT: Duration = Duration::from_millis(900);

/// One request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it was sent.
    pub sent: Instant,
    /// When it was over.
    pub over: Instant,
    /// The server, or why there was no page.
    pub served: Result<String, String>,
}

/// A client in a machine that asks `target` for a page every 10 ms until it is dropped.
#[derive(Debug)]
pub struct Probe {
    stop: Arc<AtomicBool>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Starts asking, to measure a gap.
    pub fn start(machine: &Namespace, target: SocketAddr) -> Result<Self> {
        Self::within(machine, target, LIMIT)
    }

    /// Starts asking where no request is to be lost.
    pub fn patient(machine: &Namespace, target: SocketAddr) -> Result<Self> {
        Self::within(machine, target, PATIENT_LIMIT)
    }

    /// Starts asking; no request may take longer than `limit`.
    pub fn within(machine: &Namespace, target: SocketAddr, limit: Duration) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let asking = {
            let (stop, outcomes) = (Arc::clone(&stop), Arc::clone(&outcomes));
            // A thread started by a thread of the namespace stays in it.
            machine.enter(move || {
                thread::Builder::new()
                    .name("probe".to_owned())
                    .spawn(move || ask(target, limit, &stop, &outcomes))
                    .context("cannot start a thread")
            })?
        };
        Ok(Self {
            stop,
            outcomes,
            thread: Some(asking),
        })
    }

    /// Waits for a page that was asked for after `since`, from a server that `wanted` accepts.
    pub fn wait_for(
        &self,
        since: Instant,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Outcome> {
        let found = || {
            let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            let later = outcomes
                .iter()
                .rev()
                .take_while(|outcome| outcome.sent >= since);
            later
                .filter(|outcome| outcome.served.as_deref().is_ok_and(&wanted))
                .last()
                .cloned()
        };
        wait_until(limit, found).ok_or_else(|| anyhow!("no page within {limit:?}"))
    }

    /// Everything so far.
    pub fn report(&self) -> Report {
        Report(
            self.outcomes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported where it happened.
            drop(thread.join());
        }
    }
}

/// Asks until told to stop.
fn ask(target: SocketAddr, limit: Duration, stop: &AtomicBool, outcomes: &Mutex<Vec<Outcome>>) {
    while !stop.load(Ordering::Relaxed) {
        let sent = now();
        let served = get(target, None, limit)
            .map(|page| page.server)
            .map_err(|error| format!("{error:#}"));
        let outcome = Outcome {
            sent,
            over: now(),
            served,
        };
        outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(outcome);
        thread::sleep(INTERVAL);
    }
}

/// What a [`Probe`] has seen, in order.
#[derive(Clone, Debug)]
pub struct Report(pub Vec<Outcome>);

impl Report {
    /// The longest time without a page: from the sending of the first request that failed to the
    /// first page after it. Zero if none failed; to the last request if no page came any more.
    pub fn longest_gap(&self) -> Duration {
        let mut longest = Duration::ZERO;
        let mut since = None;
        for outcome in &self.0 {
            let start = *since.get_or_insert(outcome.sent);
            match outcome.served {
                Ok(_) if start == outcome.sent => {}
                Ok(_) | Err(_) => longest = longest.max(outcome.over - start),
            }
            if outcome.served.is_ok() {
                since = None;
            }
        }
        longest
    }

    /// For each `step` of time the last server that gave a page in it, or `None`.
    pub fn timeline(&self, step: Duration) -> Vec<Option<&str>> {
        let Some(start) = self.0.first().map(|outcome| outcome.sent) else {
            return Vec::new();
        };
        let mut timeline = Vec::new();
        for outcome in &self.0 {
            let number = ((outcome.over - start).as_nanos() / step.as_nanos().max(1)) as usize;
            timeline.resize(timeline.len().max(number + 1), None);
            if let (Ok(server), Some(entry)) = (&outcome.served, timeline.get_mut(number)) {
                *entry = Some(server.as_str());
            }
        }
        timeline
    }

    /// Requests that failed.
    pub fn failures(&self) -> usize {
        self.0
            .iter()
            .filter(|outcome| outcome.served.is_err())
            .count()
    }
}

#[cfg(test)]
mod tests;
