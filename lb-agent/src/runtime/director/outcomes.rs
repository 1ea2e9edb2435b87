//! What has come of the choices: an interface may refuse the program, and the kernel's IPVS a service.
//! Pure.

use std::collections::BTreeMap;

use super::Director;
use crate::config::model::{VirtualServer, XdpMode};
use crate::dataplane::choice::{Carrier, Choice};
use crate::dataplane::xdp::attach::Mode;
use crate::net::ipvs::ServiceKey;
use crate::observe::model::CarrierView;

/// What the kernel's IPVS has refused of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpvsRefusal {
    /// There is no such service now; else it is without a part.
    pub whole: bool,
    /// Why, and what to do.
    pub why: String,
}

impl Director {
    /// Why no packet of a virtual server arrives at the program, if the reason is an interface.
    pub fn refusal(&self, server: &VirtualServer) -> Option<String> {
        let entries = self.entries(server);
        let mut why = Vec::new();
        for index in &entries {
            match &self.ports.get(index)?.program {
                Ok(_) => return None,
                Err(reason) => why.push(reason.as_str()),
            }
        }
        (!why.is_empty()).then(|| why.join("; "))
    }

    /// What the choices have come to: an interface may have refused the program where there is no IPVS
    /// either, and the kernel's IPVS a service.
    pub fn outcomes(&self) -> impl Iterator<Item = (&VirtualServer, Choice)> {
        let outcome = |server, choice: &Choice| match choice.carrier {
            Carrier::Xdp => self.as_attached(server, choice),
            Carrier::Ipvs => self.as_taken(server, choice),
            Carrier::None => choice.clone(),
        };
        self.choices()
            .map(move |(server, choice)| (server, outcome(server, choice)))
    }

    /// Who is with XDP has nobody if none of its interfaces takes the program. It stays chosen: the
    /// interface is asked again and again.
    fn as_attached(&self, server: &VirtualServer, choice: &Choice) -> Choice {
        let [_, no_ipvs] = &self.missing;
        let instead = match self.mode(server) {
            XdpMode::Auto => no_ipvs.clone(),
            XdpMode::Native | XdpMode::Generic | XdpMode::Off => None,
        };
        let mut reasons = choice.reasons.clone();
        let carrier = if let Some(refusal) = self.refusal(server) {
            reasons.push(refusal);
            reasons.extend(instead);
            Carrier::None
        } else {
            reasons.extend(self.refusing(server));
            Carrier::Xdp
        };
        Choice { carrier, reasons }
    }

    /// Who is with IPVS has nobody if the kernel has refused all its services.
    fn as_taken(&self, server: &VirtualServer, choice: &Choice) -> Choice {
        if self.refused_by_ipvs.is_empty() {
            return choice.clone();
        }
        let keys = self.served_by_ipvs(server);
        let refused = |key| self.refused_by_ipvs.get(key);
        let refusals: Vec<_> = keys.iter().filter_map(refused).collect();
        let mut reasons = choice.reasons.clone();
        reasons.extend(refusals.first().map(|it| it.why.clone()));
        if let more @ 1.. = refusals.len().saturating_sub(1) {
            reasons.push(format!("and {more} more of its services"));
        }
        let missing = refusals.iter().filter(|it| it.whole).count();
        let carrier = if !keys.is_empty() && missing == keys.len() {
            Carrier::None
        } else {
            Carrier::Ipvs
        };
        Choice { carrier, reasons }
    }

    /// Interfaces that packets of a virtual server arrive by and that refuse the program, where others
    /// have taken it.
    fn refusing(&self, server: &VirtualServer) -> Vec<String> {
        let entries = self.entries(server);
        let refusing = entries.iter().filter_map(|index| {
            let why = self.ports.get(index)?.program.as_ref().err()?;
            let name = &self.links.get(index)?.name;
            Some(format!("not what arrives by {name}: {why}"))
        });
        refusing.collect()
    }

    /// Whether any interface refuses the program.
    pub fn is_refused(&self) -> bool {
        self.ports.values().any(|port| port.program.is_err())
    }

    /// What the kernel's IPVS refuses now; whether that is something else than before.
    pub fn note_ipvs_refusals(&mut self, refused: BTreeMap<ServiceKey, IpvsRefusal>) -> bool {
        let is_news = self.refused_by_ipvs != refused;
        self.refused_by_ipvs = refused;
        is_news
    }

    /// [`Self::outcomes`] for who asks, with what has kept XDP from native mode.
    pub fn carriers(&self) -> Vec<CarrierView> {
        let view = |(server, choice): (&VirtualServer, Choice)| CarrierView {
            virtual_server: server.key.to_string(),
            plane: choice.carrier,
            reasons: match choice.carrier {
                Carrier::Xdp => {
                    [choice.reasons, self.not_native(server), self.below(server)].concat()
                }
                Carrier::Ipvs | Carrier::None => choice.reasons,
            },
        };
        self.outcomes().map(view).collect()
    }

    /// The interfaces below by which packets of a virtual server meet XDP in native mode.
    fn below(&self, server: &VirtualServer) -> Vec<String> {
        let entries = self.entries(server);
        let ports = entries.iter().filter_map(|index| self.ports.get(index));
        let native = ports.filter(|port| port.program == Ok(Mode::Native));
        let below = native.filter_map(|port| {
            let driver = port.driver.as_ref()?;
            let (above, what) = (&port.name, &driver.what);
            Some(format!("native mode on {}: {above} is {what}", driver.name))
        });
        below.collect()
    }

    /// Why packets of a virtual server meet XDP in generic mode, interface by interface.
    fn not_native(&self, server: &VirtualServer) -> Vec<String> {
        match self.mode(server) {
            XdpMode::Auto => {}
            XdpMode::Native | XdpMode::Generic | XdpMode::Off => return Vec::new(),
        }
        let entries = self.entries(server);
        let ports = entries.iter().filter_map(|index| self.ports.get(index));
        let refused = ports.filter_map(|port| port.not_native.as_deref());
        refused.map(|why| format!("generic mode: {why}")).collect()
    }
}
