//! Virtual MAC addresses (RFC 9568 7.3): interfaces of their own on top of the instance's, and the
//! kernel settings that they need.
//!
//! What is made here is removed at the end, and every setting is what it was.

use std::collections::BTreeSet;

use tracing::{error, info, warn};

use super::Router;
use crate::net::link::Link;
use crate::net::virtual_link::VirtualLink;
use crate::vrrp::effects::{Afterwards, Kernel};
use crate::vrrp::settings::{VirtualRouter, Vmac};

/// Interfaces that were made.
#[derive(Debug, Default)]
pub(super) struct Made {
    vmacs: Vec<MadeVmac>,
    /// Indexes of those that we have removed: what the kernel still tells of them is about interfaces
    /// that are no more, and another one may have the name by now.
    removed: BTreeSet<u32>,
}

#[derive(Debug)]
struct MadeVmac {
    vmac: Vmac,
    /// It was brought up. Not while another interface of the same base has its Ethernet address.
    is_up: bool,
}

impl Made {
    pub(super) const fn is_empty(&self) -> bool {
        self.vmacs.is_empty()
    }

    /// Whether the kernel tells of an interface that we have removed.
    pub(super) fn has_removed(&self, index: u32) -> bool {
        self.removed.contains(&index)
    }

    /// The same, of its end: nothing follows.
    pub(super) fn is_last_of_removed(&mut self, index: u32) -> bool {
        self.removed.remove(&index)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.vmacs.iter().any(|made| made.vmac.name == name)
    }

    fn is_up(&self, vmac: &Vmac) -> bool {
        let mut vmacs = self.vmacs.iter();
        vmacs.any(|made| made.is_up && made.vmac.is_same(vmac))
    }

    fn forget(&mut self, name: &str) {
        self.vmacs.retain(|made| made.vmac.name != name);
    }

    /// Those that are none of `wanted`, and, if `displaced`, stand in the way of one of them: the
    /// name or the Ethernet address is to be another's.
    fn unwanted(&self, wanted: &[Vmac], displaced: bool) -> Vec<String> {
        let vmacs = self.vmacs.iter().map(|made| &made.vmac);
        let unwanted = vmacs.filter(|vmac| !wanted.iter().any(|other| other.is_same(vmac)));
        let unwanted = unwanted.filter(|vmac| {
            let in_the_way = |other: &Vmac| other.name == vmac.name || other.has_address_of(vmac);
            !displaced || wanted.iter().any(in_the_way)
        });
        unwanted.map(|vmac| vmac.name.clone()).collect()
    }
}

/// Two routers must not both answer ARP for what only one holds; packets come with sources that
/// the routing table does not expect there.
const OF_VMAC: [(&str, &str); 4] = [
    ("arp_ignore", "1"),
    ("accept_local", "1"),
    ("rp_filter", "0"),
    ("promote_secondaries", "1"),
];
const OF_BASE: [(&str, &str); 2] = [("arp_ignore", "1"), ("arp_filter", "1")];

impl<K: Kernel> Router<K> {
    /// Makes what the instances need on top of this interface, unless it is there.
    pub(super) fn make_vmacs(&mut self, base: &Link) {
        let configs = || self.members.iter().map(|member| &member.config);
        let mut promoting = configs().filter(|it| it.interface == base.name);
        if promoting.any(|it| it.promote_secondaries) {
            let path = format!("net/ipv4/conf/{}/promote_secondaries", base.name);
            self.outside
                .kernel
                .set_sysctl(&path, "1", Afterwards::AsBefore);
        }
        let configs = self.members.iter().map(|member| &member.config);
        let wanted = wanted_on(base, configs);
        self.make_all(wanted, base);
    }

    /// The same for instances that are to have these settings soon. Those that were made are known
    /// then, for addresses that move to them.
    pub(super) fn make_vmacs_of(&mut self, configs: &[&VirtualRouter]) {
        let bases: Vec<Link> = self.interfaces.iter().cloned().collect();
        let mut any = false;
        for base in bases {
            let wanted = wanted_on(&base, configs.iter().copied());
            any |= self.make_all(wanted, &base);
        }
        if any {
            let links = self.outside.kernel.links();
            let links = links.inspect_err(|error| error!("{error}"));
            for link in links.unwrap_or_default() {
                if self.made.has(&link.name) {
                    self.interfaces.insert(link);
                }
            }
        }
    }

    fn make_all(&mut self, wanted: Vec<(String, Vmac)>, base: &Link) -> bool {
        let mut any = false;
        for (instance, vmac) in wanted {
            let link = self.interfaces.by_name(&vmac.name);
            if link.is_some_and(|link| self.is_foreign(&vmac, link)) {
                // Whoever needs it is in FAULT, and that was said.
                continue;
            }
            // One that was made just now is not among the interfaces yet.
            let may_be_it = link.is_none_or(|link| vmac.is(link, base.index));
            if may_be_it && self.made.is_up(&vmac) {
                continue;
            }
            any = true;
            match self.make(&vmac, base) {
                Ok(()) => info!("({instance}) made interface {} on {}", vmac.name, base.name),
                Err(reason) => error!("({instance}) {reason}"),
            }
        }
        any
    }

