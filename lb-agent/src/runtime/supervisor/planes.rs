//! Both data planes of one director, and who of them carries what.
//!
//! The director chooses ([`Director::choose`]); here is found out what there is to choose from,
//! and told what came of it.
//!
//! A service that goes from one to the other is with the second before it leaves the first. Packets
//! meet XDP first, so none of them is served twice: what comes to XDP is IPVS's for as long as the
//! gate is shut, and what leaves XDP is seen by IPVS only then.

mod begin;
mod tell;

pub(super) use self::begin::Unready;

use std::collections::BTreeMap;
use std::time::Instant;

use tracing::{debug, error, info};

use self::tell::short;
use super::RunError;
use super::balancer::Balancer;
use super::ipvs::{Ipvs, flush_on_stop};
use super::module::Module;
use super::said::Said;
use super::vrrp::names;
use crate::config::model::VirtualServerKey;
use crate::dataplane::choice::Choice;
use crate::dataplane::nexthop::NextHops;
use crate::dataplane::xdp::gate::{InstanceGates, NoGates};
use crate::dataplane::xdp::pins::Pins;
use crate::net;
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::plane::{Plane, chain};
use crate::vrrp;

/// The data planes of one director.
pub(super) struct Planes {
    /// `--instance`.
    instance: String,
    /// XDP; `None`: nobody needs it, or it cannot be loaded.
    balancer: Option<Balancer>,
    /// IPVS, likewise.
    ipvs: Option<Ipvs>,
    /// Who loads IPVS's module while we go on.
    module: Module,
    /// What came of loading it for the reload that is under way; `None`: that was not tried.
    loaded: Option<Result<(), String>>,
    /// Why the program cannot be loaded.
    no_xdp: Option<String>,
    /// Why there is no IPVS.
    no_ipvs: Option<String>,
    /// Why XDP does not serve, of the configuration that is to come.
    expected: BTreeMap<VirtualServerKey, String>,
    /// What was found out of the ways to its servers.
    ways: NextHops,
    /// An interface has refused the program.
    is_refused: bool,
    /// Who carries what.
    carried: Said<String>,
}

impl Planes {
    /// Finds out who can carry what; [`Self::begin`] brings it about. Unless `xdp_required` is off, a
    /// virtual server that nobody carries is an error.
    pub(super) fn start(instance: &str, director: &mut Director) -> Result<Self, RunError> {
        let mut planes = Self::new(instance);
        match planes.survey(director) {
            Ok(()) => Ok(planes),
            Err(error) => {
                planes.give_back();
                Err(error)
            }
        }
    }

