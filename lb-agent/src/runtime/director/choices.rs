//! Who carries each virtual server. Pure; [`crate::dataplane::choice`] decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Director;
use crate::config::model::{Config, Served, VirtualServer, VirtualServerKey, XdpMode};
use crate::dataplane::choice::fit::{Fit, fit};
use crate::dataplane::choice::{Candidate, Carrier, Choice, choose};
use crate::dataplane::desired::Service;
use crate::dataplane::nexthop::Resolution;
use crate::health::pool::Pool;

/// A service in IPVS that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is called.
    pub name: String,
    /// It serves the very same; else it only has the address.
    pub is_same: bool,
}

impl Director {
    /// Chooses anew, knowing whether the program can be loaded and whether there is IPVS, each with
    /// the reason why not.
    pub fn choose(&mut self, xdp: Result<(), &str>, ipvs: Result<(), &str>) {
        self.choices = choose(&self.candidates(xdp), ipvs);
        self.missing = [xdp, ipvs].map(|it| it.err().map(str::to_owned));
        self.mark_groups();
    }

    /// The virtual servers are others: chooses anew, knowing what was known.
    pub(super) fn choose_again(&mut self) {
        let [xdp, ipvs] = self.missing.clone();
        self.choose(
            xdp.as_deref().map_or(Ok(()), Err),
            ipvs.as_deref().map_or(Ok(()), Err),
        );
    }

    /// Whether somebody could use XDP, going by the configuration, and whether somebody asks for
    /// IPVS as far as is known.
    pub fn asks(&self, xdp: Result<(), &str>) -> (bool, bool) {
        let all = self.candidates(xdp);
        (
            all.iter().any(Candidate::may_use_xdp),
            all.iter().any(Candidate::asks_for_ipvs),
        )
    }

    /// The virtual servers with `xdp_mode auto` that XDP turns out not to serve, since none of the
    /// interfaces that their packets arrive by takes the program: each with the reason.
    pub fn refusals(&self) -> BTreeMap<VirtualServerKey, String> {
        let servers = self.config.virtual_servers.iter().enumerate();
        servers
            .filter(|(index, server)| {
                self.carrier(*index) == Carrier::Xdp && self.mode(server) == XdpMode::Auto
            })
            .filter_map(|(_, server)| Some((server.key.clone(), self.refusal(server)?)))
            .collect()
    }

    /// From now on these are not for XDP. It is remembered: a service does not go back and forth.
    pub fn note_refusals(&mut self, refused: BTreeMap<VirtualServerKey, String>) {
        self.refused.extend(refused);
    }

    /// The same, given away, with those that were known before.
    pub fn take_refusals(&mut self) -> BTreeMap<VirtualServerKey, String> {
        std::mem::take(&mut self.refused)
    }

    /// Whether anybody is with XDP.
    pub fn needs_xdp(&self) -> bool {
        self.carried_by(Carrier::Xdp).next().is_some()
    }

    /// Whether anybody is with IPVS.
    pub fn needs_ipvs(&self) -> bool {
        self.carried_by(Carrier::Ipvs).next().is_some()
    }

    /// IPVS has services that are not ours: what they serve, and the rest of their addresses, is not for
    /// XDP. Where a virtual server of the address is XDP's or nobody's (`xdp_mode native`), the rest is
    /// left alone: it would take the address away from that one. `taken` gives such a service.
    pub fn note_foreign(&mut self, taken: impl Fn(&Served) -> Option<Foreign>) {
        let insisting = self.insisting();
        for (index, server) in self.config.virtual_servers.iter().enumerate() {
            if self.mode(server) != XdpMode::Auto || self.carrier(index) != Carrier::Xdp {
                continue;
            }
            let served = self.config.served(server);
            let mut addresses = served.iter().filter_map(address);
            let is_left = addresses.any(|it| insisting.contains(&it));
            let mut found = served.iter().filter_map(&taken);
            if let Some(foreign) = found.find(|it| it.is_same || !is_left) {
                let name = foreign.name;
                let why =
                    format!("IPVS has a service {name} already, which lb-agent has not left there");
                self.refused.insert(server.key.clone(), why);
            }
        }
    }

    /// The addresses of those with XDP that nobody else may carry.
    fn insisting(&self) -> BTreeSet<IpAddr> {
        let insists = |server: &VirtualServer| match self.mode(server) {
            XdpMode::Native | XdpMode::Generic => true,
            XdpMode::Auto | XdpMode::Off => false,
        };
        let mut addresses = BTreeSet::new();
        for (server, _) in self.carried_by(Carrier::Xdp) {
            if insists(server) {
                addresses.extend(self.config.served(server).iter().filter_map(address));
            }
        }
        addresses
    }

    /// The addresses that XDP serves.
    pub fn addresses_with_xdp(&self) -> BTreeSet<IpAddr> {
        self.addresses_of(Carrier::Xdp)
    }

