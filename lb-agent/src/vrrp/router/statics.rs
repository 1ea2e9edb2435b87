//! `static_ipaddress`, `static_routes`, `static_rules`, the `ADDRESS` of `use_ipvlan`: set while the agent
//! runs, whoever is MASTER.

use std::sync::Arc;

use super::Interfaces;
use crate::net::address::Address;
use crate::vrrp::addresses::{Addresses, Restored};
use crate::vrrp::effects::Kernel;
use crate::vrrp::routing::Routing;
use crate::vrrp::settings::{Setup, VirtualAddress, VirtualRouter};
use crate::vrrp::status::StaticCounters;

/// What is set all the time.
pub(super) struct Statics {
    addresses: Addresses,
    /// `track_group` of each address.
    address_groups: Vec<Option<String>>,
    routing: Routing,
    groups: Vec<TrackGroup>,
    counters: Arc<StaticCounters>,
    /// All of it was removed: nothing comes back.
    ended: bool,
}

/// A `track_group`, and whether all that names it is set; `None`: not told yet.
struct TrackGroup {
    name: String,
    whole: Option<bool>,
}

/// `static_ipaddress`, and after them the addresses of ipvlans themselves.
fn addresses<'s>(
    setup: &'s Setup,
    instances: &'s [VirtualRouter],
) -> impl Iterator<Item = VirtualAddress> + 's {
    let of_ipvlans = instances.iter();
    let of_ipvlans = of_ipvlans.filter_map(VirtualRouter::address_of_ipvlan);
    setup.static_ipaddress.iter().cloned().chain(of_ipvlans)
}

/// Nobody has been told of them.
fn track_groups(setup: &Setup) -> Vec<TrackGroup> {
    let names = setup.track_groups.iter().cloned();
    names.map(|name| TrackGroup { name, whole: None }).collect()
}

/// Who the log says owns them.
const OWNER: &str = "static";

impl Statics {
    pub(super) fn new(setup: &Setup, instances: &[VirtualRouter]) -> Self {
        Self {
            addresses: Addresses::of(OWNER, addresses(setup, instances)),
            address_groups: setup.static_ipaddress_groups.clone(),
            groups: track_groups(setup),
            routing: Routing::new(OWNER, &setup.static_routes, &setup.static_rules),
            counters: Arc::default(),
            ended: false,
        }
    }

    pub(super) fn counters(&self) -> Arc<StaticCounters> {
        Arc::clone(&self.counters)
    }

    pub(super) const fn has_routing(&self) -> bool {
        !self.routing.is_empty()
    }

    /// Sets what is not set, and waits for its interface or its next hop otherwise.
    pub(super) fn complete(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        if self.ended {
            return;
        }
        let is_there =
            |address: &VirtualAddress| interfaces.by_name(&address.dev).is_some_and(|it| it.up);
        if self
            .addresses
            .iter()
            .any(|(address, set)| !set && is_there(address))
        {
            self.addresses.add(kernel, interfaces);
            self.count_found();
        }
        self.add_routing(kernel, interfaces);
    }

    fn add_routing(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        let restored = self.routing.add(kernel, interfaces);
        self.counters.routing_restored(restored);
    }

    /// Tries again to set the addresses that the kernel has refused, until there are so many `refusals`.
    pub(super) fn retry(
        &mut self,
        kernel: &mut impl Kernel,
        interfaces: &Interfaces,
        refusals: &mut usize,
    ) {
        if self.lacks_addresses(interfaces) {
            self.addresses.retry(kernel, interfaces, refusals);
            self.count_found();
            self.add_routing(kernel, interfaces);
        }
    }

    /// Those that somebody had removed, and that stand again.
    fn count_found(&mut self) {
        let standing = self.addresses.iter().map(|(_, set)| set);
        let standing: Vec<bool> = standing.collect();
        for (place, set) in standing.into_iter().enumerate() {
            if set && self.addresses.take_lost(place) {
                self.counters.address_restored();
            }
        }
    }

    /// Whether an address is not set although its interface is up.
    pub(super) fn lacks_addresses(&self, interfaces: &Interfaces) -> bool {
        let is_up = |dev: &str| interfaces.by_name(dev).is_some_and(|it| it.up);
        !self.ended && self.addresses.lacks(is_up)
    }

    /// Those that are set and not among the `present` ones.
    pub(super) fn missing_from(&self, present: &[Address]) -> Vec<Address> {
        self.addresses.missing_from(present)
    }

    /// Other lines from now on; what is new is set, what is no more is removed.
    pub(super) fn reload(
        &mut self,
        (setup, instances): (&Setup, &[VirtualRouter]),
        kernel: &mut impl Kernel,
        interfaces: &Interfaces,
    ) {
        self.address_groups
            .clone_from(&setup.static_ipaddress_groups);
        self.groups = track_groups(setup);
        self.addresses.replace(addresses(setup, instances), kernel);
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
            counters: _,
            ended: _,
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
        self.ended = true;
        self.routing.remove(kernel);
        self.addresses.remove(kernel);
    }

    pub(super) fn restore_address(&mut self, kernel: &mut impl Kernel, removed: &Address) {
        match self.addresses.restore(kernel, removed) {
            Restored::Back(_place) => self.counters.address_restored(),
            Restored::Nothing | Restored::Gone => {}
        }
    }

    pub(super) fn restore_routing(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        if self.ended {
            return;
        }
        let restored = self.routing.restore(kernel, interfaces);
        self.counters.routing_restored(restored);
    }

    pub(super) fn begin_anew(&mut self, index: u32) {
        self.addresses.begin_anew(index);
    }

    pub(super) fn forget(&mut self, index: u32) {
        self.addresses.forget(index);
    }
}
