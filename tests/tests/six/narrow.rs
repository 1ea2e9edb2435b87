//! A client behind a link that takes less than its own interface does.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{LONG, Namespace, http, needs, skipped};

use super::{CONFIGURATION, Network, PATIENCE, SERVICE};

/// The router on the way to the client tells the virtual address what fits, and the server that sent what
/// does not has to hear of it: without that it would send it again and again.
#[test]
fn a_client_of_ipv6_behind_a_narrow_link_gets_a_long_page() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new(CONFIGURATION)?;
    let (client, _router) = behind_a_narrow_link(&network)?;
    let target = SocketAddr::from((SERVICE, 80));
    // Both servers have to learn it, each by itself.
    for number in 0..4 {
        let page = client.enter(|| http::long_page(target, PATIENCE));
        let length = page.with_context(|| format!("page {number}: {}", network.agent.log()))?;
        ensure!(length > LONG, "page {number}: {length} bytes");
    }
    Ok(())
}

/// A client behind a router. Its own interface takes what the router's does not let through, so it
/// promises its peer too much.
fn behind_a_narrow_link(network: &Network) -> Result<(Namespace, Namespace)> {
    let (client, router) = (Namespace::new("far")?, Namespace::new("router")?);
    for machine in [&client, &router] {
        machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
        machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
    }
    router.sysctl("ipv6.conf.all.forwarding", "1")?;
    network.segment.plug(&router, "near", "2001:db8::fe/64")?;
    router.ip(&format!(
        "link add name away type veth peer name eth0 netns {}",
        client.name()
    ))?;
    for (machine, interface, host) in [(&router, "away", 1), (&client, "eth0", 2)] {
        machine.ip(&format!(
            "address add 2001:db8:2::{host}/64 dev {interface} nodad"
        ))?;
        machine.ip(&format!("link set dev {interface} up"))?;
        machine.run(Command::new("ethtool").args(["-K", interface, "tx", "off"]))?;
    }
    router.ip("link set dev away mtu 1300")?;
    client.ip("-6 route add default via 2001:db8:2::1")?;
    for server in &network.servers {
        server.ip("-6 route add default via 2001:db8::fe")?;
    }
    Ok((client, router))
}