    /// Nothing is known, and nobody is served.
    fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            balancer: None,
            ipvs: None,
            module: Module::default(),
            loaded: None,
            no_xdp: None,
            no_ipvs: None,
            expected: BTreeMap::new(),
            ways: NextHops::new(),
            is_refused: false,
            carried: Said::default(),
        }
    }

    /// The agent runs: what it has adopted is its own from here on.
    pub(super) fn keep(&mut self) {
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.keep();
        }
    }

    /// The agent does not run after all: nothing half-done stays behind, and what was somebody
    /// else's stays.
    pub(super) fn give_back(self) {
        if let Some(balancer) = self.balancer {
            balancer.give_back();
        }
        if let Some(ipvs) = self.ipvs {
            ipvs.give_back();
        }
    }

    /// XDP's part, if it is in use.
    pub(super) fn xdp(&self) -> Option<&Plane> {
        self.balancer.as_ref().map(Balancer::plane)
    }

    /// What VRRP opens and shuts.
    pub(super) fn gate(&self, director: &Director) -> Box<dyn vrrp::Gate> {
        // One that nobody needs goes, between two configurations a little later.
        let stays = director.needs_xdp() || director.is_between();
        match self.xdp().filter(|_| stays) {
            Some(plane) => Box::new(InstanceGates::new(
                plane.gates(),
                director.gates(),
                names(director.config()),
            )),
            None => Box::new(NoGates),
        }
    }

    /// What came of loading IPVS's module for a configuration that is to come, if that was tried.
    pub(super) fn note_module(&mut self, loaded: Option<Result<(), String>>) {
        self.loaded = loaded;
    }

    /// The director has another configuration, which was prepared a moment ago: what the kernel has
    /// said of the ways to new servers is not asked again.
    pub(super) fn teach(&mut self, director: &mut Director) {
        let ways = std::mem::take(&mut self.ways);
        director.hops().learn(&ways, clock::now());
    }

    /// The director has another configuration, which was prepared: who carries what is chosen anew.
    pub(super) fn reload(&mut self, director: &mut Director) {
        director.note_refusals(std::mem::take(&mut self.expected));
        // The way to a server may be another one since `prepare`.
        let (_, wants_ipvs) = director.asks(self.xdp_there());
        if wants_ipvs {
            self.open_or_ask(director);
        }
        director.choose(self.xdp_there(), self.ipvs_there());
        if director.needs_xdp() && self.balancer.is_none() {
            self.no_xdp = None;
            self.load(director);
            director.choose(self.xdp_there(), self.ipvs_there());
        }
        self.loaded = None;
        self.tell(director);
    }

    /// Brings both to what is desired now.
    pub(super) fn update(&mut self, director: &mut Director) {
        let mut wanted = self.balancer.as_mut().map(|it| it.open(director));
        if self.reconsider(director) {
            wanted = self.balancer.as_mut().map(|it| it.open(director));
        }
        let is_news = self.update_ipvs(director);
        if let (Some(balancer), Some(wanted)) = (&mut self.balancer, wanted) {
            balancer.update(director, &wanted);
        }
        if is_news {
            self.tell(director);
        }
        self.leave_unused(director);
    }

    /// Brings both to what is desired now, when since the last time pools have changed and nothing else.
    pub(super) fn update_pools(&mut self, director: &mut Director) {
        if self.balancer.as_ref().is_some_and(Balancer::is_failing) {
            // More is not as it should be than pools.
            return self.update(director);
        }
        let is_news = self.update_ipvs(director);
        if let Some(balancer) = &mut self.balancer {
            balancer.update_pools(director);
        }
        if is_news {
            self.tell(director);
        }
    }

    /// Brings IPVS to what is desired now. Whether the kernel refuses something else than before.
    fn update_ipvs(&mut self, director: &mut Director) -> bool {
        let Some(ipvs) = &mut self.ipvs else {
            return false;
        };
        ipvs.update(director);
        director.note_ipvs_refusals(ipvs.refused().clone())
    }

    /// An interface may have refused the program since the last choice; whether that is another one
    /// now.
    fn reconsider(&mut self, director: &mut Director) -> bool {
        // Who is refused may have nobody instead, and is told also without another choice.
        let is_refused = director.is_refused();
        let was_refused = std::mem::replace(&mut self.is_refused, is_refused);
        let refused = director.refusals();
        if refused.is_empty() {
            if is_refused || was_refused {
                self.tell(director);
            }
            return false;
        }
        self.open_or_ask(director);
        if self.ipvs.is_some() {
            director.note_refusals(refused);
        }
        let is_another = self.choose_anew(director);
        self.tell(director);
        is_another
    }

    /// Chooses anew, unless the module of IPVS is still being loaded: what came to IPVS then would have
    /// nobody. Whether the choices are others now.
    fn choose_anew(&self, director: &mut Director) -> bool {
        if self.ipvs.is_none() && self.no_ipvs.is_none() {
            return false;
        }
        let before: Vec<Choice> = director.choices().map(|(_, it)| it.clone()).collect();
        director.choose(self.xdp_there(), self.ipvs_there());
        director.choices().map(|(_, it)| it).ne(&before)
    }

    /// A plane that nobody needs goes, when nobody is served by it any more.
    fn leave_unused(&mut self, director: &mut Director) {
        if director.is_between() {
            return;
        }
        if !director.needs_xdp()
            && let Some(balancer) = self.balancer.take()
        {
            balancer.stop();
            info!("the XDP program is removed: nobody needs it any more");
        }
        if !director.needs_ipvs()
            && let Some(ipvs) = self.ipvs.take()
        {
            ipvs.release();
            director.note_ipvs_refusals(BTreeMap::new());
        }
    }

    /// A second has passed. Whether something should be tried again.
    pub(super) fn beat(&mut self, director: &Director) -> bool {
        let xdp = self.balancer.as_mut().is_some_and(|it| it.beat(director));
        let ipvs = self.ipvs.as_ref().is_some_and(Ipvs::is_failing);
        if self.ipvs.as_ref().is_some_and(Ipvs::is_unloaded) {
            self.module.ask(director.config());
        }
        xdp || ipvs
    }

    /// When to call [`Self::look`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ipvs.as_ref().map(Ipvs::poll_timeout)
    }

    /// Looks whether others have been at the kernel's tables; whether something has to be put
    /// right.
    pub(super) fn look(&mut self, director: &Director) -> bool {
        let Some(ipvs) = &mut self.ipvs else {
            return false;
        };
        let changed = ipvs.look(director);
        if ipvs.is_unloaded() {
            self.module.ask(director.config());
        }
        changed
    }

    /// What has come of loading IPVS's module; never, while nobody loads it.
    pub(super) async fn module(&mut self) -> Result<(), String> {
        self.module.answer().await
    }

    /// It has come to this; whether something has to be put right.
    pub(super) fn handle_module(
        &mut self,
        outcome: Result<(), String>,
        director: &mut Director,
    ) -> bool {
        match (outcome, &mut self.ipvs) {
            (Ok(()), Some(ipvs)) => ipvs.look(director),
            (Ok(()), None) => {
                self.open_ipvs();
                director.choose(self.xdp_there(), self.ipvs_there());
                self.tell(director);
                true
            }
            (Err(why), Some(ipvs)) => {
                ipvs.handle_missing(&why);
                true
            }
            (Err(reason), None) => {
                let missing = net::ipvs::IpvsError::Missing { reason };
                self.no_ipvs = Some(missing.to_string());
                error!("{missing}");
                director.choose(self.xdp_there(), self.ipvs_there());
                self.tell(director);
                true
            }
        }
    }

    /// Takes everything out of the kernel, unless it is to stay (`--dont-release-ipvs`).
    pub(super) fn stop(self, director: &Director, stays: bool) {
        match self.balancer {
            Some(_) if stays => {
                info!("the data plane stays and goes on forwarding (--dont-release-ipvs)");
            }
            Some(balancer) => balancer.stop(),
            None => {}
        }
        match self.ipvs {
            Some(ipvs) => ipvs.stop(director, stays),
            None if stays => {}
            None => flush_on_stop(director),
        }
    }

    fn load(&mut self, director: &Director) {
        match Balancer::load(&self.instance, director) {
            Ok(balancer) => self.balancer = Some(balancer),
            Err(error) => {
                let why = chain(&error);
                debug!("{why}");
                self.no_xdp = Some(short(&why));
            }
        }
    }

    /// Whether [`Self::open_ipvs`] would not load the module, which the agent at work leaves to a
    /// thread.
    fn may_open_ipvs(&self) -> bool {
        net::ipvs::Ipvs::is_loaded() || self.loaded.is_some()
    }

    /// Opens IPVS, or has its module loaded first, unless it is open or known not to be there.
    fn open_or_ask(&mut self, director: &Director) {
        if self.ipvs.is_some() || self.no_ipvs.is_some() {
            return;
        }
        if self.may_open_ipvs() {
            self.open_ipvs();
        } else {
            self.module.ask(director.config());
        }
    }

    fn open_ipvs(&mut self) {
        let opened = match &self.loaded {
            // Nobody waits for modprobe once more.
            Some(Err(reason)) if !net::ipvs::Ipvs::is_loaded() => {
                Err(net::ipvs::IpvsError::Missing {
                    reason: reason.clone(),
                })
            }
            Some(_) | None => Ipvs::open(&self.instance),
        };
        match opened {
            Ok(ipvs) => {
                self.ipvs = Some(ipvs);
                self.no_ipvs = None;
            }
            Err(error) => self.no_ipvs = Some(chain(&error)),
        }
    }

    fn xdp_there(&self) -> Result<(), &str> {
        self.no_xdp.as_deref().map_or(Ok(()), Err)
    }

    fn ipvs_there(&self) -> Result<(), &str> {
        self.no_ipvs.as_deref().map_or(Ok(()), Err)
    }
}

/// Nobody is to be served by XDP: what an earlier agent has left attached would go on forwarding,
/// before the kernel sees a packet.
fn remove_pins(instance: &str) {
    let pins = Pins::of(instance);
    if !pins.instance().exists() {
        return;
    }
    match pins.remove() {
        Ok(()) => info!("the XDP program of an earlier agent is removed: nobody needs it"),
        Err(error) => error!("{}", chain(&error)),
    }
}

#[cfg(test)]
mod tests;
