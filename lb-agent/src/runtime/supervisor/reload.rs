//! Reloading: asked for by a signal or a command, read on a thread of its own, applied between two
//! events, and over when VRRP has followed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::planes::Unready;
use super::vrrp::names;
use super::{Supervisor, write_lines};
use crate::config::Changes;
use crate::config::diff::InstanceChange;
use crate::config::model::Config;
use crate::control::protocol::Response;
use crate::notify::from_config::Settings;
use crate::runtime::plane::Times;
use crate::runtime::reload::saved::Moment;
use crate::runtime::reload::{self, Errors, Opened, Origin, Prepared, Refused};
use crate::runtime::trackers::{Trackers, Watched};
use crate::runtime::{clock, interfaces, systemd};
use crate::vrrp::driver::Handle;
use crate::vrrp::settings::Setup;
use crate::vrrp::{Change, News, State};

/// VRRP follows within a turn of its thread; one that hangs never does.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest files are read within seconds; a file system that hangs never answers.
const READING_TAKES: Duration = Duration::from_mins(5);

/// Who has asked, and what is under way.
#[derive(Debug)]
pub(super) struct Reloads {
    origin: Origin,
    /// Errors that the configuration in force runs with.
    errors: Errors,
    /// How often the file was read anew.
    number: u64,
    reading: Option<Reading>,
    /// Applied; VRRP has yet to follow.
    following: Option<Following>,
    /// What was in force before, until VRRP has followed and rests: what it has set may be of that.
    before: Option<Arc<Config>>,
    /// Asked for again meanwhile: the file may have changed since it was read.
    again: bool,
    /// Who waits for this one, and for the next.
    waiting: Vec<oneshot::Sender<Response>>,
    waiting_next: Vec<oneshot::Sender<Response>>,
    /// `reload_file`, while it is there.
    mark: Option<PathBuf>,
    /// Removes that of the last one: its file system may hang.
    unmarking: Option<JoinHandle<()>>,
}

/// A file that is being read on a thread of its own.
#[derive(Debug)]
struct Reading {
    since: Instant,
    outcome: oneshot::Receiver<Result<Prepared, Refused>>,
}

/// A configuration that is in force but for VRRP.
#[derive(Debug)]
struct Following {
    since: Instant,
    /// It has been said that VRRP does not follow.
    is_late: bool,
    /// What there is to tell when it is done.
    text: String,
    /// Names of the instances, in the order of the new configuration.
    places: Vec<String>,
    /// What is watched for them.
    watched: Watched,
    /// Whom they tell.
    telling: Settings,
    /// Its FIFOs.
    fifos: Vec<Opened>,
}

impl Reloads {
    /// Answers who waits for the end of this reload.
    fn answer(&mut self, response: &Response) {
        for reply in self.waiting.drain(..) {
            // Who asked may have gone.
            reply.send(response.clone()).ok();
        }
    }

    pub(super) const fn new(origin: Origin, errors: Errors) -> Self {
        Self {
            origin,
            errors,
            number: 0,
            reading: None,
            following: None,
            before: None,
            again: false,
            waiting: Vec::new(),
            waiting_next: Vec::new(),
            mark: None,
            unmarking: None,
        }
    }

    /// Removes `reload_file`, on a thread of its own.
    fn unmark(&mut self) {
        let Some(mark) = self.mark.take() else {
            return;
        };
        let remove = move || {
            if let Err(error) = std::fs::remove_file(&mark) {
                warn!("cannot remove reload_file {}: {error}", mark.display());
            }
        };
        let thread = thread::Builder::new().name("reload".into()).spawn(remove);
        self.unmarking = thread
            .inspect_err(|error| warn!("cannot remove reload_file: no thread: {error}"))
            .ok();
    }

