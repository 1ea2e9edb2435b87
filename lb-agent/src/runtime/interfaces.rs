//! Whether the interfaces that a configuration names are there. Pure: who asks the kernel says
//! which there are.

use thiserror::Error;

use crate::config::model::Config;

/// An interface that the configuration names is missing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} names interface {interface}, which does not exist; the interfaces are: {existing}")]
pub struct NoInterface {
    /// `vrrp_instance VI_1` and the like.
    pub what: String,
    /// The missing one.
    pub interface: String,
    /// Those that are there.
    pub existing: String,
}

/// The first interface of `config` that is not among `existing`.
pub fn check(config: &Config, existing: &[&str]) -> Result<(), NoInterface> {
    let instances = config.vrrp_instances.iter().flat_map(|instance| {
        let vips = instance
            .virtual_ipaddress
            .iter()
            .chain(&instance.virtual_ipaddress_excluded);
        std::iter::once(instance.interface.as_str())
            .chain(vips.map(|vip| vip.dev.as_str()))
            .map(|name| (format!("vrrp_instance {}", instance.name), name))
    });
    let named = config.global_defs.xdp_interfaces.iter();
    let named = named.map(|name| ("xdp_interfaces".to_owned(), name.as_str()));
    let missing = instances
        .chain(named)
        .find(|(_, name)| !existing.contains(name));
    missing.map_or(Ok(()), |(what, interface)| {
        Err(NoInterface {
            what,
            interface: interface.to_owned(),
            existing: existing.join(", "),
        })
    })
}
