//! Which address each instance sends from.

use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use tracing::error;

use super::{Member, Router};
use crate::net::address::Address;
use crate::vrrp::effects::Kernel;
use crate::vrrp::settings::Family;

impl<K: Kernel> Router<K> {
    /// Whether the coming or going of an address may change what adverts are sent from: an address
    /// of an instance's interface that is not virtual.
    pub(super) fn decides_source(&self, address: &Address) -> bool {
        self.interfaces
            .by_index(address.index)
            .is_some_and(|link| self.is_source(&link.name))
            && (!self.is_virtual(address) || self.members.iter().any(Member::is_owner))
    }

    fn is_source(&self, name: &str) -> bool {
        let mut members = self.members.iter();
        members.any(|member| member.config.source_interface == name)
    }

    fn is_virtual(&self, address: &Address) -> bool {
        self.members
            .iter()
            .any(|member| member.has_virtual(address.address.addr()))
    }

    /// Finds out again which address each instance sends from: the configured one, else the
    /// interface's first that is not virtual; in IPv6 the first link-local one (RFC 9568
    /// 5.1.2.1), and none on which the detection of duplicates is not over. Only an owner may send
    /// from a virtual address: it is its own.
    pub(super) fn read_sources(&mut self, now: Instant) {
        let addresses = match self.outside.kernel.addresses() {
            Ok(addresses) => addresses,
            Err(error) => return error!("{error}"),
        };
        let (own, of_virtual): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .filter(|address| !address.tentative)
            .partition(|address| !self.is_virtual(address));
        for member in &mut self.members {
            let Some(link) = self.interfaces.by_name(&member.config.source_interface) else {
                continue;
            };
            let family = member.config.family;
            let first = |of: &[Address]| {
                of.iter()
                    .filter(|address| address.index == link.index)
                    .find_map(|address| usable(address, family))
            };
            let owned = || {
                if member.is_owner() {
                    first(&of_virtual)
                } else {
                    None
                }
            };
            // track_src_ip: it has to be there.
            let is_there = |source: &IpAddr| {
                let mut addresses = own.iter().chain(&of_virtual);
                addresses.any(|it| it.index == link.index && it.address.addr() == *source)
            };
            if let Some(source) = member.config.source.filter(|_| member.config.track_src_ip) {
                let source = Some(source).filter(is_there);
                member.set_source(source, &self.interfaces, &mut self.outside, now);
                continue;
            }
            let source = member.config.source.or_else(|| first(&own)).or_else(owned);
            member.set_source(source, &self.interfaces, &mut self.outside, now);
        }
    }
}

/// The address, if adverts of this family can be sent from it without being told to.
fn usable(address: &Address, family: Family) -> Option<IpAddr> {
    match (address.address, family) {
        (IpNet::V4(network), Family::V4) => Some(network.addr().into()),
        (IpNet::V6(network), Family::V6) if network.addr().is_unicast_link_local() => {
            Some(network.addr().into())
        }
        (IpNet::V4(_) | IpNet::V6(_), _) => None,
    }
}
