//! What VMACs are called that the configuration does not name, and that they keep it at a reload.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Family, Setup, VirtualRouter, Vmac};
use crate::config::model::{VrrpDefaults, VrrpInstance};

/// What the name of a VMAC is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// `vmac_prefix` or `vmac_addr_prefix`.
    pub prefix: String,
    /// The family of the addresses on it.
    pub family: Family,
    /// `virtual_router_id`.
    pub virtual_router_id: u8,
}

impl Naming {
    /// `PREFIX.VRID`, with IPv6 `PREFIX6.VRID`; where that is taken `PREFIX1.VRID` and so on, as
    /// keepalived names them. It is taken from then on.
    pub(super) fn free(&self, taken: &mut BTreeSet<String>) -> String {
        let (prefix, vrid) = (&self.prefix, self.virtual_router_id);
        let six = match self.family {
            Family::V4 => "",
            Family::V6 => "6",
        };
        let mut name = format!("{prefix}{six}.{vrid}");
        let mut number = 0u32;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{prefix}{number}.{vrid}");
        }
        name
    }
}

/// Names for the interfaces that the configuration does not name.
pub(in crate::vrrp::settings) struct Names<'a> {
    /// `vmac_prefix`.
    pub(super) prefix: &'a str,
    /// `vmac_addr_prefix`.
    pub(super) addr_prefix: &'a str,
    /// Those of the configuration, and those that were given.
    taken: BTreeSet<String>,
}

impl<'a> Names<'a> {
    pub(in crate::vrrp::settings) fn new(
        instances: &[VrrpInstance],
        vrrp: &'a VrrpDefaults,
    ) -> Self {
        let prefix = vrrp.vmac_prefix.as_deref().unwrap_or("vrrp");
        let named = instances.iter().flat_map(|it| {
            let vmac = it.use_vmac.as_ref().and_then(|it| it.name.clone());
            let ipvlan = it.use_ipvlan.as_ref().and_then(|it| it.name.clone());
            let addresses = it.virtual_ipaddress.iter();
            let addresses = addresses.chain(&it.virtual_ipaddress_excluded);
            let of_addresses =
                addresses.filter_map(|it| it.options.use_vmac.as_ref()?.name.clone());
            vmac.into_iter().chain(ipvlan).chain(of_addresses)
        });
        Self {
            prefix,
            addr_prefix: vrrp.vmac_addr_prefix.as_deref().unwrap_or(prefix),
            taken: named.collect(),
        }
    }

    /// The name that the configuration gives, or one that is free; with it how it was found.
    pub(super) fn name(
        &mut self,
        given: Option<&String>,
        prefix: &str,
        family: Family,
        virtual_router_id: u8,
    ) -> (String, Option<Naming>) {
        if let Some(given) = given {
            return (given.clone(), None);
        }
        let naming = Naming {
            prefix: prefix.to_owned(),
            family,
            virtual_router_id,
        };
        (naming.free(&mut self.taken), Some(naming))
    }
}

impl Setup {
    /// VMACs that the configuration does not name are called as they are among those that are
    /// `running`: which number is in such a name depends on the order of the lines, and under another
    /// name it would be another interface, and its addresses would be away for a moment.
    pub fn keep_names(&mut self, running: &[VirtualRouter]) {
        let instances = self.instances.iter();
        let vmacs: Vec<(&str, &Vmac)> = instances
            .flat_map(|it| it.vmacs().map(|vmac| (it.name.as_str(), vmac)))
            .collect();
        let given = vmacs.iter().filter(|(_, vmac)| vmac.naming.is_none());
        let mut taken: BTreeSet<String> = given.map(|(_, vmac)| vmac.name.clone()).collect();
        let kept = vmacs.iter().map(|(of, vmac)| {
            let name = name_before(of, vmac, running)?;
            taken.insert(name.to_owned()).then(|| name.to_owned())
        });
        let kept: Vec<Option<String>> = kept.collect();
        let mut kept = kept.into_iter();
        for instance in &mut self.instances {
            instance.rename_vmacs(&mut kept, &mut taken);
        }
    }
}

/// What this VMAC of the instance `of` is called now, if it is running and was not named by the
/// configuration either.
fn name_before<'a>(of: &str, vmac: &Vmac, running: &'a [VirtualRouter]) -> Option<&'a str> {
    let mut same = running.iter().filter(|it| it.name == of);
    let mut vmacs = same.by_ref().flat_map(VirtualRouter::vmacs);
    let is_it = |it: &&Vmac| {
        it.naming.is_some()
            && (&it.naming, &it.base, it.kind) == (&vmac.naming, &vmac.base, vmac.kind)
    };
    vmacs.find(is_it).map(|it| it.name.as_str())
}

impl VirtualRouter {
    /// `kept`: the name that each of its VMACs keeps, if it does. The others get names that are free.
    fn rename_vmacs(
        &mut self,
        kept: &mut impl Iterator<Item = Option<String>>,
        taken: &mut BTreeSet<String>,
    ) {
        let mut renamed = BTreeMap::new();
        for vmac in self.vmac.iter_mut().chain(&mut self.address_vmacs) {
            let name = kept.next().flatten();
            let Some(naming) = &vmac.naming else { continue };
            let name = name.unwrap_or_else(|| naming.free(taken));
            renamed.insert(std::mem::replace(&mut vmac.name, name.clone()), name);
        }
        let addresses = self.virtual_ipaddress.iter_mut();
        let addresses = addresses.chain(&mut self.virtual_ipaddress_excluded);
        for dev in addresses.map(|it| &mut it.dev).chain([&mut self.interface]) {
            if let Some(name) = renamed.get(dev) {
                dev.clone_from(name);
            }
        }
    }
}
