//! The supervisor: the one task that owns the director and the data plane. Whatever happens comes
//! to it, and everything that has to be done it does, in order.

mod applied;
mod balancer;
mod bfd;
mod calls;
mod conduct;
mod dumps;
mod forwarding;
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
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{debug, error, info, warn};

use self::applied::Applied;
use self::bfd::{Reached, Sessions};
pub use self::conduct::Conduct;
use self::dumps::Dump;
use self::memory::Memory;
use self::network::Network;
use self::planes::Planes;
use self::reload::Reloads;
use self::signals::{Asked, Signals};
use self::telling::Telling;
use self::vigil::Vigil;
use super::director::Director;
use super::interfaces;
use super::lock::{InstanceLock, LockError};
use super::plane::PlaneError;
use super::priority::{Priority, apply_to_checks, run_as_at_start};
use super::reload::timed::driver::TimedReload;
use super::reload::{Origin, errors, host_name, save};
use super::state::StateFile;
use super::status::StatusFile;
use super::trackers::{self, Trackers};
use super::{clock, memory as process_memory, systemd};
use crate::config::Loaded;
use crate::config::model::Config;
use crate::control;
use crate::health;
use crate::log_line::LogLine;
use crate::net::netlink::NetlinkError;
use crate::notify;
use crate::script::Programs;
use crate::vrrp::settings::Setup;
use crate::vrrp::{Change, News, driver};

/// Events of health that are taken before anything else gets its turn.
const MOST_EVENTS: usize = 1000;

/// How long what still reads a file at the end is waited for.
const LINGERING: Duration = Duration::from_secs(1);

/// How often the program hears that the agent is alive. `xdp_deadman` counts from the last time.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Why the agent cannot start, or had to stop.
#[derive(Debug, Error)]
pub enum RunError {
    /// Another agent has the name.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data plane.
    #[error(transparent)]
    Plane(#[from] PlaneError),
    /// The kernel's view of the network.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// VRRP.
    #[error(transparent)]
    Vrrp(#[from] driver::SpawnError),
    /// Signals, the runtime.
    #[error("cannot set up the agent's process")]
    Process(#[from] std::io::Error),
    /// A virtual server that no data plane carries.
    #[error("{0}")]
    NoPlane(String),
    /// The agent ran, and its VRRP thread has ended.
    #[error(
        "VRRP has ended, an earlier line says why: the agent has left the virtual routers and \
         stopped; start it again"
    )]
    VrrpEnded,
    /// The agent ran, and its VRRP thread hangs.
    #[error(
        "VRRP hangs, an earlier line says since when: the agent has left the virtual routers and \
         stopped; start it again"
    )]
    VrrpHangs,
}

impl RunError {
    /// Whether nothing has run.
    pub const fn is_of_start(&self) -> bool {
        match self {
            Self::Lock(_)
            | Self::Plane(_)
            | Self::Netlink(_)
            | Self::Vrrp(_)
            | Self::Process(_)
            | Self::NoPlane(_) => true,
            Self::VrrpEnded | Self::VrrpHangs => false,
        }
    }
}

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
    /// The data plane has to hear of something.
    stale: bool,
    /// What of health it has not heard of.
    applied: Applied,
}

