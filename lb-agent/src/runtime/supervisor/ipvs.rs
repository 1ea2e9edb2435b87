//! The kernel's IPVS at work: kept as the director wants it, and what the operator hears of it.
//!
//! The tables are everybody's, so they are looked at again and again; whatever others have done to
//! our services is said, and put right. What is ours is written down before the kernel is told
//! ([`ClaimsFile`]).

mod marks;
mod others;
mod pace;
mod tell;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tracing::{error, info, warn};

use self::marks::Marks;
pub(super) use self::others::{flush_on_stop, note_foreign};
use self::pace::{LOOK, after_a_glance, after_a_look};
use self::times::Times;
use super::said::Said;
use crate::config::model::{LvsFlushOnStop, LvsTimeouts};
use crate::dataplane::ipvs::desired::Desired;
use crate::dataplane::ipvs::plane::{Outcome, Plane};
use crate::dataplane::ipvs::sync;
use crate::net::ipvs::{IpvsError, ServiceKey, SyncDaemon};
use crate::runtime::claims::{Claims, ClaimsFile};
use crate::runtime::clock;
use crate::runtime::director::{Director, IpvsRefusal};
use crate::runtime::plane::chain;

/// What may go wrong, each told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Tables,
    Timeouts,
    Daemons,
    Marks,
}

/// Why the tables cannot be read.
struct Blind {
    why: String,
    /// It is because the module is gone.
    unloaded: bool,
}

/// IPVS of one director.
pub(super) struct Ipvs {
    plane: Plane,
    claims: ClaimsFile,
    marks: Marks,
    times: Times,
    /// Sync daemons of ours may run.
    has_daemons: bool,
    /// The tables cannot be read.
    blind: Option<Blind>,
    /// What is not as it should be.
    troubles: Said<Trouble>,
    /// What the kernel has refused.
    refused: Said<String>,
    /// What of that is about which service.
    without: BTreeMap<ServiceKey, IpvsRefusal>,
    /// Others have changed something, and it has yet to be put right.
    disturbed: bool,
    /// The kernel has been told something.
    begun: bool,
    next_look: Instant,
    /// When to look at all servers, and not at the services alone.
    next_whole_look: Instant,
}

impl Ipvs {
    /// Connects, loading the module if need be. What stands in the tables stays; what an earlier
    /// agent called `instance` has left is ours.
    pub(super) fn open(instance: &str) -> Result<Self, IpvsError> {
        info!("Initializing ipvs");
        let claims = ClaimsFile::open(instance);
        let left = claims.claims();
        let mut plane = Plane::open()?;
        plane.inherit(&left.services);
        let inherited = plane.ours().len();
        if inherited > 0 {
            info!(
                "an earlier agent has left virtual services in IPVS ({inherited}): they are ours"
            );
        }
        let mut marks = Marks::default();
        marks.inherit(left.table.clone());
        Ok(Self {
            plane,
            marks,
            times: Times::new(left.timeouts),
            has_daemons: left.daemons,
            claims,
            blind: None,
            troubles: Said::default(),
            refused: Said::default(),
            without: BTreeMap::new(),
            disturbed: false,
            begun: false,
            next_look: clock::now() + LOOK,
            next_whole_look: clock::now() + LOOK,
        })
    }

    /// `lvs_flush`, at the start of the agent: empties the tables, whoever has filled them.
    pub(super) fn flush(&mut self) {
        self.begun = true;
        if let Err(error) = self.plane.flush() {
            error!("lvs_flush: {}", chain(&error));
        }
    }

    /// The services that are ours.
    pub(super) const fn ours(&self) -> &BTreeSet<ServiceKey> {
        self.plane.ours()
    }

    /// What the kernel has refused, by service: the first thing of each.
    pub(super) const fn refused(&self) -> &BTreeMap<ServiceKey, IpvsRefusal> {
        &self.without
    }

    /// Whether something should be tried again.
    pub(super) fn is_failing(&self) -> bool {
        !self.troubles.is_empty() || !self.refused.is_empty()
    }

    /// Whether the module is gone, and has to be loaded.
    pub(super) fn is_unloaded(&self) -> bool {
        self.blind.as_ref().is_some_and(|it| it.unloaded)
    }

    /// The module is gone and cannot be loaded.
    pub(super) fn handle_missing(&mut self, why: &str) {
        if let Some(blind) = self.blind.as_mut().filter(|it| it.unloaded) {
            blind.why =
                format!("IPVS was taken out of the kernel, and cannot be loaded again: {why}");
        }
    }