    /// How often the file was read anew.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    const fn is_busy(&self) -> bool {
        self.reading.is_some() || self.following.is_some()
    }

    /// Whether reading takes so long that nobody should wait for it; it is then forgotten.
    fn gives_up(&mut self, now: Instant) -> bool {
        let late = |it: &mut Reading| now.saturating_duration_since(it.since) > READING_TAKES;
        self.reading.take_if(late).is_some()
    }

    /// What has come of reading the file; never, while none is read.
    pub(super) async fn read(&mut self) -> Result<Prepared, Refused> {
        let Some(reading) = &mut self.reading else {
            return std::future::pending().await;
        };
        let outcome = (&mut reading.outcome).await;
        self.reading = None;
        outcome.unwrap_or_else(|_| {
            Err(Refused::because(
                "reading the configuration broke off, which is a fault of lb-agent; everything \
                 goes on as it was",
            ))
        })
    }
}

impl Supervisor {
    /// Somebody wants it; `reply` hears what has come of it.
    pub(super) fn handle_reload(&mut self, reply: Option<oneshot::Sender<Response>>) {
        if self.reloads.is_busy() {
            self.reloads.again = true;
            self.reloads.waiting_next.extend(reply);
            return;
        }
        self.reloads.waiting.extend(reply);
        info!("Reloading ...");
        systemd::reloading();
        let config = Arc::clone(self.director.config());
        // It is there while a reload runs; the thread that reads makes it.
        self.reloads
            .mark
            .clone_from(&config.global_defs.reload.reload_file);
        let (origin, known) = (self.reloads.origin.clone(), self.reloads.errors.clone());
        self.reloads.number += 1;
        let last = self.reloads.unmarking.take();
        match reload::start(origin, config, known, self.reloads.number, last) {
            Ok(outcome) => {
                let since = clock::now();
                self.reloads.reading = Some(Reading { since, outcome });
            }
            Err(error) => {
                let refused = Refused::because(format!("cannot start a thread: {error}"));
                self.refuse(&refused);
            }
        }
    }

    /// The file has been read.
    pub(super) fn handle_prepared(&mut self, outcome: Result<Prepared, Refused>) {
        let applied = outcome.and_then(|prepared| self.apply(prepared));
        match applied {
            Ok(()) if self.reloads.is_busy() => {}
            Ok(()) => self.settle_reload(),
            Err(refused) => self.refuse(&refused),
        }
    }

    fn refuse(&mut self, refused: &Refused) {
        if !refused.remarks.is_empty() {
            error!("{}", refused.remarks.trim_end());
        }
        error!("Reload failed: {refused}");
        let text = format!("{}error: {refused}", refused.remarks);
        let status = refused.exit_status.max(1);
        self.finish_reload(&Response::with_status(status, text));
    }

    /// Goes on when IPVS's module has been loaded, or has not: modprobe may wait for a disk.
    fn wait_for_module(&mut self, prepared: Prepared) -> Result<(), Refused> {
        let outcome = reload::with_module(prepared)
            .map_err(|error| Refused::because(format!("cannot start a thread: {error}")))?;
        let since = clock::now();
        self.reloads.reading = Some(Reading { since, outcome });
        Ok(())
    }

    /// All or nothing: what can fail comes first.
    fn apply(&mut self, prepared: Prepared) -> Result<(), Refused> {
        self.planes.note_module(prepared.module.clone());
        let ready = self
            .planes
            .prepare(&prepared.config, &self.director, &mut self.network);
        match ready {
            Ok(()) => {}
            Err(Unready::Module) => return self.wait_for_module(prepared),
            Err(Unready::Refused(why)) => {
                // Interfaces that only it needs.
                self.stale = true;
                let why = format!("{why}; everything goes on as it was");
                return Err(Refused::because(why));
            }
        }
        let Prepared {
            config,
            changes,
            services,
            setup,
            watched,
            telling,
            fifos,
            module: _,
            remarks,
            errors,
        } = prepared;
        self.save_state(Moment::Pre);
        let existing: Vec<&str> = self.director.links().map(|link| &*link.name).collect();
        let missing = interfaces::missing(&config, &existing);
        let missing: Vec<String> = missing.iter().map(|one| format!("{one}\n")).collect();
        self.hear_health_out();
        self.telling.expect(&telling);
        let lines = self.tell_changes(&config, &changes);
        let places: Vec<String> = names(&config).map(str::to_owned).collect();
        let share = config.global_defs.xdp_share_checks;
        if let Some(plane) = self.planes.xdp() {
            plane.set_times(Times::of(&config.global_defs));
        }
        self.reloads.before = Some(Arc::clone(self.director.config()));
        write_lines(self.director.reload(config));
        self.planes.teach(&mut self.director);
        self.health.reload(services, share);
        self.network.read_again(&mut self.director);
        self.settle();
        // Which servers are this host is known from here on.
        self.planes.reload(&mut self.director);
        self.stale = true;
        self.update();
        self.reloads.errors = errors;
        for one in &missing {
            warn!("Reload: {}", one.trim_end());
        }
        let text = format!("{remarks}{lines}{}", missing.concat());
        self.reloads.following = Some(Following {
            since: clock::now(),
            is_late: false,
            text,
            places,
            watched,
            telling,
            fifos,
        });
        self.reload_vrrp(&changes, setup);
        Ok(())
    }

