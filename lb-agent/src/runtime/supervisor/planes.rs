//! Both data planes of one director, and who of them carries what.
//!
//! The director chooses ([`Director::choose`]); here is found out what there is to choose from,
//! and told what came of it.

use std::collections::BTreeMap;
use std::time::Instant;

use tracing::{debug, error, info, warn};

use super::RunError;
use super::balancer::Balancer;
use super::ipvs::Ipvs;
use super::said::Said;
use super::vrrp::names;
use crate::config::model::Config;
use crate::dataplane::choice::Carrier;
use crate::dataplane::xdp::gate::{InstanceGates, NoGates, Numbers};
use crate::dataplane::xdp::pins::Pins;
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::plane::{Plane, chain};
use crate::runtime::status::StatusFile;
use crate::vrrp;

/// The data planes of one director.
pub(super) struct Planes {
    /// XDP; `None`: nobody needs it, or it cannot be loaded.
    balancer: Option<Balancer>,
    /// IPVS, likewise.
    ipvs: Option<Ipvs>,
    /// Why the program cannot be loaded.
    no_xdp: Option<String>,
    /// Why there is no IPVS.
    no_ipvs: Option<String>,
    /// Who carries what.
    carried: Said<String>,
}

impl Planes {
    /// Finds out who can carry what, and brings it about: what has to stand before anybody hears
    /// of us. Unless `xdp_required` is off, a virtual server that nobody carries is an error.
    pub(super) fn start(
        instance: &str,
        status: &StatusFile,
        director: &mut Director,
    ) -> Result<Self, RunError> {
        let mut planes = Self {
            balancer: None,
            ipvs: None,
            no_xdp: None,
            no_ipvs: None,
            carried: Said::default(),
        };
        match planes.begin(instance, status, director) {
            Ok(()) => Ok(planes),
            Err(error) => {
                // Nothing half-done stays behind.
                planes.stop(director, false);
                Err(error)
            }
        }
    }

    fn begin(
        &mut self,
        instance: &str,
        status: &StatusFile,
        director: &mut Director,
    ) -> Result<(), RunError> {
        let (wants_xdp, _) = director.asks(Ok(()));
        if wants_xdp {
            self.load(instance, director);
        }
        if let Some(plane) = self.xdp() {
            let gates = plane.gates();
            director.hold_attachments(|gate| gates.is_armed(gate), clock::now());
        }
        let ours = status.read().map(|(status, _)| status.ipvs);
        let ours: Vec<_> = ours.unwrap_or_default().iter().map(|it| it.key).collect();
        super::ipvs::note_foreign(director, &ours);
        director.choose(self.xdp_there(), Ok(()));
        if let Some(balancer) = &mut self.balancer {
            balancer.open(director);
        }
        let refused = director.refusals();
        let (_, wants_ipvs) = director.asks(self.xdp_there());
        if wants_ipvs || !refused.is_empty() || !ours.is_empty() {
            self.open_ipvs(director, &ours);
        }
        if self.ipvs.is_some() {
            director.note_refusals(refused);
        }
        director.choose(self.xdp_there(), self.ipvs_there());
        self.tell(director);
        self.require(director)?;
        let serves_by_xdp = director
            .choices()
            .any(|(_, choice)| choice.carrier == Carrier::Xdp);
        if !serves_by_xdp && let Some(balancer) = self.balancer.take() {
            balancer.stop();
        }
        if self.balancer.is_none() {
            remove_pins(instance);
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.retire(director);
        }
        if let Some(balancer) = &mut self.balancer {
            balancer.begin(director)?;
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.update(director);
        }
        Ok(())
    }

    /// XDP's part, if it is in use.
    pub(super) fn xdp(&self) -> Option<&Plane> {
        self.balancer.as_ref().map(Balancer::plane)
    }

