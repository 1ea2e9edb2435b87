//! What the data plane is given, as lines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lb_common::schedule::slot;

use crate::config::model::{Config, Scheduler, Served, VirtualServer, VirtualServerKey, XdpMode};
use crate::dataplane::choice::fit::fit;
use crate::dataplane::schedule::{Candidate, Table, table};
use crate::dataplane::xdp::memory;

/// Who carries a service as far as the file says, as a line, and whether XDP may.
pub(super) fn carrier(config: &Config, service: &VirtualServer) -> (String, bool) {
    let mode = service.xdp_mode.unwrap_or(config.global_defs.xdp_mode);
    let fit = fit(config, service);
    let (who, xdp) = match (mode, fit.cannot.first(), fit.lacks.first()) {
        (XdpMode::Off, _, _) => ("IPVS, by `xdp_mode off`".to_owned(), false),
        (XdpMode::Auto, Some(why), _) => (format!("IPVS, since {why}"), false),
        (XdpMode::Native | XdpMode::Generic, Some(why), _) => (format!("none, since {why}"), false),
        (XdpMode::Auto, None, Some(what)) => {
            let who = format!("IPVS where the kernel has it, since XDP has no {what}; else XDP");
            (who, true)
        }
        (_, None, _) => ("XDP".to_owned(), true),
    };
    (format!("# data plane: {who}"), xdp)
}

/// When a service is served, and of a group as how many addresses and ports, as lines.
pub(super) fn gates(config: &Config, service: &VirtualServer) -> Vec<String> {
    let mut owners: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for instance in &config.vrrp_instances {
        let lines = instance.virtual_ipaddress.iter();
        for line in lines.chain(&instance.virtual_ipaddress_excluded) {
            owners.entry(line.address.addr()).or_insert(&instance.name);
        }
    }
    let served = config.served(service);
    let addresses = served.iter().filter_map(|served| match served {
        Served::Address(key) => Some(key.address),
        Served::Fwmark(_) => None,
    });
    let whose: BTreeSet<Option<&str>> = addresses.map(|it| owners.get(&it).copied()).collect();
    let mut lines = Vec::new();
    if matches!(service.key, VirtualServerKey::Group(_)) {
        lines.push(format!(
            "# data plane: one service of {} addresses and ports",
            served.len()
        ));
    }
    lines.extend(whose.iter().map(|owner| match (owner, whose.len()) {
        (None, 1) => "# data plane: served always: no vrrp_instance has this address".to_owned(),
        (Some(owner), 1) => format!("# data plane: served while `{owner}` is MASTER"),
        (None, _) => "# data plane: addresses that no vrrp_instance has: served always".to_owned(),
        (Some(owner), _) => {
            format!("# data plane: addresses of `{owner}`: served while it is MASTER")
        }
    }));
    lines
}

/// Who gets new flows, as a line; servers have the numbers of their places, from 0 on.
pub(super) fn schedule(service: &VirtualServer) -> String {
    let name = service.lb_algo.name();
    let table = first_table(service);
    match service.lb_algo {
        Scheduler::Rr | Scheduler::Wrr => {
            let turns = table.turns.iter().map(|it| slot(*it).to_string());
            let shown: Vec<String> = turns.take(16).collect();
            let (count, shown) = (table.turns.len(), shown.join(" "));
            let more = if count > 16 { " …" } else { "" };
            format!("# data plane: {count} turns of new flows, by server: {shown}{more}")
        }
        Scheduler::Sh | Scheduler::Dh | Scheduler::Mh => {
            let count = table.turns.len();
            format!("# data plane: new flows by `{name}`, a hash with {count} places")
        }
        Scheduler::Lc
        | Scheduler::Wlc
        | Scheduler::Lblc
        | Scheduler::Lblcr
        | Scheduler::Sed
        | Scheduler::Nq
        | Scheduler::Fo
        | Scheduler::Ovf
        | Scheduler::Twos => {
            let count = table.servers.len();
            format!("# data plane: new flows by `{name}`, {count} servers are compared")
        }
    }
}

/// The table that new flows are scheduled by while all servers are up.
fn first_table(service: &VirtualServer) -> Table {
    let servers = service.real_servers.iter().zip(0u16..);
    let mut candidates: Vec<Candidate> = servers
        .map(|(server, slot)| Candidate {
            slot,
            weight: server.weight,
            full_weight: server.weight,
            ..Candidate::default()
        })
        .collect();
    // The kernel's order, as everywhere.
    candidates.reverse();
    table(service.lb_algo, &candidates)
}

/// What the tables of all virtual servers that XDP may carry take of the kernel's memory, bytes, and
/// how many there are.
pub(crate) fn schedules(config: &Config) -> (usize, u64) {
    let services = config.virtual_servers.iter();
    let with_xdp = services.filter(|service| carrier(config, service).1);
    with_xdp.fold((0, 0), |(count, bytes), service| {
        let words = first_table(service).words().len() as u64;
        (count + 1, bytes + memory::array(words, 4))
    })
}
