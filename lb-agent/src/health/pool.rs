//! Whom a virtual server may send to: its servers that are up, or its sorry server.
//!
//! Pure. What a server's state is comes from the checkers; what becomes of the members is the
//! data plane's, what becomes of the notices is for who runs scripts and sends mails. Lines are
//! keepalived's, in its order.
//!
//! Whether their weight is enough is for the `quorum` to say.

mod fit;
mod lines;
mod record;
mod reload;
mod server;
mod status;

use std::time::Instant;

use self::lines::Names;
pub use self::record::{Past, PoolRecord, ServerRecord};
use self::server::PoolServer;
pub use self::status::{PoolStatus, ServerStatus};
use super::quorum::Quorum;
use super::slow_start::{self, Ramp};
use super::spec::{PoolRules, PoolSpec};
use super::{Change, Event, Hand};
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::log_line::LogLine;

/// One server that a virtual server sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Address and port.
    pub key: RealServerKey,
    /// Its share; 0: no new connections, old ones go on.
    pub weight: u32,
    /// It is the sorry server.
    pub sorry: bool,
}

/// Something to tell: `notify_up` and `notify_down`, `quorum_up` and `quorum_down`, the FIFO,
/// mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A real server is up, or down.
    RealServer {
        /// Which one.
        key: RealServerKey,
        /// Up or down.
        up: bool,
    },
    /// The virtual server has its quorum, or has not.
    Quorum {
        /// It has.
        up: bool,
        /// The log's words for it, without the virtual server's name.
        sentence: String,
    },
    /// A real server that was up goes, as if it had failed: the agent stops (`omega`), or it is
    /// configured no longer, alone or with its virtual server.
    ShutDown {
        /// Which one.
        key: RealServerKey,
        /// It is configured no longer.
        removed: bool,
    },
}

/// What an event came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PoolChange {
    /// What to write to the log, in order.
    pub lines: Vec<LogLine>,
    /// [`Pool::members`] is another list now.
    pub members_changed: bool,
    /// Whom to tell what, in order.
    pub notices: Vec<Notice>,
}

/// The pool of one virtual server.
#[derive(Clone, Debug)]
pub struct Pool {
    virtual_server: VirtualServerKey,
    servers: Vec<PoolServer>,
    rules: PoolRules,
    quorum: Quorum,
    has_quorum: bool,
    /// Somebody has heard that it has, or has not.
    quorum_told: bool,
    members: Vec<Member>,
    /// When the next step of a slow start is due: it is asked for all the time.
    next_step: Option<Instant>,
}

impl Pool {
    /// The pool at start, before any check, when nothing is known: all servers, with `alpha` only
    /// those without a checker, which nothing could ever bring up. The quorum that this makes is
    /// told, and with `rs_init_notifies` every server that is up.
    pub fn new(spec: impl Into<PoolSpec>) -> (Self, PoolChange) {
        Self::begin(spec, Past::Unknown)
    }

    /// The pool at start, going on from `past`. Servers that are known are as they were, the others as
    /// when nothing is known; what is told is what that comes to, as if there had been no other start.
    pub fn begin(spec: impl Into<PoolSpec>, past: Past<'_>) -> (Self, PoolChange) {
        let (mut pool, mut change) = Self::without_members(spec.into());
        let had_quorum = pool.recall(past, &mut change);
        pool.begin_quorum(had_quorum, &mut change);
        change = pool.settled(change);
        change.members_changed = true;
        (pool, change)
    }

    /// Within the hysteresis it is what it was. Its loss is told of what somebody has heard of, and where
    /// the sorry server begins.
    fn begin_quorum(&mut self, had: Option<bool>, change: &mut PoolChange) {
        let weight = self.live_weight();
        if self.quorum.gained(weight) {
            self.gain_as("Starting with quorum up", change);
        } else if had == Some(true) && !self.quorum.lost(weight) {
            let numbers = self.quorum.kept_numbers(weight);
            self.keep(format!("Starting with quorum up {numbers}"), change);
        } else if had.is_some() || self.rules.sorry_server.is_some() {
            let numbers = self.quorum.missing_numbers(weight);
            self.lose(format!("Starting with quorum down {numbers}"), change);
        }
    }

