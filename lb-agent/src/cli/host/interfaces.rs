//! The interfaces that a configuration names and this host does not have.

use std::collections::BTreeSet;

use crate::config::model::Config;
use crate::config::{Code, Diagnostic, Mentions, NamedInterface};
use crate::net::link::{self, Link, LinkKind};
use crate::net::netlink::Connection;
use crate::vrrp::settings::Setup;

/// What there is to say of them; nothing where the kernel does not answer.
pub(super) fn remarks(config: &Config, mentions: &Mentions) -> Vec<Diagnostic> {
    let links = Connection::open().and_then(|mut connection| link::list(&mut connection));
    links.map_or_else(|_| Vec::new(), |links| of(config, mentions, &links))
}

/// Each line that names an interface which is not among `links`, or an instance's that is the
/// loopback interface. With `dynamic_interfaces` keepalived waits for what is missing as we always
/// do, and has nothing to say.
fn of(config: &Config, mentions: &Mentions, links: &[Link]) -> Vec<Diagnostic> {
    let made = made(config);
    let may_be_missing = config.global_defs.vrrp.dynamic_interfaces;
    let named = mentions.interfaces().iter();
    let remarks = named.filter_map(|named| {
        let link = links.iter().find(|link| link.name == named.name);
        match link {
            Some(link) => loopback(named, link),
            None if may_be_missing || made.contains(&named.name) => None,
            None => Some(missing(named, config, links)),
        }
    });
    remarks.collect()
}

/// The interfaces that the agent makes itself: `use_vmac`, `use_ipvlan`.
fn made(config: &Config) -> BTreeSet<String> {
    let instances = Setup::from(config).instances.into_iter();
    let vmacs = instances.flat_map(|it| it.vmac.into_iter().chain(it.address_vmacs));
    vmacs.map(|vmac| vmac.name).collect()
}

fn missing(named: &NamedInterface, config: &Config, links: &[Link]) -> Diagnostic {
    let consequence = match (named.block, named.keyword) {
        ("vrrp_instance", "interface") => "the instance is in FAULT until it comes",
        ("an address", "dev") => "the address waits until it comes",
        (_, "track_interface") => "it counts as down until it comes",
        (_, "xdp_interfaces") => "no packets are taken there until it comes",
        (_, "bind_if") => "the check fails until it comes",
        (_, _) => "what this line says of it waits until it comes",
    };
    let name = &named.name;
    let message = format!("interface {name} does not exist: {consequence}");
    let existing: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let remark = if is_error(named, config) {
        Diagnostic::error(Code::MissingInterface, named.span, message)
    } else {
        Diagnostic::warning(Code::MissingInterface, named.span, message)
    };
    remark.help(format!("this host has {}", existing.join(", ")))
}

/// Where keepalived has nothing to say it is a warning here, so that the exit status is the same.
fn is_error(named: &NamedInterface, config: &Config) -> bool {
    match named.keyword {
        "bind_if" | "lvs_sync_daemon" | "lvs_sync_daemon_interface" => false,
        "default_interface" => {
            let mut instances = config.vrrp_instances.iter();
            instances.any(|it| it.interface == named.name)
        }
        _ => true,
    }
}

/// keepalived leaves out an instance on the loopback interface.
fn loopback(named: &NamedInterface, link: &Link) -> Option<Diagnostic> {
    let is_instance = named.block == "vrrp_instance" && named.keyword == "interface";
    (is_instance && link.kind == LinkKind::Loopback).then(|| {
        let message = format!(
            "{} is the loopback interface: no other router is heard there, and keepalived leaves \
             the instance out",
            named.name
        );
        let help = "name the interface that leads to the other routers";
        Diagnostic::error(Code::BadValue, named.span, message).help(help)
    })
}

#[cfg(test)]
mod tests;
