//! What has to be found out, and has to stand, before anybody is served: at the start, and before a
//! reload.

use std::collections::BTreeSet;

use super::{Planes, remove_pins};
use crate::config::model::Config;
use crate::net::ipvs::{self, ServiceKey};
use crate::runtime::claims::{Claims, ClaimsFile};
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::plane::{Plane, chain};
use crate::runtime::supervisor::RunError;
use crate::runtime::supervisor::ipvs::note_foreign;
use crate::runtime::supervisor::network::Network;

/// Why another configuration cannot come.
pub(in crate::runtime::supervisor) enum Unready {
    /// Not yet: IPVS's module has to be loaded first, or to fail to.
    Module,
    /// There is no data plane for everybody.
    Refused(String),
}

impl Planes {
    /// Finds out who can carry what, and opens what is needed. Nobody's service is touched.
    pub(super) fn survey(&mut self, director: &mut Director) -> Result<(), RunError> {
        let (wants_xdp, _) = director.asks(Ok(()));
        if wants_xdp {
            self.load(director);
        }
        if let Some(plane) = self.xdp() {
            let gates = plane.gates();
            director.hold_attachments(|gate| gates.is_armed(gate), clock::now());
        }
        let left = ClaimsFile::open(&self.instance).claims().clone();
        // What goes at once is in nobody's way.
        let flush = director.config().global_defs.lvs.lvs_flush;
        if !flush {
            // An earlier agent's program goes on forwarding.
            let with_xdp = self.xdp().map(Plane::addresses).unwrap_or_default();
            note_foreign(
                director,
                &left.services.iter().copied().collect(),
                &with_xdp,
            );
        }
        let must = left != Claims::default() || (flush && ipvs::Ipvs::is_loaded());
        if self.choose(director, must) {
            self.open_ipvs();
            self.choose(director, must);
        }
        self.tell(director);
        Self::require(director)
    }

    /// Brings it about: what has to stand before anybody hears of us.
    pub(in crate::runtime::supervisor) fn begin(
        &mut self,
        director: &mut Director,
    ) -> Result<(), RunError> {
        if !director.needs_xdp()
            && let Some(balancer) = self.balancer.take()
        {
            balancer.stop();
        }
        if self.balancer.is_none() {
            remove_pins(&self.instance);
        }
        if let Some(balancer) = &mut self.balancer {
            balancer.begin(director)?;
        }
        // Not before XDP serves: a start that fails leaves the tables as they are.
        if director.config().global_defs.lvs.lvs_flush
            && let Some(ipvs) = &mut self.ipvs
        {
            ipvs.flush();
        }
        if self.update_ipvs(director) {
            self.tell(director);
        }
        self.leave_unused(director);
        Ok(())
    }

    /// Another configuration is to come: what it needs and is not there yet is made ready, and it is
    /// found out who would carry what. Without a data plane for everybody it must not come, as it
    /// would not be started with.
    ///
    /// Interfaces that only it needs have the program after that; whoever does not go through with
    /// it has them let go with [`Self::update`].
    pub(in crate::runtime::supervisor) fn prepare(
        &mut self,
        config: &Config,
        director: &Director,
        network: &mut Network,
    ) -> Result<(), Unready> {
        let mut next = director.rehearse(config.clone());
        // What it cannot read it says when it comes.
        network.read_surroundings(&mut next).ok();
        // Which servers are this host decides who carries a virtual server.
        network.look_up(&mut next, clock::now());
        let wants_xdp = self.would_want_xdp(&mut next);
        let loads = wants_xdp && self.balancer.is_none();
        if loads {
            self.no_xdp = None;
            self.load(&next);
        }
        let no_ipvs = self.no_ipvs.take();
        let opens = self.ipvs.is_none();
        note_foreign(&mut next, &self.ours(), &director.addresses_with_xdp());
        let ready = if self.choose(&mut next, false) {
            Err(Unready::Module)
        } else {
            self.serves(&next).map_err(Unready::Refused)
        };
        if ready.is_err() {
            // What only the new one needs goes again.
            if loads && let Some(balancer) = self.balancer.take() {
                balancer.stop();
            }
            if opens {
                self.ipvs = None;
            }
            // What was tried for it counts for nobody else.
            self.loaded = None;
            self.no_ipvs = no_ipvs;
        } else {
            self.ways = std::mem::take(next.hops());
        }
        self.expected = next.take_refusals();
        ready
    }

    /// Whether the program has to be there for `next`. Where IPVS is, it is known whom that would
    /// carry instead.
    fn would_want_xdp(&self, next: &mut Director) -> bool {
        if self.ipvs.is_some() {
            next.choose(Ok(()), Ok(()));
            return next.needs_xdp();
        }
        let (wants_xdp, _) = next.asks(Ok(()));
        wants_xdp
    }

    /// Whether everybody is served, as somebody who starts wants it.
    fn serves(&self, next: &Director) -> Result<(), String> {
        Self::require(next).map_err(|error| error.to_string())?;
        match self.xdp() {
            Some(plane) => plane.has_room(&next.desired()).map_err(|it| chain(&it)),
            None => Ok(()),
        }
    }

    /// Chooses, opening what is needed: XDP's interfaces, to hear whether they take the program, and
    /// IPVS, if somebody is for it or `must`. Whether that is to be loaded first.
    fn choose(&mut self, director: &mut Director, must: bool) -> bool {
        director.choose(self.xdp_there(), Ok(()));
        if let Some(balancer) = &mut self.balancer {
            balancer.open(director);
        }
        let refused = director.refusals();
        let (_, wants_ipvs) = director.asks(self.xdp_there());
        let wants = wants_ipvs || !refused.is_empty() || must;
        if wants && self.ipvs.is_none() && self.no_ipvs.is_none() {
            if !self.may_open_ipvs() {
                return true;
            }
            self.open_ipvs();
        }
        if self.ipvs.is_some() {
            director.note_refusals(refused);
        }
        director.choose(self.xdp_there(), self.ipvs_there());
        false
    }

    /// What IPVS has of ours.
    fn ours(&self) -> BTreeSet<ServiceKey> {
        let ipvs = self.ipvs.iter();
        ipvs.flat_map(|ipvs| ipvs.ours().iter().copied()).collect()
    }
}
