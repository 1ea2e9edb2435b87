//! `lb_agent::net::ipvs` and `lb_agent::dataplane::ipvs` against the real kernel and the real
//! `ipvsadm`, every test in a namespace of its own. Where the kernel has no IPVS, `cargo xtask
//! test` runs this program in a guest.

mod agent;
mod checks;
mod client;
mod daemon;
mod dump;
mod ends;
mod ipvsadm;
mod kernel;
mod lives;
mod loader;
mod many;
mod mixed;
mod moving;
#[path = "../tunnels/network.rs"]
mod network;
mod nftables;
mod order;
mod plane;
mod refusals;
mod refused;
mod samples;
mod sctp;
mod synced;
#[path = "../timeline/mod.rs"]
mod timeline;
mod traffic;
mod tutorials;
#[path = "../without_bpf/mod.rs"]
mod without_bpf;
mod without_xdp;

use anyhow::Result;
use lb_tests::{Namespace, Need, skipped};

/// What a network with clients and servers needs where XDP does not serve.
pub(crate) const SITE: [Need; 6] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("ethtool"),
    Need::Program("nginx"),
    Need::Ipvs,
];

/// A namespace to work in; `None`: this machine cannot run the test, which has been said.
fn machine() -> Result<Option<Namespace>> {
    let needs = [
        Need::Root,
        Need::Namespaces,
        Need::Program("ip"),
        Need::Ipvs,
        Need::Program("ipvsadm"),
    ];
    if skipped(&needs) {
        return Ok(None);
    }
    Namespace::new("director").map(Some)
}