    /// Its servers and rules, made to fit each other.
    fn without_members(spec: PoolSpec) -> (Self, PoolChange) {
        let PoolSpec {
            key,
            mut rules,
            servers,
        } = spec;
        let change = PoolChange {
            lines: fit::fit(&mut rules, &servers, Names(&key)),
            ..PoolChange::default()
        };
        let pool = Self {
            virtual_server: key,
            servers: servers.iter().map(PoolServer::new).collect(),
            quorum: Quorum::new(rules.quorum, rules.hysteresis),
            rules,
            has_quorum: false,
            quorum_told: false,
            members: Vec::new(),
            next_step: None,
        };
        (pool, change)
    }

    /// The checkers say something of one of the servers. What is known already, or a server that is
    /// not in this virtual server, changes nothing.
    pub fn handle_event(&mut self, event: &Event) -> PoolChange {
        match &event.change {
            Change::Up => self.set_up(&event.real_server, true, event.at),
            Change::Down => self.set_up(&event.real_server, false, event.at),
            Change::Weight(weight) => {
                self.set_weight(&event.real_server, |server| server.weight = *weight)
            }
            Change::Checker { .. } => PoolChange::default(),
        }
    }

    /// An operator sets a weight by hand, or clears it.
    pub fn set_by_hand(&mut self, server: &RealServerKey, hand: Option<Hand>) -> PoolChange {
        self.set_weight(server, |server| server.hand = hand)
    }

    /// The next step of a slow start.
    pub fn handle_timeout(&mut self, now: Instant) -> PoolChange {
        for server in &mut self.servers {
            server.ramp = server.ramp.and_then(|ramp| ramp.advance(now));
        }
        self.settled(PoolChange::default())
    }

