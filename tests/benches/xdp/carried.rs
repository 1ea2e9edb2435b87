//! What XDP carries, as the agent sees it: a case that it leaves to IPVS has no row.

use std::path::Path;

use lb_agent::config::model::Forwarding;
use lb_agent::config::{Memory, load};
use lb_agent::dataplane::choice::fit::fit;

use crate::scenario::Family;

/// Whether XDP serves TCP of this family with this `lb_kind`.
pub(crate) fn is_carried(family: Family, method: Forwarding) -> bool {
    let [service, server] = match family {
        Family::Ipv4 => ["192.0.2.1", "198.51.100.1"],
        Family::Ipv6 => ["2001:db8::1", "2001:db8:1::1"],
    };
    let method = match method {
        Forwarding::Dr => "DR",
        Forwarding::Tun => "TUN",
        Forwarding::Nat => "NAT",
    };
    let text = format!(
        "virtual_server {service} 80 {{\nlb_algo rr\nlb_kind {method}\nprotocol TCP\n\
         real_server {server} 80 {{\n}}\n}}\n"
    );
    let loaded = load(
        &Memory::default().with("/bench", text.as_str()),
        Path::new("/bench"),
    );
    loaded.config.virtual_servers.iter().all(|service| {
        let fit = fit(&loaded.config, service);
        fit.cannot.is_empty() && fit.lacks.is_empty()
    })
}
