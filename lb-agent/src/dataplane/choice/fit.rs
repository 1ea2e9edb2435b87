//! What XDP can do for a virtual server, as far as the configuration tells. Pure.

use std::net::IpAddr;

use lb_common::limits::MAX_SERVICES;

use crate::config::model::{
    AddressKey, Config, Forwarding, Protocol, Served, Tunnel, VirtualServer,
};

/// What is in the way of XDP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Why XDP cannot serve it. Each is a sentence's rest: "XDP cannot serve this: …".
    pub cannot: Vec<String>,
    /// What XDP would serve it without: "XDP has no …".
    pub lacks: Vec<String>,
}

/// What is in the way of XDP for a virtual server of `config`.
pub fn fit(config: &Config, server: &VirtualServer) -> Fit {
    Fit {
        cannot: cannot(config, server),
        lacks: lacks(server),
    }
}

fn cannot(config: &Config, server: &VirtualServer) -> Vec<String> {
    let served = config.served(server);
    let mut why = Vec::new();
    let mut say = |is: bool, text: &str| {
        if is {
            why.push(text.to_owned());
        }
    };
    let mark = |it: &Served| matches!(it, Served::Fwmark(_));
    say(
        served.iter().any(mark),
        "it sees a packet before a firewall marks it",
    );
    let addresses = || {
        served.iter().filter_map(|it| match it {
            Served::Address(key) => Some(key),
            Served::Fwmark(_) => None,
        })
    };
    let is_ipv6 = addresses().any(|key| key.address.is_ipv6());
    // The servers of a group are one pool, and a pool is of one family.
    say(
        is_ipv6 && addresses().any(|key| key.address.is_ipv4()),
        "its group has addresses of both families",
    );
    let is_sctp = addresses().any(|key| key.protocol == Protocol::Sctp);
    say(
        is_sctp && is_ipv6 && server.uses(Forwarding::Nat),
        "it translates no SCTP over IPv6",
    );
    let other_tunnels = is_ipv6
        || servers(server).any(|address| address.is_ipv6())
        || server.tunnels().any(|it| it != Tunnel::Ipip);
    say(
        is_sctp && server.uses(Forwarding::Tun) && other_tunnels,
        "it serves SCTP in no tunnel but that of IPv4 in IPv4",
    );
    let of_a_link = |key: &AddressKey| match key.address {
        IpAddr::V6(address) => address.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    say(
        addresses().any(of_a_link),
        "it serves no link-local address",
    );
    // A program would have to tell them from those of IPv4 wherever an address is read.
    say(
        addresses().any(|key| is_mapped(key.address)) || servers(server).any(is_mapped),
        "it serves no address of IPv4 that is mapped into IPv6",
    );
    let all_ports = addresses().any(|key| key.port == 0);
    say(
        all_ports && server.uses(Forwarding::Nat),
        "it does not serve all ports of an address in NAT mode",
    );
    // As in IPVS: which connections belong together is known by their client alone.
    say(
        all_ports && server.persistence_timeout.is_none(),
        "it serves all ports of an address only with `persistence_timeout`",
    );
    why.extend(too_many(config, server));
    why
}

/// A group whose addresses and ports have no room in the tables.
fn too_many(config: &Config, server: &VirtualServer) -> Option<String> {
    const MOST: u128 = MAX_SERVICES as u128 - 1;
    let count = config.would_serve(server);
    (count > MOST).then(|| {
        format!("its group has {count} addresses and ports, and it has room for {MOST} in all")
    })
}

/// `::ffff:192.0.2.1` and its like (RFC 4291 2.5.5.2).
const fn is_mapped(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    }
}

fn lacks(server: &VirtualServer) -> Vec<String> {
    let mut what = Vec::new();
    if server.ops && server.uses(Forwarding::Nat) {
        what.push("`ops` in NAT mode".to_owned());
    }
    if server.persistence_engine.is_some() {
        what.push("`persistence_engine`".to_owned());
    }
    what
}

/// The addresses of the real servers and the sorry server.
fn servers(server: &VirtualServer) -> impl Iterator<Item = IpAddr> {
    let sorry = server.sorry_server.map(|sorry| sorry.address);
    let real = server.real_servers.iter().map(|it| it.key.address);
    real.chain(sorry)
}
