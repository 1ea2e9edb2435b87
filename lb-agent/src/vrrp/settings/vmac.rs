//! Interfaces of an instance's own: `use_vmac`, `use_ipvlan`, `use_vmac_addr`, and `use_vmac` of an
//! address.

use super::{Family, VirtualAddress, VirtualRouter, Vmac};
use crate::config::model::{UseVmac, VrrpInstance};
use crate::net::link::{Link, LinkKind};
use crate::net::virtual_link::{IpvlanFlags, VirtualKind};

mod names;

pub(super) use names::Names;
pub use names::Naming;

impl Vmac {
    /// Whether an interface is this one, on top of the one of index `base`.
    pub fn is(&self, link: &Link, base: u32) -> bool {
        match (self.kind, &link.kind) {
            (VirtualKind::Macvlan(mac), LinkKind::Macvlan { parent }) => {
                *parent == base && mac == link.mac
            }
            (VirtualKind::Ipvlan(wanted), LinkKind::Ipvlan { parent, flags }) => {
                *parent == base && wanted == *flags
            }
            (VirtualKind::Macvlan(_) | VirtualKind::Ipvlan(_), _) => false,
        }
    }
}

impl Vmac {
    /// Whether an interface may be what an earlier run has left, on top of whatever: it has our `mark`, for
    /// this virtual router or another one, or nobody's, and the Ethernet address of this one.
    pub fn may_be_left(&self, link: &Link, mark: &str) -> bool {
        let is_macvlan = matches!(link.kind, LinkKind::Macvlan { .. });
        let is_ipvlan = matches!(link.kind, LinkKind::Ipvlan { .. });
        match link.alias.as_deref() {
            Some(alias) => alias == mark && (is_macvlan || is_ipvlan),
            None => is_macvlan && self.kind == VirtualKind::Macvlan(link.mac),
        }
    }

    /// Whether one interface does for both.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.base == other.base && self.kind == other.kind
    }

    /// Whether both have the same Ethernet address on the same interface: the kernel brings only one
    /// of them up.
    pub fn has_address_of(&self, other: &Self) -> bool {
        let is_macvlan = matches!(self.kind, VirtualKind::Macvlan(_));
        is_macvlan && self.base == other.base && self.kind == other.kind
    }
}

impl VirtualRouter {
    /// The address of its ipvlan itself, which is set all the time.
    pub(in crate::vrrp) fn address_of_ipvlan(&self) -> Option<VirtualAddress> {
        let (vmac, address) = (self.vmac.as_ref()?, self.ipvlan_address?);
        Some(VirtualAddress::new(address, &vmac.name))
    }

    /// What the configuration has of them.
    pub(super) fn take_vmacs(&mut self, config: &VrrpInstance, names: &mut Names<'_>) {
        let own = of_instance(config, self.family, names);
        // Before those without an interface of their own move to the instance's.
        self.move_addresses(config.use_vmac_addr, own.as_ref(), names);
        if let Some(vmac) = own {
            self.move_to(vmac);
            let address = config.use_ipvlan.as_ref().and_then(|it| it.address);
            self.ipvlan_address = address.filter(|it| Family::of(it.addr()) == self.family);
            self.source = self
                .source
                .or_else(|| self.ipvlan_address.map(|it| it.addr()));
        }
    }

    /// The virtual addresses move to the VMAC, and so do the adverts unless they are sent to
    /// peers, whose routers know the interface below.
    fn move_to(&mut self, vmac: Vmac) {
        let of_base = |dev: &str| dev == self.source_interface;
        let addresses = self.virtual_ipaddress.iter_mut();
        for address in addresses.chain(&mut self.virtual_ipaddress_excluded) {
            if of_base(&address.dev) {
                address.dev.clone_from(&vmac.name);
            }
        }
        self.source_interface.clone_from(&vmac.base);
        if !vmac.xmit_base && !self.is_unicast() {
            self.interface.clone_from(&vmac.name);
        }
        self.vmac = Some(vmac);
    }

    /// Addresses that want a VMAC move to one, and with `all` those that stand on another interface
    /// than the instance's or are of another family than its adverts. One VMAC does for all of an
    /// interface and a family, also the instance's `own`: the kernel has each Ethernet address once.
    fn move_addresses(&mut self, all: bool, own: Option<&Vmac>, names: &mut Names<'_>) {
        let (family, vrid) = (self.family, self.virtual_router_id);
        let addresses = self.virtual_ipaddress.iter_mut();
        for address in addresses.chain(&mut self.virtual_ipaddress_excluded) {
            let of = Family::of(address.address.addr());
            let elsewhere = address.dev != self.interface || of != family;
            let wanted = match &address.use_vmac {
                Some(wanted) => wanted.clone(),
                None if all && elsewhere => UseVmac::default(),
                None => continue,
            };
            let base = wanted.interface.unwrap_or_else(|| address.dev.clone());
            let kind = VirtualKind::Macvlan(wanted.mac.unwrap_or_else(|| mac(of, vrid)));
            let mut made = own.into_iter().chain(&self.address_vmacs);
            if let Some(vmac) = made.find(|it| it.base == base && it.kind == kind) {
                address.dev.clone_from(&vmac.name);
                continue;
            }
            let prefix = names.addr_prefix;
            let (name, naming) = names.name(wanted.name.as_ref(), prefix, of, vrid);
            address.dev.clone_from(&name);
            self.address_vmacs.push(Vmac {
                name,
                naming,
                base,
                group: wanted.group,
                kind,
                xmit_base: true,
            });
        }
    }
}

/// RFC 9568 7.3.
const fn mac(family: Family, vrid: u8) -> [u8; 6] {
    let group = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [0, 0, 0x5e, 0, group, vrid]
}

/// `use_vmac` and `use_ipvlan` with their defaults.
fn of_instance(config: &VrrpInstance, family: Family, names: &mut Names<'_>) -> Option<Vmac> {
    let vrid = config.virtual_router_id;
    let base = |given: &Option<String>| given.clone().unwrap_or_else(|| config.interface.clone());
    let prefix = names.prefix;
    let mut name = |given: &Option<String>| names.name(given.as_ref(), prefix, family, vrid);
    let xmit_base = config.vmac_xmit_base;
    if let Some(vmac) = &config.use_vmac {
        let (name, naming) = name(&vmac.name);
        return Some(Vmac {
            name,
            naming,
            base: base(&vmac.interface),
            group: vmac.group,
            kind: VirtualKind::Macvlan(vmac.mac.unwrap_or_else(|| mac(family, vrid))),
            xmit_base,
        });
    }
    let ipvlan = config.use_ipvlan.as_ref()?;
    let flags = match ipvlan.mode.as_deref() {
        Some("private") => IpvlanFlags::Private,
        Some("vepa") => IpvlanFlags::Vepa,
        Some(_) | None => IpvlanFlags::Bridge,
    };
    let (name, naming) = name(&ipvlan.name);
    Some(Vmac {
        name,
        naming,
        base: base(&ipvlan.interface),
        group: None,
        kind: VirtualKind::Ipvlan(flags),
        xmit_base,
    })
}

#[cfg(test)]
mod tests;
