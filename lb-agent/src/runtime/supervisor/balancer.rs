//! The XDP data plane at work: kept as the director wants it, and what the operator hears of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tracing::{error, info, warn};

use super::forwarding;
use super::said::Said;
use crate::config::model::Family;
use crate::dataplane::nexthop::Resolution;
use crate::dataplane::port::{Need, Ports, Wanted};
use crate::runtime::director::Director;
use crate::runtime::plane::{Plane, PlaneError, Times, chain};

/// Heartbeats between two attempts to use an interface that could not be used. Each may cost a
/// card its link for a moment.
const RETRY_INTERFACES: u32 = 10;

/// The data plane of one director.
pub(super) struct Balancer {
    plane: Plane,
    /// The maps are not as they should be, and this was said.
    failing: bool,
    /// Heartbeats since the interfaces were tried last.
    beats: u32,
    /// Interfaces that cannot be used.
    unusable: Said<String>,
    /// Servers whose packets the interfaces do not let through.
    unreached: Said<IpAddr>,
    /// Virtual servers without an interface.
    unserved: Said<String>,
    /// Servers on this host that XDP cannot serve.
    misplaced: Said<String>,
    /// Settings of the kernel.
    settings: Said<String>,
}

impl Balancer {
    /// Loads the program.
    pub(super) fn load(instance: &str, director: &Director) -> Result<Self, PlaneError> {
        let global = &director.config().global_defs;
        let (tables, times) = (global.xdp_flow_table_size, Times::of(global));
        let mut balancer = Self {
            plane: Plane::load(instance, tables, times, director.gates())?,
            failing: false,
            beats: 0,
            unusable: Said::default(),
            unreached: Said::default(),
            unserved: Said::default(),
            misplaced: Said::default(),
            settings: Said::default(),
        };
        match balancer.plane.heartbeat() {
            Ok(()) => Ok(balancer),
            Err(error) => {
                // Nothing half-done stays behind.
                balancer.give_back();
                Err(error)
            }
        }
    }

    /// Brings everything about for the first time: what has to stand before anybody hears of us.
    pub(super) fn begin(&mut self, director: &mut Director) -> Result<(), PlaneError> {
        let wanted = self.open(director);
        self.tell_unusable(&wanted, director.ports());
        self.bring_about(director, &wanted)?;
        self.tell(director);
        Ok(())
    }

    /// The data plane itself.
    pub(super) const fn plane(&self) -> &Plane {
        &self.plane
    }

    /// Brings the data plane to what is desired now; `wanted`: what [`Self::open`] has opened.
    pub(super) fn update(&mut self, director: &mut Director, wanted: &[Wanted]) {
        self.tell_unusable(wanted, director.ports());
        let outcome = self.bring_about(director, wanted);
        self.tell_outcome(&outcome);
        self.tell(director);
    }

    /// Pools have changed and nothing else: servers and interfaces are where they were.
    pub(super) fn update_pools(&mut self, director: &mut Director) {
        let moved = director.take_moved();
        let desired = match self.plane.settled() {
            Some(before) => director.desired_since(before, &moved),
            None => director.desired(),
        };
        let outcome = self.plane.apply(desired);
        self.tell_outcome(&outcome);
    }

    /// Whether the data plane is not as it should be.
    pub(super) const fn is_failing(&self) -> bool {
        self.failing
    }

    fn tell_outcome(&mut self, outcome: &Result<(), PlaneError>) {
        match outcome {
            Ok(()) if self.failing => info!("the data plane is as it should be again"),
            Ok(()) => {}
            Err(error) if !self.failing => {
                let why = chain(error);
                error!("the data plane is not as it should be: {why}; trying again every second");
            }
            Err(_said) => {}
        }
        self.failing = outcome.is_err();
    }

    /// Interfaces that are wanted are made ready before servers behind them are used …
    pub(super) fn open(&mut self, director: &mut Director) -> Vec<Wanted> {
        for index in director.take_gone() {
            self.plane.forget(index);
        }
        if director.take_doubt() {
            self.plane.forget_lost();
        }
        let wanted = director.interfaces();
        director.handle_ports(self.plane.open(&wanted));
        wanted
    }