    /// When to call [`Self::handle_timeout`].
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next_step
    }

    /// The agent stops: with `omega` what was up is told to be down.
    pub fn stop(&mut self) -> PoolChange {
        let mut change = PoolChange::default();
        let names = Names(&self.virtual_server);
        for server in &self.servers {
            let line = names.shutting_down(&server.key);
            change.lines.push(LogLine::Info(line));
        }
        if self.rules.omega {
            self.tell_end(false, &mut change);
        }
        change
    }

    /// The virtual server is configured no longer: what was up is told to be down, as in keepalived
    /// also without `omega`.
    pub fn remove(&mut self) -> PoolChange {
        let mut change = PoolChange::default();
        let names = Names(&self.virtual_server);
        let up = self.servers.iter().filter(|server| server.up);
        change.lines.extend(up.map(|it| names.removed(&it.key)));
        self.tell_end(true, &mut change);
        change
    }

    fn tell_end(&mut self, removed: bool, change: &mut PoolChange) {
        for server in &mut self.servers {
            if std::mem::replace(&mut server.up, false) {
                change.notices.push(server.gone(removed));
            }
        }
        if std::mem::replace(&mut self.has_quorum, false) {
            let sentence = if removed { "Removing" } else { "Shutting down" };
            change.notices.push(Notice::Quorum {
                up: false,
                sentence: sentence.to_owned(),
            });
        }
    }

    /// Whom to send to now, in the order of the file, the sorry server last.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The virtual server.
    #[must_use]
    pub fn virtual_server(&self) -> &VirtualServerKey {
        &self.virtual_server
    }

    fn set_up(&mut self, key: &RealServerKey, up: bool, now: Instant) -> PoolChange {
        let names = Names(&self.virtual_server);
        let ramp = Ramp::start(self.rules.xdp_slow_start, now);
        let Some(server) = find(&mut self.servers, key) else {
            return PoolChange::default();
        };
        let mut change = PoolChange::default();
        let notice = Notice::RealServer { key: *key, up };
        if server.up == up {
            // The first check of what counted as down already.
            if !up && !std::mem::replace(&mut server.told, true) {
                change.notices.push(notice);
            }
            return change;
        }
        server.up = up;
        server.told = true;
        server.ramp = ramp.filter(|_| up);
        change
            .lines
            .push(names.server(key, server.inhibit_on_failure, up));
        change.notices.push(notice);
        self.update_quorum(&mut change);
        self.settled(change)
    }

    fn set_weight(&mut self, key: &RealServerKey, set: impl FnOnce(&mut PoolServer)) -> PoolChange {
        let names = Names(&self.virtual_server);
        let Some(server) = find(&mut self.servers, key) else {
            return PoolChange::default();
        };
        let (before, by_hand) = (server.target_weight(), server.hand);
        set(server);
        let (after, up) = (server.target_weight(), server.up);
        let by_hand = by_hand != server.hand;
        let mut change = PoolChange::default();
        if before != after {
            let line = names.weight(key, before, after, up, by_hand);
            change.lines.push(LogLine::Info(line));
            self.update_quorum(&mut change);
        }
        self.settled(change)
    }

    /// The members that follow from the state now, and when they change by themselves.
    fn settled(&mut self, mut change: PoolChange) -> PoolChange {
        let members = self.wanted();
        change.members_changed = self.members != members;
        self.members = members;
        let ramps = self.servers.iter().filter_map(|server| server.ramp);
        self.next_step = ramps.filter_map(|ramp| ramp.deadline()).min();
        change
    }

    fn update_quorum(&mut self, change: &mut PoolChange) {
        let weight = self.live_weight();
        match self.has_quorum {
            false if self.quorum.gained(weight) => self.gain(change),
            true if self.quorum.lost(weight) => {
                let numbers = self.quorum.lost_numbers(weight);
                self.lose(format!("Lost quorum {numbers}"), change);
            }
            true | false => {}
        }
    }

    fn gain(&mut self, change: &mut PoolChange) {
        self.gain_as("Gained quorum", change);
        if let Some(sorry) = &self.rules.sorry_server {
            let inhibit = self.rules.sorry_server_inhibit;
            let lines = self.names().sorry_leaves(sorry, inhibit);
            change.lines.extend(lines);
        }
    }

    /// `what` is how the mail begins; the line is the same at start.
    fn gain_as(&mut self, what: &str, change: &mut PoolChange) {
        (self.has_quorum, self.quorum_told) = (true, true);
        let numbers = self.quorum.gained_numbers(self.live_weight());
        let line = format!("Gained quorum {numbers} for VS {}", self.virtual_server);
        change.lines.push(LogLine::Info(line));
        change.notices.push(Notice::Quorum {
            up: true,
            sentence: format!("{what} {numbers}"),
        });
    }

    fn keep(&mut self, sentence: String, change: &mut PoolChange) {
        (self.has_quorum, self.quorum_told) = (true, true);
        let line = format!("{sentence} for VS {}", self.virtual_server);
        change.lines.push(LogLine::Info(line));
        change.notices.push(Notice::Quorum { up: true, sentence });
    }

    /// `why` is how the line begins.
    fn lose(&mut self, why: String, change: &mut PoolChange) {
        (self.has_quorum, self.quorum_told) = (false, true);
        let names = self.names();
        let line = format!("{why} for VS {}", names.service());
        change.lines.push(LogLine::Warn(line));
        if let Some(sorry) = &self.rules.sorry_server {
            let inhibit = self.rules.sorry_server_inhibit;
            change.lines.extend(names.sorry_comes(sorry, inhibit));
        }
        change.notices.push(Notice::Quorum {
            up: false,
            sentence: why,
        });
    }

    fn wanted(&self) -> Vec<Member> {
        let at_work = self.rules.sorry_server.filter(|_| !self.has_quorum);
        let resting = self
            .rules
            .sorry_server
            .filter(|_| self.has_quorum && self.rules.sorry_server_inhibit)
            .filter(|key| self.servers.iter().all(|server| server.key != *key));
        let scale = self.scale();
        let servers = self
            .servers
            .iter()
            .filter(|server| Some(server.key) != at_work);
        let servers = servers.filter_map(|server| {
            let weight = if server.up && at_work.is_none() {
                server.weight_now(scale)
            } else if server.inhibit_on_failure || (server.up && server.is_drained()) {
                0
            } else {
                return None;
            };
            Some(Member {
                key: server.key,
                weight,
                sorry: false,
            })
        });
        let sorry = |key: Option<RealServerKey>, weight| {
            key.map(|key| Member {
                key,
                weight,
                sorry: true,
            })
        };
        servers
            .chain(sorry(at_work, 1))
            .chain(sorry(resting, 0))
            .collect()
    }

    /// What all weights are multiplied with, for a slow start.
    fn scale(&self) -> u32 {
        let live = || self.servers.iter().filter(|server| server.up);
        if live().any(|server| server.ramp.is_some()) {
            slow_start::scale(live().map(PoolServer::target_weight))
        } else {
            1
        }
    }

    /// The weight of the servers that are up; a slow start does not count against the quorum.
    fn live_weight(&self) -> u64 {
        let live = self.servers.iter().filter(|server| server.up);
        live.map(|server| u64::from(server.target_weight())).sum()
    }

    const fn names(&self) -> Names<'_> {
        Names(&self.virtual_server)
    }
}

fn find<'s>(servers: &'s mut [PoolServer], key: &RealServerKey) -> Option<&'s mut PoolServer> {
    servers.iter_mut().find(|server| server.key == *key)
}

#[cfg(test)]
mod tests;
