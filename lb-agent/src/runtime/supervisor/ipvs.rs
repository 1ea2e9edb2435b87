//! The kernel's IPVS at work: kept as the director wants it, and what the operator hears of it.
//!
//! The tables are everybody's, so they are looked at again and again; whatever others have done to
//! our services is said, and put right.

use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::said::Said;
use crate::config::model::{LvsFlushOnStop, LvsTimeouts, NftablesIpvs};
use crate::dataplane::ipvs::drift::Drift;
use crate::dataplane::ipvs::key::key;
use crate::dataplane::ipvs::plane::{Outcome, Plane};
use crate::dataplane::ipvs::sync;
use crate::net::ipvs::{self, Change, IpvsError, ServiceKey, Timeouts};
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::nft::marks::{self, Mark};
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::plane::chain;

/// How often the tables are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Looking at great tables takes its time: no more than a twentieth of all.
const SHARE: u32 = 20;

/// Lines on what others have done at one time; the rest is counted.
const LINES: usize = 10;

/// What may go wrong, each told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Tables,
    Daemons,
    Marks,
}

/// IPVS of one director.
pub(super) struct Ipvs {
    plane: Plane,
    nftables: Option<Connection>,
    /// What nftables marks now, in which table, if we have told it.
    marks: Option<(NftablesIpvs, Vec<Mark>)>,
    /// Sync daemons of ours may run.
    has_daemons: bool,
    /// `lvs_timeouts` as the kernel has been told.
    timeouts: LvsTimeouts,
    /// What is not as it should be.
    troubles: Said<Trouble>,
    /// What the kernel has refused.
    refused: Said<String>,
    /// Others have changed something, and it has yet to be put right.
    disturbed: bool,
    next_look: Instant,
}

impl Ipvs {
    /// Connects, loading the module if need be. What stands in the tables stays, unless `lvs_flush`
    /// says otherwise; those of `ours` that are there are from an earlier agent.
    pub(super) fn open(director: &Director, ours: &[ServiceKey]) -> Result<Self, IpvsError> {
        info!("Initializing ipvs");
        let lvs = &director.config().global_defs.lvs;
        let mut plane = Plane::open(lvs.lvs_flush)?;
        plane.inherit(ours);
        let mut ipvs = Self {
            plane,
            nftables: None,
            marks: None,
            has_daemons: false,
            timeouts: LvsTimeouts::default(),
            troubles: Said::default(),
            refused: Said::default(),
            disturbed: false,
            next_look: clock::now() + LOOK,
        };
        ipvs.reload(director);
        Ok(ipvs)
    }

    /// The configuration is another one: what is set once is set anew.
    pub(super) fn reload(&mut self, director: &Director) {
        let wanted = director.config().global_defs.lvs.lvs_timeouts;
        let before = std::mem::replace(&mut self.timeouts, wanted);
        if before != wanted
            && let Some(timeouts) = timeouts(&wanted)
            && let Err(error) = self.plane.change(&Change::SetTimeouts(timeouts))
        {
            error!("{}", chain(&error));
        }
    }

    /// Whether something should be tried again.
    pub(super) fn is_failing(&self) -> bool {
        !self.troubles.is_empty() || !self.refused.is_empty()
    }

    /// Takes out what is not desired any more; the rest comes with [`Self::update`].
    pub(super) fn retire(&mut self, director: &Director) {
        match self.plane.retire(&director.desired_of_ipvs()) {
            Ok(refused) => refused.iter().for_each(|error| error!("{}", chain(error))),
            Err(error) => error!("{}", chain(&error)),
        }
    }