    /// … and what is not wanted any more is let go when nobody uses it.
    fn bring_about(
        &mut self,
        director: &mut Director,
        wanted: &[Wanted],
    ) -> Result<(), PlaneError> {
        director.take_moved();
        self.plane.apply(director.desired())?;
        if director.is_between() {
            // What is not wanted any more is in use for a moment yet.
            return Ok(());
        }
        self.plane.close(wanted)
    }

    /// A second has passed: the program hears that the agent is alive. Whether something should be
    /// tried again.
    pub(super) fn beat(&mut self, director: &Director) -> bool {
        if let Err(error) = self.plane.heartbeat() {
            error!("cannot tell the XDP program that the agent is alive: {error}");
        }
        self.tell_settings(director);
        let waiting = !self.unusable.is_empty() || !self.unreached.is_empty();
        self.beats = if waiting { self.beats + 1 } else { 0 };
        let retry = self.beats >= RETRY_INTERFACES;
        if retry {
            self.beats = 0;
        }
        self.failing || retry
    }

    /// Takes everything out of the kernel.
    pub(super) fn stop(self) {
        for error in self.plane.remove() {
            error!("{error}");
        }
    }

    /// The agent does not run after all. What an earlier agent has left goes on forwarding, as long
    /// as none of its services has been changed; everything else goes.
    pub(super) fn give_back(mut self) {
        let Some(changed) = self.plane.give_back() else {
            return self.stop();
        };
        if changed.is_empty() {
            info!("what an earlier agent has left goes on forwarding");
        }
        for what in changed {
            warn!("what an earlier agent has left does not go on forwarding as it was: {what}");
        }
    }

    fn tell_unusable(&mut self, wanted: &[Wanted], ports: &Ports) {
        let closed = without_program(wanted, ports).map(|(_, why)| why.to_owned());
        let unlisted = wanted.iter().filter(|it| it.egress).filter_map(|it| {
            let why = ports.get(&it.link.index)?.listed.as_ref().err()?;
            Some(format!("packets cannot leave by {}: {why}", it.link.name))
        });
        // Each is told apart by its words.
        let all = closed.chain(unlisted).map(|why| (why.clone(), why));
        for (_, why) in self.unusable.update(all.collect()).begun {
            error!("{why}");
        }
    }

    fn tell(&mut self, director: &Director) {
        let obstacles = director.obstacles().into_iter();
        let obstacles = obstacles.map(|(address, obstacle)| (address, obstacle.to_string()));
        let news = self.unreached.update(obstacles.collect());
        for (address, why) in news.begun {
            warn!(
                "{address} cannot be reached by XDP: its packets are dropped, new connections go to others where there are any: {why}"
            );
        }
        for address in news.over {
            if matches!(director.resolution(address), Resolution::Via(_)) {
                info!("{address} can be reached by XDP now");
            }
        }
        let news = self.unserved.update(director.unserved());
        for (name, why) in news.begun {
            warn!("virtual server {name} has no interface to serve on: {why}");
        }
        for name in news.over {
            info!("virtual server {name} has an interface to serve on now");
        }
        let news = self.misplaced.update(director.misplaced());
        for (_, why) in news.begun {
            warn!("{why}");
        }
        for name in news.over {
            info!("{name} is served now");
        }
        self.tell_settings(director);
    }

    fn tell_settings(&mut self, director: &Director) {
        let mut complaints = BTreeMap::new();
        for family in [Family::Inet, Family::Inet6] {
            let interfaces = director.answers_come_by(family);
            let found = interfaces.map(|it| forwarding::complaints(family, &it));
            complaints.extend(found.unwrap_or_default());
        }
        let news = self.settings.update(complaints);
        for (_, text) in news.begun {
            warn!("{text}");
        }
        for name in news.over {
            info!("{name} is as it should be now");
        }
    }
}

/// The interfaces that do not carry the program although packets arrive for it there, and why. Of
/// those that need it for their drivers only, the servers behind them tell.
fn without_program<'a>(
    wanted: &'a [Wanted],
    ports: &'a Ports,
) -> impl Iterator<Item = (&'a Wanted, &'a str)> {
    let for_packets = wanted.iter().filter(|it| it.need == Need::Packets);
    for_packets.filter_map(|it| {
        let why = ports.get(&it.link.index)?.program.as_ref().err()?;
        Some((it, why.as_str()))
    })
}
