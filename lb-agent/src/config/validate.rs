//! What must hold over the whole configuration: nothing twice, nothing beyond what the data
//! plane holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use lb_common::limits::{MAX_BACKENDS, MAX_GATES, MAX_SERVICES};

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::model::{VirtualServer, VirtualServerKey, VrrpInstance};
use super::text::Span;

/// A resolved block and where it stands.
pub(super) struct Checked<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Leaves out instances that cannot stand beside the rest.
pub(super) fn instances(
    instances: Vec<Checked<VrrpInstance>>,
    diagnostics: &mut Diagnostics,
) -> Vec<VrrpInstance> {
    let instances = first_of_each(
        instances,
        |instance| instance.name.clone(),
        |name| format!("vrrp_instance `{name}` is defined twice: this one is left out"),
        diagnostics,
    );
    let instances = within_gates(instances, diagnostics);
    duplicate_vrids(&instances, diagnostics);
    shared_addresses(&instances, diagnostics);
    instances
        .into_iter()
        .map(|instance| instance.value)
        .collect()
}

/// Leaves out services that cannot stand beside the rest.
pub(super) fn services(
    services: Vec<Checked<VirtualServer>>,
    diagnostics: &mut Diagnostics,
) -> Vec<VirtualServer> {
    let services = first_of_each(
        services,
        |service| service.key.clone(),
        |key| format!("{} is defined twice: this one is left out", shown(key)),
        diagnostics,
    );
    within_backends(services, diagnostics)
}

fn shown(key: &VirtualServerKey) -> String {
    match key {
        VirtualServerKey::Address(key) => format!("virtual_server {} {}", key.address, key.port),
        VirtualServerKey::Fwmark(key) => format!("virtual_server fwmark {}", key.fwmark),
        VirtualServerKey::Group(key) => format!("virtual_server group {}", key.group),
    }
}

/// Of several with one key only the first.
pub(super) fn first_of_each<T, K: Clone + Eq + Hash>(
    blocks: Vec<Checked<T>>,
    key: impl Fn(&T) -> K,
    message: impl Fn(&K) -> String,
    diagnostics: &mut Diagnostics,
) -> Vec<Checked<T>> {
    let mut seen: HashMap<K, Span> = HashMap::new();
    let mut kept = Vec::with_capacity(blocks.len());
    for block in blocks {
        let key = key(&block.value);
        if let Some(first) = seen.get(&key) {
            let twice = Diagnostic::error(Code::Duplicate, block.span, message(&key));
            diagnostics.push(twice.related(*first, "the first one"));
        } else {
            seen.insert(key, block.span);
            kept.push(block);
        }
    }
    kept
}

/// Two instances with one VRID would hear each other's adverts, unless they have different
/// unicast peers.
fn duplicate_vrids(instances: &[Checked<VrrpInstance>], diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<(&str, u8), Vec<&Checked<VrrpInstance>>> = HashMap::new();
    for instance in instances {
        let VrrpInstance {
            interface,
            virtual_router_id,
            ..
        } = &instance.value;
        let others = seen.entry((interface, *virtual_router_id)).or_default();
        if let Some(first) = others
            .iter()
            .find(|first| collide(&first.value, &instance.value))
        {
            let message = format!(
                "`{}` and `{}` both have virtual_router_id {virtual_router_id} on {interface}",
                first.value.name, instance.value.name
            );
            let twice = Diagnostic::error(Code::DuplicateVrid, instance.span, message)
                .related(first.span, "the first one")
                .help("give each vrrp_instance of an interface a virtual_router_id of its own");
            diagnostics.push(twice);
        }
        others.push(instance);
    }
}

fn collide(first: &VrrpInstance, second: &VrrpInstance) -> bool {
    match (
        first.unicast_peer.is_empty(),
        second.unicast_peer.is_empty(),
    ) {
        (true, true) => first.mcast_dst_ip == second.mcast_dst_ip,
        (false, false) => first
            .unicast_peer
            .iter()
            .any(|peer| second.unicast_peer.contains(peer)),
        (true, false) | (false, true) => true,
    }
}

/// One virtual address in two instances: both would set and remove it.
fn shared_addresses(instances: &[Checked<VrrpInstance>], diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<(IpAddr, &str), &Checked<VrrpInstance>> = HashMap::new();
    for instance in instances {
        let VrrpInstance {
            virtual_ipaddress,
            virtual_ipaddress_excluded,
            ..
        } = &instance.value;
        for line in virtual_ipaddress.iter().chain(virtual_ipaddress_excluded) {
            let key = (line.address.addr(), line.dev.as_str());
            let first = *seen.entry(key).or_insert(instance);
            if first.span == instance.span {
                continue;
            }
            let message = format!(
                "`{}` and `{}` both have the virtual address {}",
                first.value.name, instance.value.name, key.0
            );
            let twice = Diagnostic::warning(Code::Surprising, instance.span, message);
            diagnostics.push(twice.related(first.span, "the first one"));
        }
    }
}

/// Gate 0 is that of the services of no instance.
fn within_gates(
    mut instances: Vec<Checked<VrrpInstance>>,
    diagnostics: &mut Diagnostics,
) -> Vec<Checked<VrrpInstance>> {
    if let Some(surplus) = instances.get(MAX_GATES - 1) {
        let message = format!(
            "at most {} instances are possible: this one and those behind it are left out",
            MAX_GATES - 1
        );
        diagnostics.push(Diagnostic::error(Code::Capacity, surplus.span, message));
    }
    instances.truncate(MAX_GATES - 1);
    instances
}

/// Service 0 and backend 0 are none; a sorry server takes a backend, too.
fn within_backends(
    services: Vec<Checked<VirtualServer>>,
    diagnostics: &mut Diagnostics,
) -> Vec<VirtualServer> {
    let mut kept = Vec::with_capacity(services.len());
    let mut backends = 0;
    for service in services {
        let sorry = usize::from(service.value.sorry_server.is_some());
        backends += service.value.real_servers.len() + sorry;
        let full = kept.len() + 1 >= MAX_SERVICES as usize || backends >= MAX_BACKENDS as usize;
        if full {
            let message = format!(
                "at most {} virtual servers with together {} real servers are \
                 possible: this one and those behind it are left out",
                MAX_SERVICES - 1,
                MAX_BACKENDS - 1
            );
            diagnostics.push(Diagnostic::error(Code::Capacity, service.span, message));
            break;
        }
        kept.push(service.value);
    }
    kept
}

#[cfg(test)]
mod tests;
