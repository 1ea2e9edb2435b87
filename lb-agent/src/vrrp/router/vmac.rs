//! Virtual MAC addresses (RFC 9568 7.3): interfaces of their own on top of the instance's, and the
//! kernel settings that they need.
//!
//! What is made here is removed at the end, and every setting is what it was.

use tracing::{debug, error, info, warn};

use super::Router;
use crate::net::link::Link;
use crate::net::link::LinkKind;
use crate::net::virtual_link::{VirtualKind, VirtualLink};
use crate::vrrp::effects::Kernel;
use crate::vrrp::settings::Vmac;

/// What has been made and set.
#[derive(Debug, Default)]
pub(super) struct Made {
    links: Vec<String>,
    /// Paths and what they were, in the order in which they were set.
    settings: Vec<(String, String)>,
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
        for place in 0..self.members.len() {
            let Some(member) = self.members.get(place) else {
                continue;
            };
            let config = &member.config;
            if config.promote_secondaries && config.interface == base.name {
                let path = format!("net/ipv4/conf/{}/promote_secondaries", base.name);
                self.set(path, "1");
            }
            let Some(member) = self.members.get(place) else {
                continue;
            };
            let Some(vmac) = member.config.vmac.clone().filter(|it| it.base == base.name) else {
                continue;
            };
            if self.made.links.contains(&vmac.name) && self.interfaces.by_name(&vmac.name).is_some()
            {
                continue;
            }
            let instance = member.config.name.clone();
            match self.make(&vmac, base) {
                Ok(()) => info!("({instance}) made interface {} on {}", vmac.name, base.name),
                Err(reason) => error!("({instance}) {reason}"),
            }
        }
    }

    fn make(&mut self, vmac: &Vmac, base: &Link) -> Result<(), String> {
        let name = &vmac.name;
        match self
            .interfaces
            .by_name(name)
            .map(|link| (&link.kind, link.mac))
        {
            None => {
                let link = VirtualLink {
                    name: name.clone(),
                    parent: base.index,
                    group: vmac.group,
                    kind: vmac.kind,
                };
                let made = self.outside.kernel.create_link(&link);
                made.map_err(|error| error.to_string())?;
            }
            // An earlier run was killed.
            Some((LinkKind::Macvlan { parent }, mac))
                if *parent == base.index && vmac.kind == VirtualKind::Macvlan(mac) => {}
            Some((kind, _)) => {
                return Err(format!(
                    "interface {name} is there already, and it is {kind:?}: it is not used"
                ));
            }
        }
        self.made.links.push(name.clone());
        for (setting, value) in OF_VMAC {
            // They go with the interface.
            let path = format!("net/ipv4/conf/{name}/{setting}");
            if let Err(error) = self.outside.kernel.set_sysctl(&path, value) {
                warn!("cannot set {path} to {value}: {error}");
            }
        }
        // No addresses of its own: they would be announced and could be chosen as a source.
        let path = format!("net/ipv6/conf/{name}/addr_gen_mode");
        if let Err(error) = self.outside.kernel.set_sysctl(&path, "1") {
            debug!("cannot set {path}: {error}");
        }
        for (setting, value) in OF_BASE {
            self.set(format!("net/ipv4/conf/{}/{setting}", base.name), value);
        }
        self.set("net/ipv4/conf/all/rp_filter".into(), "0");
        let up = self.outside.kernel.bring_up(name);
        up.map_err(|error| error.to_string())
    }

    /// Once: what it was before is what it will be again.
    pub(super) fn set(&mut self, path: String, value: &str) {
        if self.made.settings.iter().any(|(set, _)| *set == path) {
            return;
        }
        match self.outside.kernel.set_sysctl(&path, value) {
            Ok(before) => self.made.settings.push((path, before)),
            Err(error) => warn!("cannot set {path} to {value}: {error}"),
        }
    }

    /// An interface is gone, and its settings with it.
    pub(super) fn forget_vmac(&mut self, name: &str) {
        self.made.links.retain(|link| link != name);
        let of = format!("net/ipv4/conf/{name}/");
        self.made
            .settings
            .retain(|(path, _)| !path.starts_with(&of));
    }

    /// Removes what no instance wants any more. The settings of the interfaces below stay until the
    /// end: others may need them.
    pub(super) fn remove_unwanted_vmacs(&mut self) {
        let wanted = |name: &String| {
            let mut vmacs = self.members.iter().filter_map(|it| it.config.vmac.as_ref());
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
        let Made { links, settings } = std::mem::take(&mut self.made);
        for name in links {
            if let Err(error) = self.outside.kernel.remove_link(&name) {
                error!("{error}");
            }
        }
        for (path, before) in settings.into_iter().rev() {
            if let Err(error) = self.outside.kernel.set_sysctl(&path, &before) {
                error!("cannot set {path} back to {before}: {error}");
            }
        }
    }
}
