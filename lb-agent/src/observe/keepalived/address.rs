//! Addresses and routes as keepalived writes them.

use std::fmt::Write as _;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::{Route, VirtualAddress};
use crate::vrrp::status::InstanceStatus;

/// `10.0.0.100/24 dev eth0 scope global set`; a whole address has no prefix length.
pub(super) fn line(address: &VirtualAddress, instance: &InstanceStatus) -> String {
    let network = address.address;
    let mut text = network.addr().to_string();
    if network.prefix_len() != network.max_prefix_len() {
        let _infallible = write!(text, "/{}", network.prefix_len());
    }
    let _infallible = write!(text, " dev {} scope {}", address.dev, scope(address.scope));
    if let Some(label) = &address.label {
        let _infallible = write!(text, " label {label}");
    }
    if is_deprecated(address) {
        text.push_str(" deprecated");
    }
    let mut known = instance.virtual_ipaddress.iter();
    if known.any(|it| it.set && it.address.addr() == network.addr()) {
        text.push_str(" set");
    }
    text
}

/// A whole IPv6 address is no source for what the host sends itself.
fn is_deprecated(address: &VirtualAddress) -> bool {
    let is_whole_v6 = matches!(address.address, IpNet::V6(network) if network.prefix_len() == 128);
    match address.options.preferred_lft {
        Some(lifetime) => lifetime == Duration::ZERO,
        None => is_whole_v6,
    }
}

fn scope(number: u8) -> String {
    match number {
        0 => "global".into(),
        200 => "site".into(),
        253 => "link".into(),
        254 => "host".into(),
        255 => "nowhere".into(),
        other => other.to_string(),
    }
}

/// `192.0.2.0/24 via inet 10.0.0.2 dev eth0 table 7`
pub(super) fn route(route: &Route) -> String {
    let mut text = route
        .to
        .map_or_else(|| "default".into(), |network| network.to_string());
    for hop in &route.nexthops {
        if let Some(via) = hop.via {
            let family = if via.is_ipv6() { "inet6" } else { "inet" };
            let _infallible = write!(text, " via {family} {via}");
        }
        if let Some(dev) = &hop.dev {
            let _infallible = write!(text, " dev {dev}");
        }
    }
    if let Some(table) = route.table {
        let _infallible = write!(text, " table {table}");
    }
    text
}