    /// What differs, into the log and for who asked.
    fn tell_changes(&self, config: &Config, changes: &Changes) -> String {
        let mut lines = reload::summary(changes);
        if lines.is_empty() {
            lines.push("nothing differs".to_owned());
        }
        for line in &lines {
            info!("Reload: {line}");
        }
        for line in reload::fixed(self.director.config(), config) {
            warn!("Reload: {line}");
            lines.push(line);
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn reload_vrrp(&mut self, changes: &Changes, setup: Setup) {
        let gate = self.planes.gate(&self.director);
        let outcome = match &mut self.vrrp {
            Some(vrrp) => vrrp
                .reload(setup, &restarted(changes), gate)
                .map(|()| true)
                .map_err(|error| error.to_string()),
            None if setup.is_empty() => Ok(false),
            None => self
                .start_vrrp(setup)
                .map(|()| false)
                .map_err(|error| error.to_string()),
        };
        match outcome {
            Ok(true) => {}
            Ok(false) => self.settle_reload(),
            Err(error) => self.settle_without_vrrp(&error),
        }
    }

    /// The services have another configuration, and VRRP has not: places, and whom it tells, are
    /// those that they were.
    fn settle_without_vrrp(&mut self, why: &str) {
        let Some(following) = self.reloads.following.take() else {
            return;
        };
        error!("Reload: {why}; VRRP goes on as it was");
        let telling = self.telling.of_vrrp_before(following.telling);
        self.telling.replace(telling, following.fifos);
        self.stale |= self.director.settle();
        let text = format!(
            "{}error: {why}; the virtual servers are those of the new configuration, VRRP goes on \
             as it was",
            following.text
        );
        self.finish_reload(&Response::failed(text));
    }

    /// VRRP has followed: places are those of the new configuration from here on.
    pub(super) fn settle_reload(&mut self) {
        let Some(following) = self.reloads.following.take() else {
            return;
        };
        self.places = following.places;
        self.telling.replace(following.telling, following.fifos);
        self.tell_states();
        self.watch_anew(following.watched);
        self.stale |= self.director.settle();
        self.timed
            .follow(&self.director.config().global_defs.reload);
        self.save_state(Moment::Post);
        info!("Reload complete");
        self.finish_reload(&Response::done(following.text));
    }

    /// `fifo_write_vrrp_states_on_reload`
    fn tell_states(&self) {
        let config = self.director.config();
        if config.global_defs.notify.fifo_write_vrrp_states_on_reload
            && let Some(vrrp) = &self.vrrp
        {
            self.telling.write_states(&vrrp.status());
        }
    }

    /// The instances track what the new configuration says, and are told how that is. What stays
    /// as it was is watched on.
    fn watch_anew(&mut self, watched: Watched) {
        let reporter = self.vrrp.as_ref().map(Handle::reporter);
        let same = |it: &Trackers| *it.watched() == watched;
        if !self.trackers.as_ref().is_some_and(same) {
            let before = self.trackers.take();
            self.trackers = reporter.as_ref().map(|to| watched.start(to, before));
        }
        let config = self.director.config();
        self.sessions.reload(config, reporter.as_ref());
    }

    /// An instance that ends because it is configured no longer does not say STOP, but DELETED or
    /// FAULT, as keepalived does. Whether this was that.
    pub(super) fn tell_deleted(&self, news: &News) -> bool {
        let (
            Some(following),
            News::Changed(Change {
                instance,
                to: State::Init,
                priority,
                ..
            }),
        ) = (&self.reloads.following, news)
        else {
            return false;
        };
        let name = self.places.get(*instance);
        let deleted = name.is_some_and(|name| !following.places.contains(name));
        if deleted {
            self.telling.handle_deleted(*instance, *priority);
        }
        deleted
    }

    /// What VRRP has said by now, at the end of the agent: a reload that it has followed counts.
    pub(super) fn hear_out(&mut self) {
        while let Ok(news) = self.news.try_recv() {
            if !self.tell_deleted(&news) {
                self.telling.handle_news(&news);
            }
            if matches!(news, News::Reloaded)
                && let Some(following) = self.reloads.following.take()
            {
                self.places = following.places;
                self.telling.replace(following.telling, following.fifos);
            }
        }
    }

    /// The configurations whose addresses VRRP may have set, the older one first: two while it has
    /// not done all of a reload. And how many places for instances there are in them.
    pub(super) fn may_be_set(&self) -> (Vec<Setup>, usize) {
        let before = self.reloads.before.iter();
        let configs = before.chain([self.director.config()]);
        let setups = configs.map(|config| Setup::from(&**config)).collect();
        let following = self.reloads.following.as_ref();
        let next = following.map_or(0, |it| it.places.len());
        (setups, next.max(self.places.len()))
    }

    /// Whether the file is read, and VRRP follows, at all.
    pub(super) fn watch_reload(&mut self) {
        let now = clock::now();
        let rests = self.vrrp.as_ref().is_none_or(|it| it.overdue().is_zero());
        if self.reloads.following.is_none() && rests {
            self.reloads.before = None;
        }
        if self.reloads.gives_up(now) {
            let minutes = READING_TAKES.as_secs() / 60;
            self.refuse(&Refused::because(format!(
                "reading the configuration takes more than {minutes} minutes (a file system that \
                 does not answer?); everything goes on as it was"
            )));
        }
        let late =
            |it: &&mut Following| !it.is_late && now.saturating_duration_since(it.since) > PATIENCE;
        if let Some(following) = self.reloads.following.as_mut().filter(late) {
            // The order is on its way: whenever it is carried out, places are the new ones.
            following.is_late = true;
            let why = "VRRP has not followed yet and goes on as it was until it does; the virtual \
                       servers are those of both configurations";
            error!("Reload: {why}");
            let text = format!("{}error: {why}", following.text);
            self.reloads.answer(&Response::failed(text));
        }
    }

    fn finish_reload(&mut self, response: &Response) {
        self.reloads.unmark();
        systemd::ready();
        self.reloads.answer(response);
        if std::mem::take(&mut self.reloads.again) {
            self.reloads.waiting = std::mem::take(&mut self.reloads.waiting_next);
            self.handle_reload(None);
        }
    }
}

/// Those that are another virtual router under the same name.
fn restarted(changes: &Changes) -> BTreeSet<String> {
    let name = |change: &InstanceChange| match change {
        InstanceChange::Restarted { new, .. } => Some(new.name.clone()),
        InstanceChange::Removed(_) | InstanceChange::Changed { .. } | InstanceChange::Added(_) => {
            None
        }
    };
    changes.vrrp_instances.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::runtime::parts::Parts;

    #[test]
    fn a_file_that_is_never_read_does_not_hold_up_the_next_reload() {
        let origin = Origin {
            path: "/etc/keepalived/keepalived.conf".into(),
            environment: Environment::default(),
            parts: Parts::default(),
        };
        let mut reloads = Reloads::new(origin, Errors::new());
        assert!(!reloads.gives_up(clock::now()), "nothing is read");
        let (_never_answers, outcome) = oneshot::channel();
        let since = clock::now();
        reloads.reading = Some(Reading { since, outcome });
        assert!(!reloads.gives_up(since + READING_TAKES) && reloads.is_busy());
        let late = since + READING_TAKES + Duration::from_secs(1);
        assert!(reloads.gives_up(late) && !reloads.is_busy());
        assert!(!reloads.gives_up(late), "said once");
    }
}
