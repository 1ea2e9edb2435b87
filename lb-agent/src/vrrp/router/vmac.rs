//! Virtual MAC addresses (RFC 9568 7.3): interfaces of their own on top of the instance's, and the
//! kernel settings that they need.
//!
//! What is made here is removed at the end, and every setting is what it was.

use tracing::{error, info, warn};

use super::Router;
use crate::net::link::Link;
use crate::net::virtual_link::VirtualLink;
use crate::vrrp::effects::{Afterwards, Kernel};
use crate::vrrp::settings::{VirtualRouter, Vmac};

/// Interfaces that were made.
#[derive(Debug, Default)]
pub(super) struct Made {
    links: Vec<String>,
}

impl Made {
    pub(super) const fn is_empty(&self) -> bool {
        self.links.is_empty()
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

    /// The same for instances that are to have these settings soon. Whether there was one to make.
    pub(super) fn make_vmacs_of(&mut self, configs: &[&VirtualRouter]) -> bool {
        let bases: Vec<Link> = self.interfaces.iter().cloned().collect();
        let mut any = false;
        for base in bases {
            let wanted = wanted_on(&base, configs.iter().copied());
            any |= self.make_all(wanted, &base);
        }
        any
    }

    fn make_all(&mut self, wanted: Vec<(String, Vmac)>, base: &Link) -> bool {
        let mut any = false;
        for (instance, vmac) in wanted {
            let made = self.made.links.contains(&vmac.name);
            if made && self.interfaces.by_name(&vmac.name).is_some() {
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
        let kernel = &mut self.outside.kernel;
        match self.interfaces.by_name(name) {
            None => {
                let link = VirtualLink {
                    name: name.clone(),
                    parent: base.index,
                    group: vmac.group,
                    kind: vmac.kind,
                };
                kernel
                    .create_link(&link)
                    .map_err(|error| error.to_string())?;
            }
            // An earlier run was killed.
            Some(link) if vmac.is(link, base.index) => {}
            Some(Link { kind, .. }) => {
                return Err(format!(
                    "interface {name} is there already, and it is {kind:?}: it is not used"
                ));
            }
        }
        self.made.links.push(name.clone());
        for (setting, value) in OF_VMAC {
            let path = format!("net/ipv4/conf/{name}/{setting}");
            kernel.set_sysctl(&path, value, Afterwards::Gone);
        }
        for (setting, value) in OF_BASE {
            let path = format!("net/ipv4/conf/{}/{setting}", base.name);
            kernel.set_sysctl(&path, value, Afterwards::AsBefore);
        }
        kernel.set_sysctl("net/ipv4/conf/all/rp_filter", "0", Afterwards::AsBefore);
        kernel.bring_up(name).map_err(|error| error.to_string())
    }

    /// An interface is gone, and its settings with it.
    pub(super) fn forget_vmac(&mut self, name: &str) {
        self.made.links.retain(|link| link != name);
        let kernel = &mut self.outside.kernel;
        kernel.forget_sysctls(&format!("net/ipv4/conf/{name}/"));
    }

    /// Somebody has removed an interface. One that an instance needs is made again, if the one below
    /// is still there: that may have taken it along.
    pub(super) fn make_vmac_again(&mut self, name: &str) {
        let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        let base = vmacs.find(|vmac| vmac.name == name);
        let base = base.and_then(|vmac| self.interfaces.by_name(&vmac.base).cloned());
        drop(vmacs);
        let Some(base) = base else { return };
        let links = self.outside.kernel.links().unwrap_or_default();
        if links.iter().any(|link| link.index == base.index) {
            warn!("somebody removed {name}; it is made again");
            self.make_vmacs(&base);
        }
    }

    /// Removes what no instance wants any more. The settings of the interfaces below stay until the
    /// end: others may need them.
    pub(super) fn remove_unwanted_vmacs(&mut self) {
        let wanted = |name: &String| {
            let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
            vmacs.any(|vmac| vmac.name == *name)
        };
        let made = std::mem::take(&mut self.made.links);
        let (kept, gone) = made.into_iter().partition(wanted);
        self.made.links = kept;
        for name in gone {
            if let Err(error) = self.outside.kernel.remove_link(&name) {
                error!("{error}");
            }
        }
    }

    /// Leaves nothing behind.
    pub(super) fn remove_vmacs(&mut self) {
        for name in std::mem::take(&mut self.made.links) {
            if let Err(error) = self.outside.kernel.remove_link(&name) {
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
