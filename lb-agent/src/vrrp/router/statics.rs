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
    routing: Routing,
}

/// Who the log says owns them.
const OWNER: &str = "static";

impl Statics {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            addresses: Addresses::of(OWNER, setup.static_ipaddress.iter().cloned()),
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
        let addresses = setup.static_ipaddress.iter().cloned();
        self.addresses.replace(addresses, kernel);
        self.routing
            .replace(&setup.static_routes, &setup.static_rules, kernel);
        self.complete(kernel, interfaces);
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