    /// What VRRP opens and shuts.
    pub(super) fn gate(&self, director: &Director) -> Box<dyn vrrp::Gate> {
        match self.xdp() {
            Some(plane) => Box::new(InstanceGates::new(
                plane.gates(),
                director.gates(),
                names(director.config()),
            )),
            None => Box::new(NoGates),
        }
    }

    /// Another configuration is to come: what it needs and is not there yet is made ready. Without
    /// a data plane for everybody it must not come.
    pub(super) fn prepare(&mut self, instance: &str, config: &Config) -> Result<(), String> {
        let (mut next, _) = Director::new(config.clone(), &Numbers::default());
        let (wants_xdp, _) = next.asks(Ok(()));
        if wants_xdp && self.balancer.is_none() {
            self.no_xdp = None;
            self.load(instance, &next);
        }
        let (_, wants_ipvs) = next.asks(self.xdp_there());
        if wants_ipvs && self.ipvs.is_none() {
            self.no_ipvs = None;
            self.open_ipvs(&next, &[]);
        }
        next.choose(self.xdp_there(), self.ipvs_there());
        self.require(&next).map_err(|error| error.to_string())
    }

    /// The director has another configuration: who carries what is chosen anew.
    pub(super) fn reload(&mut self, director: &mut Director) {
        // `prepare` did not know the next hops, by which one may be XDP's no more.
        let (_, wants_ipvs) = director.asks(self.xdp_there());
        if wants_ipvs && self.ipvs.is_none() {
            self.no_ipvs = None;
            self.open_ipvs(director, &[]);
        }
        director.choose(self.xdp_there(), self.ipvs_there());
        self.tell(director);
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.reload(director);
        }
    }

    /// Brings both to what is desired now. What one of them gives up is gone from it before the
    /// other one takes it.
    pub(super) fn update(&mut self, director: &mut Director) {
        if self.balancer.is_some() {
            self.reconsider(director);
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.retire(director);
        }
        if let Some(balancer) = &mut self.balancer {
            balancer.update(director);
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.update(director);
        }
    }

    /// An interface may have refused the program since the last choice.
    fn reconsider(&mut self, director: &mut Director) {
        let refused = director.refusals();
        if refused.is_empty() {
            return;
        }
        if self.ipvs.is_none() && self.no_ipvs.is_none() {
            self.open_ipvs(director, &[]);
        }
        if self.ipvs.is_some() {
            director.note_refusals(refused);
            director.choose(self.xdp_there(), self.ipvs_there());
            self.tell(director);
        }
    }

    /// A second has passed. Whether something should be tried again.
    pub(super) fn beat(&mut self, director: &Director) -> bool {
        let xdp = self.balancer.as_mut().is_some_and(|it| it.beat(director));
        let ipvs = self.ipvs.as_ref().is_some_and(Ipvs::is_failing);
        xdp || ipvs
    }

    /// When to call [`Self::look`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ipvs.as_ref().map(Ipvs::poll_timeout)
    }

    /// Looks whether others have been at the kernel's tables; whether something has to be put
    /// right.
    pub(super) fn look(&mut self, director: &Director) -> bool {
        self.ipvs.as_mut().is_some_and(|ipvs| ipvs.look(director))
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
        if let Some(ipvs) = self.ipvs {
            ipvs.stop(director, stays);
        }
    }

    fn load(&mut self, instance: &str, director: &Director) {
        match Balancer::load(instance, director) {
            Ok(balancer) => self.balancer = Some(balancer),
            Err(error) => {
                let why = chain(&error);
                debug!("{why}");
                self.no_xdp = Some(short(&why));
            }
        }
    }

    fn open_ipvs(&mut self, director: &Director, ours: &[crate::net::ipvs::ServiceKey]) {
        match Ipvs::open(director, ours) {
            Ok(ipvs) => self.ipvs = Some(ipvs),
            Err(error) => self.no_ipvs = Some(chain(&error)),
        }
    }

    fn xdp_there(&self) -> Result<(), &str> {
        self.no_xdp.as_deref().map_or(Ok(()), Err)
    }

    fn ipvs_there(&self) -> Result<(), &str> {
        self.no_ipvs.as_deref().map_or(Ok(()), Err)
    }

    /// Whether there is a data plane for everybody.
    fn require(&self, director: &Director) -> Result<(), RunError> {
        let unserved: Vec<String> = director
            .choices()
            .filter_map(|(server, choice)| {
                let refusal = match choice.carrier {
                    Carrier::None => Some(choice.reasons.join("; ")),
                    Carrier::Xdp => director.refusal(server),
                    Carrier::Ipvs => None,
                };
                let reasons = refusal?;
                let no_ipvs = match (choice.carrier, self.ipvs_there()) {
                    (Carrier::Xdp, Err(why)) => format!("; {why}"),
                    (Carrier::Xdp | Carrier::Ipvs | Carrier::None, _) => String::new(),
                };
                Some(format!(
                    "no data plane carries virtual server {}: {reasons}{no_ipvs}",
                    server.key
                ))
            })
            .collect();
        if unserved.is_empty() || !director.config().global_defs.xdp_required {
            return Ok(());
        }
        let advice = "with `xdp_required off` in global_defs the agent runs without";
        Err(RunError::NoPlane(format!(
            "{}; {advice}",
            unserved.join("\n")
        )))
    }

    /// Every refusal is told once, with what follows from it.
    fn tell(&mut self, director: &Director) {
        let carried = director.choices().map(|(server, choice)| {
            let reasons = choice.reasons.join("; ");
            let text = match (choice.carrier, reasons.is_empty()) {
                (Carrier::Xdp, true) => String::new(),
                (Carrier::Xdp, false) => format!("is served by XDP: {reasons}"),
                (Carrier::Ipvs, _) => format!("is served by the kernel's IPVS: {reasons}"),
                (Carrier::None, _) => format!("is not served: {reasons}"),
            };
            let text = if text.is_empty() {
                text
            } else {
                format!("virtual server {} {text}", server.key)
            };
            ((server.key.to_string(), choice.carrier), text)
        });
        let carried: Vec<_> = carried.collect();
        let texts: BTreeMap<String, String> = carried
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|((name, _), text)| (name.clone(), text.clone()))
            .collect();
        let carriers: BTreeMap<_, _> = carried.into_iter().map(|(it, _)| it).collect();
        for (name, text) in self.carried.update(texts).begun {
            match carriers.get(&name) {
                Some(Carrier::None) => error!("{text}"),
                Some(Carrier::Xdp) => warn!("{text}"),
                Some(Carrier::Ipvs) | None => info!("{text}"),
            }
        }
    }
}

