//! The supervisor: the one task that owns the director and the data plane. Whatever happens comes
//! to it, and everything that has to be done it does, in order.

mod applied;
mod balancer;
mod begin;
mod bfd;
mod calls;
mod conduct;
mod dumps;
mod error;
mod forwarding;
mod hear;
mod ipvs;
mod listener;
mod loss;
mod memory;
pub(in crate::runtime) mod module;
mod network;
mod paths;
mod planes;
mod reload;
mod residue;
mod said;
mod saving;
mod signals;
mod startup;
mod telling;
mod vigil;
mod vrrp;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{debug, info};

use self::applied::Applied;
use self::bfd::{Reached, Sessions};
pub use self::conduct::Conduct;
use self::dumps::Dump;
pub use self::error::RunError;
use self::memory::Memory;
use self::network::Network;
use self::planes::Planes;
use self::reload::Reloads;
use self::signals::{Asked, Signals};
use self::telling::Telling;
use self::vigil::Vigil;
use super::director::Director;
use super::lock::InstanceLock;
use super::priority::{Priority, apply_to_checks, run_as_at_start};
use super::reload::Origin;
use super::reload::timed::driver::TimedReload;
use super::status::StatusFile;
use super::trackers::Trackers;
use super::{clock, memory as process_memory, systemd};
use crate::config::Loaded;
use crate::config::model::Config;
use crate::control;
use crate::health;
use crate::log_line::LogLine;
use crate::script::Programs;
use crate::vrrp::settings::Setup;
use crate::vrrp::{News, driver};

/// How long what still reads a file at the end is waited for.
const LINGERING: Duration = Duration::from_secs(1);

/// How often the program hears that the agent is alive. `xdp_deadman` counts from the last time.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Runs one agent until it is told to stop.
///
/// `instance` names the place of its pins and its files; `origin` is where `loaded` came from.
///
/// `begun` is called when it is certain that this is the only agent of its name; what it gives is
/// dropped at the end.
pub fn run<T>(
    loaded: Loaded,
    origin: Origin,
    instance: &str,
    conduct: Conduct,
    begun: impl FnOnce() -> T,
) -> Result<(), RunError> {
    let _lock = InstanceLock::take(instance, StatusFile::new(instance).folder())?;
    let _until_the_end = begun();
    raise_open_files();
    process_memory::lock(&loaded.config.global_defs.process);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Those start scripts.
        .on_thread_start(run_as_at_start)
        .build()?;
    let ended = runtime.block_on(async {
        let config = &loaded.config;
        let scripts = config.global_defs.scripts.clone();
        let programs = Programs::new(scripts, std::env::var_os("PATH"));
        let mut signals = Signals::new()?;
        let (startup, _) = startup::find(config, &programs);
        tokio::select! {
            () = startup::run("startup", startup) => {}
            () = signals.stop() => {
                info!("Stopped while the startup script ran; nothing was started");
                return Ok(());
            }
        }
        let (setup, checks) = (Setup::from(config), checks_priority(config));
        let started = Supervisor::start(loaded, origin, instance, conduct, &programs, signals);
        let mut supervisor =
            started.inspect_err(|_| residue::after_failed_start(instance, setup))?;
        apply_to_checks(checks);
        systemd::ready();
        let served = supervisor.serve().await;
        systemd::stopping();
        info!("Stopping");
        let config = Arc::clone(supervisor.director.config());
        supervisor.stop().await;
        let scripts = config.global_defs.scripts.clone();
        let programs = Programs::new(scripts, std::env::var_os("PATH"));
        let shutdown = startup::find_shutdown(&config, &programs);
        startup::run("shutdown", shutdown).await;
        info!("Stopped");
        served
    });
    // A file system that does not answer holds threads that read from it: nobody waits for them.
    runtime.shutdown_timeout(LINGERING);
    ended
}

/// `checker_priority`, `checker_rt_priority`.
fn checks_priority(config: &Config) -> Priority {
    let process = &config.global_defs.process;
    Priority {
        nice: process.checker_priority,
        real_time: process.checker_rt_priority,
    }
}

/// Every probe of a server holds a descriptor; the soft limit of most systems is 1024.
fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        info!("the limit of open files stays as it is: {error}");
    }
}

struct Supervisor {
    /// `--instance`: the name of this agent.
    instance: String,
    director: Director,
    network: Network,
    planes: Planes,
    vrrp: Option<driver::Handle>,
    vigil: Vigil,
    /// For who starts VRRP later.
    tell: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    /// Names of the instances that `news` means by their places.
    places: Vec<String>,
    trackers: Option<Trackers>,
    sessions: Sessions,
    reached: mpsc::UnboundedReceiver<Reached>,
    telling: Telling,
    health: health::driver::Handle,
    events: mpsc::UnboundedReceiver<health::Event>,
    status: StatusFile,
    control: Option<control::server::Server>,
    reloads: Reloads,
    timed: TimedReload,
    memory: Memory,
    signals: Signals,
    conduct: Conduct,
    /// The data plane has to hear of something at once.
    stale: bool,
    /// What of health it has not heard of.
    applied: Applied,
}