    fn make(&mut self, vmac: &Vmac, base: &Link) -> Result<(), String> {
        let name = &vmac.name;
        let mut discarded = None;
        let is_there = match self.interfaces.by_name(name) {
            None => false,
            // An earlier run was killed, or it could not be brought up.
            Some(link) if vmac.is(link, base.index) => true,
            // Ours, or an earlier run had this name for a virtual router elsewhere, or for another.
            Some(link) if self.made.has(name) || vmac.may_be_of_a_router(link) => {
                warn!(
                    "interface {name} is not what it should be on {} (another kind, interface below or \
                     Ethernet address); it is made anew",
                    base.name
                );
                discarded = Some(link.clone());
                if !self.discard_vmac(name) {
                    return Err(format!(
                        "interface {name} is in the way of that on {}",
                        base.name
                    ));
                }
                false
            }
            Some(Link { kind, .. }) => {
                return Err(format!(
                    "interface {name} is there already, and it is {kind:?}: it is not used"
                ));
            }
        };
        let kernel = &mut self.outside.kernel;
        // Before the virtual addresses are there: the base would answer for them by its own.
        for (setting, value) in OF_BASE {
            let path = format!("net/ipv4/conf/{}/{setting}", base.name);
            kernel.set_sysctl(&path, value, Afterwards::AsBefore);
        }
        kernel.set_sysctl("net/ipv4/conf/all/rp_filter", "0", Afterwards::AsBefore);
        if !is_there {
            let link = VirtualLink {
                name: name.clone(),
                parent: base.index,
                group: vmac.group,
                kind: vmac.kind,
            };
            if let Err(error) = kernel.create_link(&link) {
                self.miss(discarded);
                return Err(error.to_string());
            }
        }
        for (setting, value) in OF_VMAC {
            let path = format!("net/ipv4/conf/{name}/{setting}");
            kernel.set_sysctl(&path, value, Afterwards::Gone);
        }
        let up = kernel.bring_up(name);
        self.made.forget(name);
        self.made.vmacs.push(MadeVmac {
            vmac: vmac.clone(),
            is_up: up.is_ok(),
        });
        up.map_err(|error| error.to_string())
    }

    /// Removes an interface of ours, with everything that we know of it. False: it is still there.
    fn discard_vmac(&mut self, name: &str) -> bool {
        if let Err(error) = self.outside.kernel.remove_link(name) {
            error!("{error}");
            return false;
        }
        self.forget_vmac(name);
        if let Some(index) = self.interfaces.by_name(name).map(|link| link.index) {
            self.made.removed.insert(index);
            self.interfaces.remove(index);
            self.debounce.forget(index);
            self.outside.kernel.close(index);
            self.statics.forget(index);
            for member in &mut self.members {
                member.addresses.forget(index);
            }
        }
        true
    }

    /// An interface was removed for another one that could not be made. It counts as there until the kernel
    /// tells of its end, which everybody hears of then.
    fn miss(&mut self, discarded: Option<Link>) {
        if let Some(link) = discarded {
            self.made.removed.remove(&link.index);
            self.interfaces.insert(link);
        }
    }

    /// An interface is gone, and its settings with it.
    pub(super) fn forget_vmac(&mut self, name: &str) {
        self.made.forget(name);
        let kernel = &mut self.outside.kernel;
        kernel.forget_sysctls(&format!("net/ipv4/conf/{name}/"));
    }

    /// Somebody has removed an interface. One that an instance needs is made again, if the one below
    /// is still there: that may have taken it along.
    pub(super) fn make_vmac_again(&mut self, name: &str) {
        if self.made.has(name) {
            return;
        }
        let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        let base = vmacs.find(|vmac| vmac.name == name);
        let base = base.and_then(|vmac| self.interfaces.by_name(&vmac.base).cloned());
        drop(vmacs);
        let Some(base) = base else { return };
        let links = self.outside.kernel.links().unwrap_or_default();
        if links.iter().any(|link| link.index == base.index) {
            warn!("somebody removed {name}; it is made again");
            self.make_vmacs(&base);
            if self.made.has(name) {
                self.count_restored(name);
            }
        }
    }

    fn count_restored(&self, name: &str) {
        for member in &self.members {
            if member.config.vmacs().any(|vmac| vmac.name == name) {
                member.board.counters.vmac_restored();
            }
        }
    }

    /// Removes what would be in the way of what is `wanted` soon: under its name, or with its Ethernet
    /// address on the same interface, which two cannot have at a time.
    pub(super) fn remove_displaced_vmacs(&mut self, wanted: &[Vmac]) {
        for name in self.made.unwanted(wanted, true) {
            self.discard_vmac(&name);
        }
    }

    /// Removes what no instance wants any more. The settings of the interfaces below stay until the
    /// end: others may need them.
    pub(super) fn remove_unwanted_vmacs(&mut self) {
        let wanted = self.members.iter().flat_map(|it| it.config.vmacs());
        let wanted: Vec<Vmac> = wanted.cloned().collect();
        for name in self.made.unwanted(&wanted, false) {
            self.discard_vmac(&name);
        }
    }

    /// Leaves nothing behind.
    pub(super) fn remove_vmacs(&mut self) {
        for MadeVmac { vmac, .. } in std::mem::take(&mut self.made.vmacs) {
            if let Err(error) = self.outside.kernel.remove_link(&vmac.name) {
                error!("{error}");
            }
        }
        self.outside.kernel.restore_sysctls();
    }
}

/// What instances need on top of an interface, and the names of the instances.
fn wanted_on<'a>(
    base: &Link,
    configs: impl Iterator<Item = &'a VirtualRouter>,
) -> Vec<(String, Vmac)> {
    let of = |config: &'a VirtualRouter| {
        let vmacs = config.vmacs().filter(|vmac| vmac.base == base.name);
        vmacs.map(|vmac| (config.name.clone(), vmac.clone()))
    };
    configs.flat_map(of).collect()
}
