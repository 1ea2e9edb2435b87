//! Which data plane carries a virtual server: XDP, or the kernel's IPVS. Pure.
//!
//! `xdp_mode auto` means XDP (native, else generic) where it can serve, else IPVS, and every
//! refusal is told. One address is never with both: packets meet XDP first, so IPVS would serve
//! the rest of that address without ever seeing the half that its connections need.
//!
//! What XDP can do at all stands in [`fit`]; whether the program loads, which interfaces take it
//! and whether there is IPVS, the supervisor finds out and says.

pub mod fit;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::config::model::XdpMode;

/// Who carries a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// The XDP program.
    Xdp,
    /// The kernel's IPVS.
    Ipvs,
    /// Nobody.
    None,
}

/// A virtual server that wants a data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is called in reasons.
    pub name: String,
    /// Its addresses; none for a mark.
    pub addresses: BTreeSet<IpAddr>,
    /// `xdp_mode`.
    pub mode: XdpMode,
    /// Why XDP cannot serve it; empty: it can.
    pub cannot: Vec<String>,
    /// What it would lack with XDP.
    pub lacks: Vec<String>,
}

/// Who carries a virtual server, and why nobody better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who.
    pub carrier: Carrier,
    /// Why not XDP, or why nobody; what it lacks with XDP.
    pub reasons: Vec<String>,
}

impl Choice {
    /// XDP, without any reserve.
    pub const XDP: Self = Self {
        carrier: Carrier::Xdp,
        reasons: Vec::new(),
    };
}

impl Candidate {
    /// Whether IPVS would be the better one, or the only one.
    pub fn asks_for_ipvs(&self) -> bool {
        match self.mode {
            XdpMode::Off => true,
            XdpMode::Auto => !self.cannot.is_empty() || !self.lacks.is_empty(),
            XdpMode::Native | XdpMode::Generic => false,
        }
    }

    /// Whether XDP may serve it.
    pub fn may_use_xdp(&self) -> bool {
        self.mode != XdpMode::Off && self.cannot.is_empty()
    }

    /// What is chosen for it alone.
    fn choose(&self, ipvs: Result<(), &str>) -> Choice {
        let mut reasons: Vec<String> = match self.mode {
            XdpMode::Off => vec!["`xdp_mode` is off".to_owned()],
            XdpMode::Auto | XdpMode::Native | XdpMode::Generic => self.cannot.clone(),
        };
        if self.asks_for_ipvs() {
            reasons.extend(self.lacks.iter().map(|what| format!("XDP has no {what}")));
            match ipvs {
                Ok(()) => {
                    let carrier = Carrier::Ipvs;
                    return Choice { carrier, reasons };
                }
                Err(why) if !self.may_use_xdp() => {
                    let carrier = Carrier::None;
                    reasons.push(why.to_owned());
                    return Choice { carrier, reasons };
                }
                Err(_serves_without) => {}
            }
        } else {
            reasons.extend(self.lacks.iter().map(|what| format!("XDP has no {what}")));
        }
        let carrier = if self.may_use_xdp() {
            Carrier::Xdp
        } else {
            Carrier::None
        };
        Choice { carrier, reasons }
    }
}

/// Who carries each of `candidates`; `ipvs`: why there is no IPVS.
pub fn choose(candidates: &[Candidate], ipvs: Result<(), &str>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = candidates.iter().map(|it| it.choose(ipvs)).collect();
    // Each turn moves one at least, until no address is with both.
    while let Some(taken) = taken_by_ipvs(candidates, &choices) {
        for (index, other) in taken {
            let (Some(candidate), Some(choice)) = (candidates.get(index), choices.get_mut(index))
            else {
                continue;
            };
            choice.reasons = vec![format!(
                "IPVS serves {other}, which has the same address: one address is never with both"
            )];
            choice.carrier = match candidate.mode {
                XdpMode::Auto | XdpMode::Off => Carrier::Ipvs,
                XdpMode::Native | XdpMode::Generic => Carrier::None,
            };
        }
    }
    choices
}

/// Those with XDP that share an address with one that is with IPVS, and its name.
fn taken_by_ipvs(candidates: &[Candidate], choices: &[Choice]) -> Option<Vec<(usize, String)>> {
    let all = || candidates.iter().zip(choices).enumerate();
    let mut owners: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for (_, (candidate, _)) in all().filter(|(_, (_, it))| it.carrier == Carrier::Ipvs) {
        for address in &candidate.addresses {
            owners.entry(*address).or_insert(&candidate.name);
        }
    }
    let taken: Vec<_> = all()
        .filter(|(_, (_, choice))| choice.carrier == Carrier::Xdp)
        .filter_map(|(index, (candidate, _))| {
            let mut addresses = candidate.addresses.iter();
            let owner = addresses.find_map(|address| owners.get(address))?;
            Some((index, (*owner).to_owned()))
        })
        .collect();
    (!taken.is_empty()).then_some(taken)
}

#[cfg(test)]
mod tests;