    /// Brings the kernel to what is desired now.
    pub(super) fn update(&mut self, director: &Director) {
        let mut troubles = Vec::new();
        let mut note = |what, error: Option<String>| troubles.extend(error.map(|it| (what, it)));
        let outcome = self.plane.apply(&director.desired_of_ipvs());
        note(Trouble::Tables, outcome.as_ref().err().map(|it| chain(it)));
        note(Trouble::Daemons, self.sync(director));
        note(Trouble::Marks, self.mark(director));
        if let Ok(outcome) = outcome {
            self.tell(&outcome);
            if std::mem::take(&mut self.disturbed) && outcome.refused.is_empty() {
                info!("IPVS is as it should be again");
            }
        }
        let news = self.troubles.update(troubles.into_iter().collect());
        for (_, why) in news.begun {
            error!("IPVS is not as it should be: {why}; trying again every second");
        }
        if !news.over.is_empty() {
            info!("IPVS is as it should be again");
        }
    }

    /// When to call [`Self::look`].
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next_look
    }

    /// Looks whether others have been at our services or daemons, and says so; whether something
    /// has to be put right.
    pub(super) fn look(&mut self, director: &Director) -> bool {
        let begun = clock::now();
        let drifts = self.plane.look();
        let daemons = self.plane.daemons();
        let ended = clock::now();
        self.next_look = ended + LOOK.max(ended.saturating_duration_since(begun) * SHARE);
        let wanted = director.sync_daemons();
        let is_off = |running: Vec<_>| !sync::plan(&wanted, &running).is_empty();
        let gone = !wanted.is_empty() && daemons.is_ok_and(is_off);
        if gone {
            warn!("somebody has changed IPVS's sync daemons: putting them right");
        }
        match drifts {
            Ok(drifts) => {
                tell_drifts(&drifts);
                self.disturbed |= gone || !drifts.is_empty();
                self.disturbed
            }
            // What is so will be found out by the next attempt to change it.
            Err(error) => {
                warn!("{}", chain(&error));
                true
            }
        }
    }

    /// The end: our services go, unless they are to stay.
    pub(super) fn stop(mut self, director: &Director, stays: bool) {
        self.stop_daemons(director);
        if stays {
            info!("the services stay in IPVS (--dont-release-ipvs)");
            return;
        }
        let outcome = match director.config().global_defs.lvs.lvs_flush_on_stop {
            LvsFlushOnStop::All => self.plane.flush().map(|()| Vec::new()),
            LvsFlushOnStop::No | LvsFlushOnStop::VirtualServers => self.plane.clear(),
        };
        match outcome {
            Ok(refused) => refused.iter().for_each(|error| error!("{}", chain(error))),
            Err(error) => error!("{}", chain(&error)),
        }
        if let Err(error) = self.replace_marks(None) {
            error!("{}", chain(&error));
        }
    }

    /// Those of ours.
    fn stop_daemons(&mut self, director: &Director) {
        let ours = director.sync_daemons();
        let Ok(mut running) = self.plane.daemons() else {
            return;
        };
        running.retain(|it| ours.iter().any(|ours| ours.role == it.role));
        for change in sync::plan(&[], &running) {
            match self.plane.change(&change) {
                Ok(()) => tell_daemon(&change),
                Err(error) => error!("{}", chain(&error)),
            }
        }
    }

    /// The sync daemons follow their instance; why not, if they do not.
    fn sync(&mut self, director: &Director) -> Option<String> {
        let wanted = director.sync_daemons();
        if wanted.is_empty() && !self.has_daemons {
            return None;
        }
        let running = match self.plane.daemons() {
            Ok(running) => running,
            Err(error) => return Some(chain(&error)),
        };
        self.has_daemons = !wanted.is_empty();
        let mut why = None;
        for change in sync::plan(&wanted, &running) {
            match self.plane.change(&change) {
                Ok(()) => tell_daemon(&change),
                Err(error) => why = Some(chain(&error)),
            }
        }
        why
    }

    /// nftables marks what groups serve; why not, if it does not.
    fn mark(&mut self, director: &Director) -> Option<String> {
        let wanted = director.marks();
        let wanted = wanted.map(|(nftables, marks)| (nftables.clone(), marks));
        if self.marks == wanted {
            return None;
        }
        match self.replace_marks(wanted.as_ref()) {
            Ok(()) => {
                self.marks = wanted;
                None
            }
            Err(error) => {
                self.nftables = None;
                Some(chain(&error))
            }
        }
    }

    fn replace_marks(
        &mut self,
        wanted: Option<&(NftablesIpvs, Vec<Mark>)>,
    ) -> Result<(), NetlinkError> {
        let table = wanted.map(|(nftables, _)| nftables.table.as_str());
        let before = self
            .marks
            .as_ref()
            .map(|(nftables, _)| nftables.table.clone());
        if let Some(before) = before.filter(|before| table != Some(before)) {
            marks::clear(self.connection()?, &before)?;
        }
        match wanted {
            Some((nftables, marks)) => marks::set(
                self.connection()?,
                &nftables.table,
                nftables.priority,
                marks,
            ),
            None => Ok(()),
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, NetlinkError> {
        let connection = match self.nftables.take() {
            Some(connection) => connection,
            None => Connection::with_protocol(netlink_sys::protocols::NETLINK_NETFILTER)?,
        };
        Ok(self.nftables.insert(connection))
    }

    fn tell(&mut self, outcome: &Outcome) {
        for adopted in &outcome.adopted {
            info!("adopted virtual service {adopted}, which was in IPVS already");
        }
        let refused = outcome.refused.iter().map(chain_of);
        let refused = refused.map(|why| (why.clone(), why)).collect();
        for (_, why) in self.refused.update(refused).begun {
            error!("{why}");
        }
    }
}

/// Services that are in IPVS and that no agent of ours has left are not for XDP to take. Nothing
/// is loaded to find that out.
pub(super) fn note_foreign(director: &mut Director, ours: &[ServiceKey]) {
    let table = ipvs::Ipvs::open_if_loaded().and_then(|ipvs| match ipvs {
        Some(mut ipvs) => ipvs.table(),
        None => Ok(Vec::new()),
    });
    let table = table
        .inspect_err(|error| warn!("{}", chain(error)))
        .unwrap_or_default();
    let keys = table.iter().map(|entry| entry.service.service.key);
    let foreign: Vec<ServiceKey> = keys.filter(|key| !ours.contains(key)).collect();
    director.note_foreign(|served| foreign.contains(&key(served)));
}

fn chain_of(error: &IpvsError) -> String {
    chain(error)
}

/// `None`: the kernel's stay.
fn timeouts(configured: &LvsTimeouts) -> Option<Timeouts> {
    let seconds =
        |it: Option<Duration>| it.map_or(0, |it| it.as_secs().try_into().unwrap_or(u32::MAX));
    let timeouts = Timeouts {
        tcp: seconds(configured.tcp),
        tcp_fin: seconds(configured.tcpfin),
        udp: seconds(configured.udp),
    };
    (timeouts != Timeouts::default()).then_some(timeouts)
}

fn tell_drifts(drifts: &[Drift]) {
    for drift in drifts.iter().take(LINES) {
        warn!("{drift}: putting it right");
    }
    if drifts.len() > LINES {
        let more = drifts.len() - LINES;
        warn!("and {more} changes more by somebody else: putting them right");
    }
}

fn tell_daemon(change: &Change) {
    match change {
        Change::StartDaemon(daemon) => info!(
            "IPVS's sync daemon ({}) runs on {} with id {}",
            daemon.role, daemon.interface, daemon.sync_id
        ),
        Change::StopDaemon(role) => info!("IPVS's sync daemon ({role}) is stopped"),
        Change::NewService(_)
        | Change::SetService(_)
        | Change::DeleteService(_)
        | Change::NewDestination(..)
        | Change::SetDestination(..)
        | Change::DeleteDestination(..)
        | Change::SetTimeouts(_)
        | Change::Zero(_)
        | Change::Flush => {}
    }
}
