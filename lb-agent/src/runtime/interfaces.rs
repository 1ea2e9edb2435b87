//! Whether the interfaces that a configuration names are there. Pure: who asks the kernel says
//! which there are.

use std::collections::BTreeSet;
use std::fmt;

use crate::config::model::Config;

/// An interface that the configuration names is missing. Nothing ends for that: what needs it
/// waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `vrrp_instance VI_1` and the like.
    pub what: String,
    /// The missing one.
    pub interface: String,
    /// What follows.
    consequence: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            interface,
            consequence,
        } = self;
        write!(
            f,
            "{what} names interface {interface}, which does not exist: {consequence}"
        )
    }
}

/// The interfaces of `config` that are not among `existing`, each once for each block. Those that
/// the agent makes itself (`use_vmac`, `use_ipvlan`) are not missing.
pub fn missing(config: &Config, existing: &[&str]) -> Vec<Missing> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut note = |what: String, interface: &str, consequence| {
        if !existing.contains(&interface) && seen.insert((what.clone(), interface.to_owned())) {
            found.push(Missing {
                what,
                interface: interface.to_owned(),
                consequence,
            });
        }
    };
    for instance in &config.vrrp_instances {
        let what = format!("vrrp_instance {}", instance.name);
        let fault = "the instance is in FAULT until it comes";
        note(what.clone(), &instance.interface, fault);
        let vips = instance.virtual_ipaddress.iter();
        for vip in vips.chain(&instance.virtual_ipaddress_excluded) {
            let wait = "its virtual addresses there wait until it comes";
            note(what.clone(), &vip.dev, wait);
        }
    }
    for name in &config.global_defs.xdp_interfaces {
        let wait = "no packets are taken there until it comes";
        note("xdp_interfaces".into(), name, wait);
    }
    found
}

#[cfg(test)]
mod tests;