    /// The choices, in the order of the virtual servers.
    pub fn choices(&self) -> impl Iterator<Item = (&VirtualServer, &Choice)> {
        self.config.virtual_servers.iter().zip(&self.choices)
    }

    /// What of `held` has an address that is not with IPVS now.
    pub(super) fn without_ipvs(&self, held: &[Service]) -> Vec<Service> {
        let addresses = self.addresses_of(Carrier::Ipvs);
        let rest = |service: &Service| {
            let served = service.served();
            let stays = served.filter(|(key, _)| !addresses.contains(&key.address));
            service.of(stays.collect())
        };
        held.iter().filter_map(rest).collect()
    }

    /// The addresses of the virtual servers that `carrier` carries.
    pub(super) fn addresses_of(&self, carrier: Carrier) -> BTreeSet<IpAddr> {
        let served = self.carried_by(carrier);
        served
            .flat_map(|(server, _)| self.config.served(server))
            .filter_map(|served| match served {
                Served::Address(key) => Some(key.address),
                Served::Fwmark(_) => None,
            })
            .collect()
    }

    /// The virtual servers that `carrier` carries, with their pools.
    pub(super) fn carried_by(
        &self,
        carrier: Carrier,
    ) -> impl Iterator<Item = (&VirtualServer, &Pool)> {
        let all = self.config.virtual_servers.iter().zip(&self.pools);
        let chosen = all.zip(&self.choices);
        chosen
            .filter(move |(_, choice)| choice.carrier == carrier)
            .map(|(both, _)| both)
    }

    /// `xdp_mode` of a virtual server.
    pub(super) fn mode(&self, server: &VirtualServer) -> XdpMode {
        server.xdp_mode.unwrap_or(self.config.global_defs.xdp_mode)
    }

    fn carrier(&self, index: usize) -> Carrier {
        let choice = self.choices.get(index);
        choice.map_or(Carrier::None, |choice| choice.carrier)
    }

    fn candidates(&self, xdp: Result<(), &str>) -> Vec<Candidate> {
        let servers = self.config.virtual_servers.iter();
        servers.map(|server| self.candidate(server, xdp)).collect()
    }

    fn candidate(&self, server: &VirtualServer, xdp: Result<(), &str>) -> Candidate {
        let addresses: BTreeSet<IpAddr> = self
            .config
            .served(server)
            .iter()
            .filter_map(|served| match served {
                Served::Address(key) => Some(key.address),
                Served::Fwmark(_) => None,
            })
            .collect();
        let mut fit = fit(&self.config, server);
        if fit.cannot.is_empty() {
            fit.cannot.extend(xdp.err().map(str::to_owned));
            fit.cannot.extend(self.refused.get(&server.key).cloned());
        }
        fit.lacks.extend(self.local_on_another_port(server));
        Candidate {
            name: server.key.to_string(),
            addresses,
            mode: self.mode(server),
            cannot: fit.cannot,
            lacks: fit.lacks,
        }
    }

    /// XDP hands what is for this host to the kernel as it is, so the port cannot change.
    fn local_on_another_port(&self, server: &VirtualServer) -> Option<String> {
        let ports = self.keys(server);
        let sorry = server.sorry_server.map(|it| (it.address, it.port));
        let real = server.real_servers.iter();
        let all = real.map(|it| (it.key.address, it.key.port)).chain(sorry);
        let is_local = |address: IpAddr| {
            address.is_loopback() || matches!(self.hops.resolved(address), Resolution::Local)
        };
        let mut others = all.filter_map(|(address, port)| {
            let key = ports.iter().find(|key| key.port != port)?;
            is_local(address).then_some((address, port, key.port))
        });
        let (address, port, asked) = others.next()?;
        Some(format!(
            "way to port {port} of {address}, which is this host, where the virtual server has \
             port {asked}"
        ))
    }
}

/// The address that is served; a mark has none.
const fn address(served: &Served) -> Option<IpAddr> {
    match served {
        Served::Address(key) => Some(key.address),
        Served::Fwmark(_) => None,
    }
}

/// Whether somebody is IPVS's, going by the configuration alone.
pub fn asks_for_ipvs(config: &Config) -> bool {
    let mut servers = config.virtual_servers.iter();
    servers.any(
        |server| match server.xdp_mode.unwrap_or(config.global_defs.xdp_mode) {
            XdpMode::Off => true,
            XdpMode::Auto => fit(config, server) != Fit::default(),
            XdpMode::Native | XdpMode::Generic => false,
        },
    )
}

/// Whether XDP could serve a virtual server, going by the configuration.
pub(super) fn may_be_for_xdp(config: &Config, server: &VirtualServer) -> bool {
    let mode = server.xdp_mode.unwrap_or(config.global_defs.xdp_mode);
    mode != XdpMode::Off && fit(config, server).cannot.is_empty()
}

#[cfg(test)]
mod tests;
