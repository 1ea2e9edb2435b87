//! `static_ipaddress`, `static_routes`, `static_rules`: set while the agent runs, whoever is
//! MASTER.

use super::Interfaces;
use crate::net::address::Address;
use crate::vrrp::addresses::Addresses;
use crate::vrrp::effects::Kernel;
use crate::vrrp::routing::Routing;
use crate::vrrp::settings::{Setup, VirtualAddress};

/// What is set all the time.
pub(super) struct Statics {
    addresses: Addresses,
    /// `track_group` of each address.
    address_groups: Vec<Option<String>>,
    routing: Routing,
    groups: Vec<TrackGroup>,
}

/// A `track_group`, and whether all that names it is set; `None`: not told yet.
struct TrackGroup {
    name: String,
    whole: Option<bool>,
}

/// Nobody has been told of them.
fn track_groups(setup: &Setup) -> Vec<TrackGroup> {
    let names = setup.track_groups.iter().cloned();
    names.map(|name| TrackGroup { name, whole: None }).collect()
}

/// Who the log says owns them.
const OWNER: &str = "static";

impl Statics {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            addresses: Addresses::of(OWNER, setup.static_ipaddress.iter().cloned()),
            address_groups: setup.static_ipaddress_groups.clone(),
            groups: track_groups(setup),
            routing: Routing::new(OWNER, &setup.static_routes, &setup.static_rules),
        }
    }

    pub(super) const fn has_routing(&self) -> bool {
        !self.routing.is_empty()
    }

    /// Sets what is not set, and waits for its interface or its next hop otherwise.
    pub(super) fn complete(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        let is_there =
            |address: &VirtualAddress| interfaces.by_name(&address.dev).is_some_and(|it| it.up);
        if self
            .addresses
            .iter()
            .any(|(address, set)| !set && is_there(address))
        {
            self.addresses.add(kernel, interfaces);
        }
        self.routing.add(kernel, interfaces);
    }

    /// Other lines from now on; what is new is set, what is no more is removed.
    pub(super) fn reload(
        &mut self,
        setup: &Setup,
        kernel: &mut impl Kernel,
        interfaces: &Interfaces,
    ) {
        self.address_groups
            .clone_from(&setup.static_ipaddress_groups);
        self.groups = track_groups(setup);
        let addresses = setup.static_ipaddress.iter().cloned();
        self.addresses.replace(addresses, kernel);
        self.routing
            .replace(&setup.static_routes, &setup.static_rules, kernel);
        self.complete(kernel, interfaces);
    }

    /// The next `track_group` that has become whole, or is no longer.
    pub(super) fn poll_group(&mut self) -> Option<(&str, bool)> {
        let Self {
            addresses,
            address_groups,
            routing,
            groups,
        } = self;
        groups.iter_mut().find_map(|group| {
            let named = |of: &Option<String>| of.as_ref() == Some(&group.name);
            let mut pairs = addresses.iter().zip(&*address_groups);
            let absent = pairs.any(|((_, set), of)| !set && named(of));
            let whole = !absent && !routing.lacks(&group.name);
            (group.whole.replace(whole) != Some(whole)).then_some((group.name.as_str(), whole))
        })
    }

    pub(super) fn remove(&mut self, kernel: &mut impl Kernel) {
        self.routing.remove(kernel);
        self.addresses.remove(kernel);
    }

    pub(super) fn restore_address(&mut self, kernel: &mut impl Kernel, removed: &Address) {
        self.addresses.restore(kernel, removed);
    }

    pub(super) fn restore_routing(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        self.routing.restore(kernel, interfaces);
    }

    pub(super) fn forget(&mut self, index: u32) {
        self.addresses.forget(index);
    }
}