    /// Brings the kernel to what is desired now.
    pub(super) fn update(&mut self, director: &Director) {
        let mut troubles = Vec::new();
        let mut note = |what, error: Option<String>| troubles.extend(error.map(|it| (what, it)));
        let blind = self.blind.as_ref().map(|it| it.why.clone());
        note(Trouble::Tables, blind);
        if !self.is_unloaded() {
            self.begun = true;
            let desired = director.desired_of_ipvs();
            let wanted = director.config().global_defs.lvs.lvs_timeouts;
            let known = self.times.look(&mut self.plane, wanted);
            self.claim(director, Some(&desired));
            let outcome = self.plane.apply(&desired);
            self.handle_anew();
            note(Trouble::Tables, failure(&outcome));
            let set = known.and_then(|()| self.times.set(&mut self.plane, wanted));
            note(Trouble::Timeouts, failure(&set));
            note(Trouble::Daemons, self.sync(director));
            let marks = director.marks();
            let marks = marks.map(|(nftables, marks)| (nftables.clone(), marks));
            note(Trouble::Marks, failure(&self.marks.update(marks)));
            if let Ok(outcome) = outcome {
                self.claim(director, None);
                self.tell(&outcome);
            }
        }
        let news = self.troubles.update(troubles.into_iter().collect());
        for (_, why) in news.begun {
            error!("IPVS is not as it should be: {why}; trying again every second");
        }
        let disturbed = self.disturbed || !news.over.is_empty();
        self.disturbed = disturbed && self.is_failing();
        if disturbed && !self.disturbed {
            info!("IPVS is as it should be again");
        }
    }

    /// Writes down what is ours, and what is to be: before the kernel is told of `desired`.
    fn claim(&mut self, director: &Director, desired: Option<&Desired>) {
        let mut services = self.plane.ours().clone();
        let coming = desired.into_iter().flat_map(|it| &it.services);
        services.extend(coming.map(|service| service.settings.key));
        let coming = director.marks().filter(|_| desired.is_some());
        let coming = coming.map(|(nftables, _)| nftables.table.as_str());
        let table = self.marks.table().or(coming).map(str::to_owned);
        self.claims.write(Claims {
            services: services.into_iter().collect(),
            table,
            daemons: self.has_daemons || !director.sync_daemons().is_empty(),
            timeouts: self.times.before(),
        });
    }

