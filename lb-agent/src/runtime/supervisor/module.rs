//! IPVS's kernel module, loaded by a thread: modprobe may wait for a disk.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::config::model::Config;
use crate::net::ipvs;
use crate::runtime::clock;
use crate::runtime::priority::run_as_at_start;

/// How long it is not tried again: modprobe may succeed, and IPVS be gone in the next moment.
const PAUSE: Duration = Duration::from_secs(1);

/// The same after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// Who is loading it, if somebody is.
#[derive(Debug, Default)]
pub(super) struct Module {
    answer: Option<oneshot::Receiver<Result<(), String>>>,
    /// When it may be tried again.
    next: Option<Instant>,
}

impl Module {
    /// Has it loaded, with the schedulers of `config`, unless that is under way or was tried a moment
    /// ago.
    pub(super) fn ask(&mut self, config: &Config) {
        let now = clock::now();
        if self.answer.is_some() || self.next.is_some_and(|next| now < next) {
            return;
        }
        let schedulers = schedulers(config);
        let (sender, answer) = oneshot::channel();
        let started = std::thread::Builder::new()
            .name("modprobe".into())
            .spawn(move || {
                run_as_at_start();
                // The agent may have stopped meanwhile.
                sender.send(ipvs::load(&schedulers)).ok();
            });
        match started {
            Ok(_thread) => self.answer = Some(answer),
            Err(error) => {
                tracing::warn!("cannot start the thread that loads IPVS's module: {error}");
                self.next = Some(now + PAUSE_AFTER_FAILURE);
            }
        }
    }

    /// What has come of it; never, while nobody is loading it.
    pub(super) async fn answer(&mut self) -> Result<(), String> {
        let Some(answer) = &mut self.answer else {
            return std::future::pending().await;
        };
        let outcome = answer.await;
        self.answer = None;
        let outcome = outcome.unwrap_or_else(|_| Err("loading it broke off".to_owned()));
        let pause = match outcome {
            Ok(()) => PAUSE,
            Err(_) => PAUSE_AFTER_FAILURE,
        };
        self.next = Some(clock::now() + pause);
        outcome
    }
}

/// The schedulers of a configuration, each once.
pub(in crate::runtime) fn schedulers(config: &Config) -> Vec<&'static str> {
    let mut names: Vec<_> = config
        .virtual_servers
        .iter()
        .map(|server| server.lb_algo.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
