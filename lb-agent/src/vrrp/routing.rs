//! Routes and routing rules of one instance, or of nobody (`static_routes`, `static_rules`): which
//! are set, and whether by us. How they are said to the kernel stand in [`route`] and [`rule`].
//!
//! Other routes to the same destination may stand beside ours (`add`, `append`, `prepend`).
//! What was there before is never removed. What somebody else removes is put back: whether
//! something is missing is found out by adding it again, so nothing has to be compared.

use tracing::{error, warn};

use super::effects::Kernel;
use super::router::Interfaces;
use crate::config::model::{Route, Rule};
use crate::net::address::{Added, Removed};
use crate::net::link::LinkKind;
use crate::net::request::Request;

pub mod route;
pub mod rule;

/// A route or a rule as it is said to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The message that adds it.
    pub add: Request,
    /// `NLM_F_*` to add it with: what becomes of it where others stand.
    pub flags: u16,
    /// The message that removes it.
    pub remove: Request,
    /// What the operator knows it by.
    pub text: String,
}

/// What the configuration has.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Config {
    Route(Box<Route>),
    Rule(Rule),
}

#[derive(Debug)]
struct Line {
    config: Config,
    standing: Standing,
    /// That it cannot be set was said.
    said: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    Absent,
    /// By us, exactly so.
    Ours(Entry),
    /// It was there already.
    Foreign,
}

/// The routes and rules of an instance.
#[derive(Debug)]
pub struct Routing {
    owner: String,
    /// Routes first: a rule leads to them.
    lines: Vec<Line>,
}

impl Routing {
    /// None of them set.
    pub fn new(owner: &str, routes: &[Route], rules: &[Rule]) -> Self {
        let routes = routes.iter().map(|it| Config::Route(Box::new(it.clone())));
        let rules = rules.iter().cloned().map(Config::Rule);
        let line = |config| Line {
            config,
            standing: Standing::Absent,
            said: false,
        };
        Self {
            owner: owner.to_owned(),
            lines: routes.chain(rules).map(line).collect(),
        }
    }

    /// Other lines from now on. Those that stay keep their standing; those of ours that go are
    /// removed. Whether there is one that is not set.
    pub fn replace(&mut self, routes: &[Route], rules: &[Rule], kernel: &mut impl Kernel) -> bool {
        let next = Self::new(&self.owner, routes, rules);
        let mut gone = std::mem::replace(self, next);
        for line in &mut self.lines {
            let same = |old: &Line| old.config == line.config;
            if let Some(place) = gone.lines.iter().position(same) {
                *line = gone.lines.remove(place);
            }
        }
        gone.remove(kernel);
        let mut lines = self.lines.iter();
        lines.any(|line| line.standing == Standing::Absent)
    }

    /// Whether something that names this `track_group` is not set.
    pub fn lacks(&self, track_group: &str) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| {
            line.standing == Standing::Absent && line.config.track_group() == Some(track_group)
        })
    }

    /// Whether there are any.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Sets what is not set. What cannot be set is said once and tried again at the next call.
    pub fn add(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        let owner = &self.owner;
        for line in &mut self.lines {
            if line.standing != Standing::Absent {
                continue;
            }
            let done = match line.config.encode(interfaces) {
                Ok(entry) => match kernel.add_routing(&entry) {
                    Ok(added) => Ok((entry, added)),
                    Err(error) => Err(error.to_string()),
                },
                Err(reason) => Err(reason),
            };
            match done {
                Ok((entry, Added::New)) => line.standing = Standing::Ours(entry),
                Ok((entry, Added::AlreadyThere)) => {
                    warn!("({owner}) {} is there already; it will stay", entry.text);
                    line.standing = Standing::Foreign;
                }
                Err(_said_before) if line.said => {}
                Err(reason) => {
                    error!("({owner}) {reason}");
                    line.said = true;
                }
            }
        }
    }

    /// Removes what [`Self::add`] has set, the last first.
    pub fn remove(&mut self, kernel: &mut impl Kernel) {
        for line in self.lines.iter_mut().rev() {
            line.said = false;
            match std::mem::replace(&mut line.standing, Standing::Absent) {
                Standing::Ours(entry) => {
                    if let Err(error) = kernel.remove_routing(&entry) {
                        error!("({}) {error}", self.owner);
                    }
                }
                Standing::Absent | Standing::Foreign => {}
            }
        }
    }

    /// Removes what somebody who was killed has left.
    pub fn remove_residual(&self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        for line in self.lines.iter().rev() {
            // A rule without a preference cannot be told from a foreign one of the same words.
            let Ok(entry) = line.config.encode(interfaces) else {
                continue;
            };
            if let Ok(Removed::Gone) = kernel.remove_routing(&entry) {
                let (owner, text) = (&self.owner, entry.text);
                warn!("({owner}) {text} was left by an earlier run; removed");
            }
        }
    }

    /// Puts back what somebody else has removed, but for what is not tracked, and tries again what
    /// could not be set; how many came back.
    pub fn restore(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) -> usize {
        let mut restored = 0;
        for line in &mut self.lines {
            let Standing::Ours(entry) = &line.standing else {
                continue;
            };
            if line.config.no_track() {
                continue;
            }
            match kernel.add_routing(entry) {
                Ok(Added::AlreadyThere) => {}
                Ok(Added::New) => {
                    warn!("({}) somebody removed {}; put back", self.owner, entry.text);
                    restored += 1;
                }
                // Its interface is down or gone: it is set again when it can be.
                Err(_later) => line.standing = Standing::Absent,
            }
        }
        self.add(kernel, interfaces);
        restored
    }
}

impl Config {
    fn encode(&self, interfaces: &Interfaces) -> Result<Entry, String> {
        let index = |name: &str| interfaces.by_name(name).map(|link| link.index);
        match self {
            Self::Route(config) => {
                let vrf = config.vrf.as_deref();
                let table = vrf.map(|vrf| table(vrf, interfaces)).transpose()?;
                route::encode(config, table, index)
            }
            Self::Rule(config) => rule::encode(config),
        }
    }

    fn track_group(&self) -> Option<&str> {
        match self {
            Self::Route(config) => config.track_group.as_deref(),
            Self::Rule(config) => config.track_group.as_deref(),
        }
    }

    const fn no_track(&self) -> bool {
        match self {
            Self::Route(config) => config.no_track,
            Self::Rule(config) => config.no_track,
        }
    }
}

/// `vrf`: the table that a VRF device stands for.
fn table(vrf: &str, interfaces: &Interfaces) -> Result<u32, String> {
    match interfaces.by_name(vrf).map(|link| &link.kind) {
        Some(LinkKind::Vrf { table }) => Ok(*table),
        Some(_) => Err(format!(
            "cannot add a route to VRF {vrf}: the interface is no VRF"
        )),
        None => Err(format!(
            "cannot add a route to VRF {vrf}: no such interface"
        )),
    }
}