impl Supervisor {
    /// Until a signal says stop, or VRRP is no more: an agent without it would go on to forward
    /// beside the next MASTER.
    async fn serve(&mut self) -> Result<(), RunError> {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                asked = self.signals.next() => match asked {
                    Asked::Stop => return Ok(()),
                    Asked::Reload => self.handle_reload(None),
                    Asked::Dump(dump) => self.write_dump(dump),
                },
                () = self.timed.due() => self.handle_reload(None),
                outcome = self.reloads.read() => self.handle_prepared(outcome),
                call = next_call(self.control.as_mut()) => self.handle_call(call),
                Some(news) = self.news.recv() => self.handle_all_news(&news),
                Some(event) = self.events.recv() => self.handle_events(&event),
                Some((name, session)) = self.reached.recv() => self.health.set_bfd(name, session),
                event = self.network.news() => {
                    self.stale |= self.network.handle(event, &mut self.director);
                }
                // The next one may be due.
                () = self.memory.written() => {}
                () = wait_until(self.director.hops().poll_timeout()) => {
                    self.director.hops().handle_timeout(clock::now());
                }
                () = wait_until(self.director.poll_timeout()) => {
                    self.stale |= self.director.handle_timeout(clock::now());
                }
                () = wait_until(self.planes.poll_timeout()) => {
                    self.stale |= self.planes.look(&self.director);
                }
                outcome = self.planes.module() => {
                    self.stale |= self.planes.handle_module(outcome, &mut self.director);
                }
                // What health has found may be applied now.
                () = wait_until(self.applied.poll_timeout()) => {}
                _ = heartbeat.tick() => self.beat(),
            }
            self.settle();
            self.update();
            self.remember();
            if self.vrrp.as_ref().is_some_and(driver::Handle::has_ended) {
                return Err(RunError::VrrpEnded);
            }
            if self.vrrp_is_lost() {
                return Err(RunError::VrrpHangs);
            }
        }
    }

    /// What follows from what has just happened, the data plane excepted.
    fn settle(&mut self) {
        self.stale |= self.network.settle(&mut self.director, clock::now());
        self.tell_notices();
        while let Some((address, here)) = self.director.poll_address() {
            self.health.set_address(address, here);
        }
    }

    /// Once a second: sign of life, status, and what could not be done a second ago.
    fn beat(&mut self) {
        self.stale |= self.planes.beat(&self.director);
        self.stale |= self.network.mend(&mut self.director);
        self.watch_vrrp();
        self.sessions.beat(clock::now());
        self.watch_reload();
        self.write_status();
    }

    fn write_status(&mut self) {
        let vrrp = self.vrrp.as_ref();
        let statics = vrrp.map(driver::Handle::static_stats).unwrap_or_default();
        let vrrp = vrrp.map(driver::Handle::status).unwrap_or_default();
        let vrrp = vrrp.into_iter().map(Into::into).collect();
        let vrrp = (vrrp, statics);
        self.status.write(&self.director, self.planes.xdp(), vrrp);
    }

    fn write_dump(&mut self, dump: Dump) {
        let vrrp = self.vrrp.as_ref().map(driver::Handle::status);
        let config = self.director.config();
        let dumps = &mut self.signals.dumps;
        dumps.write(dump, config, vrrp.unwrap_or_default(), &self.instance);
    }

    /// Brings the data plane to what is desired now, if anything has changed.
    fn update(&mut self) {
        let began = clock::now();
        if std::mem::take(&mut self.stale) {
            self.planes.update(&mut self.director);
            self.tell_attached();
        } else if self.applied.is_due(began) {
            self.planes.update_pools(&mut self.director);
        } else {
            return;
        }
        if let Some((count, took)) = self.applied.applied(began, clock::now()) {
            let millis = took.as_millis();
            debug!("{count} changes of health in the data plane, {millis} ms after the first");
        }
    }

    /// The other routers hear of it first, then the program goes.
    async fn stop(mut self) {
        // What stays and goes on forwarding knows who is down. Before VRRP goes, and takes roles along.
        if self.conduct.dont_release_ipvs && self.applied.is_waiting() {
            self.stale = true;
            self.update();
        }
        if let Some(vrrp) = self.vrrp.take() {
            self.stop_vrrp(vrrp);
        }
        self.hear_out();
        if let Some(trackers) = self.trackers.take() {
            trackers.stop().await;
        }
        self.remember_at_end().await;
        write_lines(self.director.stop());
        self.tell_notices();
        self.sessions.stop();
        self.health.stop().await;
        self.planes
            .stop(&self.director, self.conduct.dont_release_ipvs);
        self.status.end().await;
        self.telling.finish().await;
    }
}

async fn next_call(control: Option<&mut control::server::Server>) -> control::server::Call {
    match control {
        Some(control) => control.next().await,
        None => pending().await,
    }
}

fn write_lines(lines: Vec<LogLine>) {
    for line in lines {
        line.write();
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