/// What the verifier says of a program can have a hundred thousand lines: how it begins, and the
/// line in which it says why.
fn short(text: &str) -> String {
    const LINES: usize = 3;
    let mut lines = text.lines();
    let first: String = lines.next().unwrap_or_default().chars().take(200).collect();
    let summary =
        |line: &&str| line.starts_with("verification time") || line.starts_with("processed");
    let rest: Vec<&str> = lines.clone().take_while(|line| !summary(line)).collect();
    if rest.len() <= LINES {
        return text.lines().collect::<Vec<_>>().join(" ");
    }
    let last = rest.last().copied().unwrap_or_default();
    format!("{first} … {last} (the whole is logged with --log debug)")
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
mod tests {
    use super::short;

    #[test]
    fn of_a_verifier_s_log_the_reason_remains() {
        let log = (0..90_000).map(|line| format!("{line}: (bc) w5 = w3\n"));
        let text = format!(
            "cannot load the XDP program: refused\n{}R5 offset is outside of the packet\n\
             verification time 7 usec\nprocessed 9 insns: Permission denied",
            log.collect::<String>()
        );
        assert_eq!(
            short(&text),
            "cannot load the XDP program: refused … R5 offset is outside of the packet (the whole \
             is logged with --log debug)"
        );
        assert_eq!(short("no BPF here"), "no BPF here");
    }
}