impl Supervisor {
    fn start(
        loaded: Loaded,
        origin: Origin,
        instance: &str,
        conduct: Conduct,
        programs: &Programs,
        signals: Signals,
    ) -> Result<Self, RunError> {
        let errors = errors(&loaded);
        save(&loaded, None, 0);
        // Who calls while we start waits.
        let status = StatusFile::new(instance);
        let control = control::server::Server::listen(&status.folder().join(control::SOCKET));
        let memory = Memory::new(StateFile::new(instance));
        let known = memory.read();
        let gates = known.as_ref().map(|(state, _)| state.gates.clone());
        // From the beginning: nobody is sent to a server that was drained or down.
        let pools = known
            .as_ref()
            .map(|(state, results)| (&*state.health.pools, *results));
        let (pools, results) = pools.unwrap_or_default();
        let gates = gates.unwrap_or_default();
        let (mut director, lines) = Director::go_on(loaded.config, &gates, pools, results);
        write_lines(lines);
        let mut network = Network::open()?;
        network.read_all(&mut director)?;
        let existing: Vec<&str> = director.links().map(|link| link.name.as_str()).collect();
        for missing in interfaces::missing(director.config(), &existing) {
            warn!("{missing}");
        }
        network.settle(&mut director, clock::now());

        let mut planes = Planes::start(instance, &mut director)?;
        let telling = Telling::start(notify::from_config::Settings::new(
            director.config(),
            programs,
            &host_name(),
        ));
        let (tell, news) = mpsc::unbounded_channel();
        let (setup, watched) = trackers::setup(director.config(), programs);
        let ready = vrrp::prepare(&director, &planes, setup, conduct, tell.clone());
        let begun = ready.map_err(RunError::from).and_then(|ready| {
            // Whatever may be refused is there: from here on services change.
            planes.begin(&mut director)?;
            Ok(ready.map(driver::Prepared::spawn).transpose()?)
        });
        let vrrp = match begun {
            Ok(vrrp) => vrrp,
            Err(error) => {
                planes.give_back();
                return Err(error);
            }
        };
        planes.keep();
        let (sender, events) = mpsc::unbounded_channel();
        let services = health::prepare::services(director.config(), programs);
        programs.say_violation();
        if let Some(why) = programs.unanswered() {
            warn!("{why}; `lb-agent reload`, once it answers, brings them");
        }
        let share = director.config().global_defs.xdp_share_checks;
        let health = health::driver::spawn(&services, share, sender);
        if let Some((state, true)) = known {
            health.restore(state.health);
        }
        let reporter = vrrp.as_ref().map(driver::Handle::reporter);
        let trackers = reporter.as_ref().map(|to| watched.start(to, None));
        let (reach, reached) = mpsc::unbounded_channel();
        let sessions = Sessions::start(director.config(), reporter.as_ref(), reach);
        let mut timed = TimedReload::default();
        timed.follow(&director.config().global_defs.reload);
        Ok(Self {
            instance: instance.to_owned(),
            places: vrrp::names(director.config()).map(str::to_owned).collect(),
            director,
            network,
            planes,
            vrrp,
            vigil: Vigil::default(),
            tell,
            news,
            trackers,
            sessions,
            reached,
            telling,
            health,
            events,
            status,
            control: control.inspect_err(|error| error!("{error}")).ok(),
            reloads: Reloads::new(origin, errors),
            timed,
            memory,
            signals,
            conduct,
            stale: true,
            applied: Applied::default(),
        })
    }

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
                Some((session, up)) = self.reached.recv() => self.health.set_bfd(session, up),
                event = self.network.news() => {
                    self.stale |= self.network.handle(event, &mut self.director);
                }
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
                _ = heartbeat.tick() => self.beat(),
            }
            self.settle();
            self.update();
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

    /// What VRRP has said by now. Who asks `dump` after a failover sees it at once.
    fn handle_all_news(&mut self, first: &News) {
        self.handle_news(first);
        for _ in 0..MOST_EVENTS {
            let Ok(news) = self.news.try_recv() else {
                break;
            };
            self.handle_news(&news);
        }
        self.write_status();
    }

    fn handle_news(&mut self, news: &News) {
        if !self.tell_deleted(news) {
            self.telling.handle_news(news);
        }
        match news {
            News::Changed(Change { instance, to, .. }) => {
                if let Some(name) = self.places.get(*instance) {
                    self.director.handle_role(name, *to);
                }
                self.stale = true;
            }
            News::Reloaded => self.settle_reload(),
            News::Group { .. }
            | News::Priority { .. }
            | News::LowerPriority { .. }
            | News::SplitBrain { .. } => {}
        }
    }

    /// What health has said by now: the data plane hears of all of it at once.
    fn handle_events(&mut self, first: &health::Event) {
        self.handle_health(first);
        for _ in 0..MOST_EVENTS {
            let Ok(event) = self.events.try_recv() else {
                return;
            };
            self.handle_health(&event);
        }
    }

    /// All that health has said until now: it is about the configuration that still is.
    fn hear_health_out(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.handle_health(&event);
        }
    }

    fn tell_notices(&mut self) {
        while let Some((service, notice)) = self.director.poll_notice() {
            self.telling.handle_notice(&service, &notice);
        }
    }

    fn handle_health(&mut self, event: &health::Event) {
        self.telling.handle_checker(event);
        let (changed, lines) = self.director.handle_health(event);
        write_lines(lines);
        if changed {
            self.memory.note_change();
            self.applied.changed(event.at);
        }
        self.stale |= changed;
    }

    /// Once a second: sign of life, status, and what could not be done a second ago.
    fn beat(&mut self) {
        self.stale |= self.planes.beat(&self.director);
        self.stale |= self.network.mend(&mut self.director);
        self.watch_vrrp();
        self.sessions.beat(clock::now());
        self.watch_reload();
        self.remember();
        self.write_status();
    }

    fn write_status(&mut self) {
        let vrrp = self
            .vrrp
            .as_ref()
            .map(driver::Handle::status)
            .unwrap_or_default();
        let vrrp = vrrp.into_iter().map(Into::into).collect();
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
        if std::mem::take(&mut self.stale) {
            self.planes.update(&mut self.director);
            self.tell_attached();
        }
        if let Some((count, took)) = self.applied.applied(clock::now()) {
            let millis = took.as_millis();
            debug!("{count} changes of health in the data plane, {millis} ms after the first");
        }
    }

    /// The other routers hear of it first, then the program goes.
    async fn stop(mut self) {
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