    /// When to call [`Self::look`].
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next_look
    }

    /// Looks whether others have been at our services or daemons, and says so; whether something
    /// has to be put right.
    pub(super) fn look(&mut self, director: &Director) -> bool {
        let begun = clock::now();
        let marks_gone = !self.marks.look();
        if marks_gone {
            tell::marks_gone(self.marks.table());
            self.disturbed = true;
        }
        if begun < self.next_whole_look
            && self.blind.is_none()
            && matches!(self.plane.glance(), Ok(true))
        {
            let ended = clock::now();
            self.next_look = ended + after_a_glance(ended.saturating_duration_since(begun));
            return self.disturbed;
        }
        let drifts = self.plane.look();
        let wanted = director.sync_daemons();
        let daemons = match &drifts {
            Ok(_) if !wanted.is_empty() => self.plane.daemons().ok(),
            Ok(_) | Err(_) => None,
        };
        let ended = clock::now();
        let (rest, whole_rest) = after_a_look(ended.saturating_duration_since(begun));
        self.next_look = ended + rest;
        self.next_whole_look = ended + whole_rest;
        match drifts {
            Ok(drifts) => {
                let was_blind = self.blind.take().is_some();
                let anew = self.handle_anew();
                let is_off = |running: Vec<_>| !sync::plan(&wanted, &running).is_empty();
                let gone = !anew && daemons.is_some_and(is_off);
                if gone {
                    warn!("somebody has changed IPVS's sync daemons: putting them right");
                }
                tell::drifts(&drifts);
                self.disturbed |= gone || !drifts.is_empty();
                self.disturbed || was_blind
            }
            // It is told by the next update, once. What is so will be found out by the next attempt
            // to change it.
            Err(error) => {
                let unloaded = matches!(error, IpvsError::Unloaded(_));
                let new = self.is_unloaded() != unloaded || self.blind.is_none();
                if new {
                    let why = chain(&error);
                    self.blind = Some(Blind { why, unloaded });
                }
                new || marks_gone
            }
        }
    }

    /// Whether the module was loaded anew: what was set once is not set any more.
    fn handle_anew(&mut self) -> bool {
        let anew = self.plane.take_anew();
        if anew {
            warn!(
                "IPVS was taken out of the kernel (`modprobe -r ip_vs`) and is there again, empty: \
                 putting everything back"
            );
            self.times.forget();
            self.disturbed = true;
        }
        anew
    }

    /// The agent runs: what it has adopted is its own from here on.
    pub(super) fn keep(&mut self) {
        self.plane.keep();
    }

    /// The agent does not run after all: what it has made goes, what it has adopted is as it was.
    /// What an earlier agent has left goes on forwarding, and the next one knows it.
    pub(super) fn give_back(mut self) {
        if !self.begun {
            return;
        }
        self.stop_daemons();
        let outcome = self.plane.give_back();
        self.leave(outcome);
    }

    /// Nobody needs IPVS any more.
    pub(super) fn release(mut self) {
        self.stop_daemons();
        let outcome = self.plane.clear();
        self.leave(outcome);
        info!("IPVS has nothing of ours any more: nobody needs it");
    }

    /// The end: our services go, unless they are to stay.
    pub(super) fn stop(mut self, director: &Director, stays: bool) {
        self.stop_daemons();
        if stays {
            self.claims.write(Claims {
                daemons: self.has_daemons,
                ..self.claims.claims().clone()
            });
            info!("the services stay in IPVS (--dont-release-ipvs)");
            return;
        }
        let outcome = match director.config().global_defs.lvs.lvs_flush_on_stop {
            LvsFlushOnStop::All => self.plane.flush().map(|()| Vec::new()),
            LvsFlushOnStop::No | LvsFlushOnStop::VirtualServers => self.plane.clear(),
        };
        self.leave(outcome);
    }

    /// `outcome`: what came of the services. Everything beside them goes; what stays nevertheless is
    /// written down for the next agent.
    fn leave(&mut self, outcome: Result<Vec<IpvsError>, IpvsError>) {
        let is_gone = matches!(outcome, Err(IpvsError::Unloaded(_)));
        tell::removed(outcome);
        let times = self.times.set(&mut self.plane, LvsTimeouts::default());
        match times {
            Ok(()) | Err(IpvsError::Unloaded(_)) => {}
            Err(error) => error!("{}", chain(&error)),
        }
        if let Err(error) = self.marks.update(None) {
            error!("{}", chain(&error));
        }
        let table = self.marks.table().map(str::to_owned);
        self.claims.write(if is_gone {
            // Its tables, daemons and time-outs went with it.
            Claims {
                table,
                ..Claims::default()
            }
        } else {
            Claims {
                services: self.plane.left(),
                table,
                daemons: self.has_daemons,
                timeouts: self.times.before(),
            }
        });
    }

    /// Those of ours, also those that an earlier agent has left.
    fn stop_daemons(&mut self) {
        if let Some(why) = self.follow_daemons(&[]) {
            error!("{why}");
        }
    }

    /// The sync daemons follow their instance; why not, if they do not.
    fn sync(&mut self, director: &Director) -> Option<String> {
        self.follow_daemons(&director.sync_daemons())
    }

    /// Without any that are wanted, and without any of ours, those of others are left alone.
    fn follow_daemons(&mut self, wanted: &[SyncDaemon]) -> Option<String> {
        if wanted.is_empty() && !self.has_daemons {
            return None;
        }
        let running = match self.plane.daemons() {
            Ok(running) => running,
            // They went with the module.
            Err(IpvsError::Unloaded(_)) if wanted.is_empty() => {
                self.has_daemons = false;
                return None;
            }
            Err(error) => return Some(chain(&error)),
        };
        let mut why = None;
        for change in sync::plan(wanted, &running) {
            match self.plane.change(&change) {
                Ok(()) => tell::daemon(&change),
                Err(error) => why = Some(chain(&error)),
            }
        }
        self.has_daemons = !wanted.is_empty() || why.is_some();
        why
    }

    fn tell(&mut self, outcome: &Outcome) {
        for adopted in &outcome.adopted {
            info!("adopted virtual service {adopted}, which was in IPVS already");
        }
        self.without.clear();
        let mut refused = BTreeMap::new();
        for refusal in &outcome.refused {
            let why = chain(&refusal.error);
            if let Some(service) = refusal.service {
                let whole = refusal.whole;
                let why = why.clone();
                let first = self.without.entry(service);
                first.or_insert(IpvsRefusal { whole, why });
            }
            refused.insert(why.clone(), why);
        }
        for (_, why) in self.refused.update(refused).begun {
            error!("{why}");
        }
    }
}

fn failure<T, E: std::error::Error + 'static>(outcome: &Result<T, E>) -> Option<String> {
    outcome.as_ref().err().map(|error| chain(error))
}
