//! What does not get through is told to who has sent it, in addresses that it knows: clients and servers
//! behind links that take less than their own interfaces do, and a port where nobody listens.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{LONG, Namespace, PATIENCE, http, needs, skipped, wait_until};

use super::streams::{echo_streams, stream};
use super::{Arms, CONFIGURATION, Network, SERVICE, machine};

/// What fits the narrow link, bytes.
const NARROW: u32 = 1300;

#[test]
fn a_client_of_ipv6_behind_a_narrow_link_gets_long_pages_of_nat_servers() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let network = Network::new(Arms::Two)?;
    let (client, router) = (machine("far")?, machine("router")?);
    router.sysctl("ipv6.conf.all.forwarding", "1")?;
    network.outside.plug(&router, "near", "2001:db8::fe/64")?;
    narrow_link(&router, &client, "2001:db8:2")?;
    client.ip("-6 route add default via 2001:db8:2::1")?;
    network
        .director
        .ip("-6 route add 2001:db8:2::/64 via 2001:db8::fe")?;
    let target = SocketAddr::from((SERVICE, 80));
    // Both servers have to learn it, each by itself.
    for number in 0..4 {
        let page = client.enter(|| http::long_page(target, PATIENCE));
        let length = page.with_context(|| format!("page {number}: {}", network.agent.log()))?;
        ensure!(length > LONG, "page {number}: {length} bytes");
    }
    for server in &network.servers {
        let learnt = server.ip("-6 route get 2001:db8:2::2")?;
        ensure!(learnt.contains(&format!("mtu {NARROW}")), "{learnt}");
    }
    Ok(())
}

#[test]
fn a_server_of_ipv6_behind_a_narrow_link_gets_a_long_stream() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let router = machine("router")?;
    router.sysctl("ipv6.conf.all.forwarding", "1")?;
    let behind = CONFIGURATION.replace("fd00:1::11 9009", "fd00:2::2 9009");
    let narrow = machine("narrow")?;
    let network = Network::build(Arms::Two, &behind, |director, _, switch| {
        switch.plug(&router, "near", "fd00:1::fe/64")?;
        narrow_link(&router, &narrow, "fd00:2")?;
        router.ip("-6 route add default via fd00:1::1")?;
        // It sends no more than fits, and says that it takes more.
        narrow.ip(&format!(
            "-6 route add default via fd00:2::1 mtu {NARROW} advmss 1440"
        ))?;
        director.ip("-6 route add fd00:2::/64 via fd00:1::fe")?;
        Ok(())
    })?;
    network.wait_for_servers(super::USES)?;
    echo_streams(&narrow)?;
    let came = network.client.enter(|| stream(1 << 20));
    came.with_context(|| network.agent.log())?;
    // The router's word about the server has come in the name of the service.
    let learnt = network.client.ip(&format!("-6 route get {SERVICE}"))?;
    ensure!(learnt.contains(&format!("mtu {NARROW}")), "{learnt}");
    Ok(())
}

/// A narrow way of a machine to its router, which has an interface more.
fn narrow_link(router: &Namespace, machine: &Namespace, prefix: &str) -> Result<()> {
    router.ip(&format!(
        "link add name away type veth peer name eth0 netns {}",
        machine.name()
    ))?;
    for (machine, interface, host) in [(router, "away", 1), (machine, "eth0", 2)] {
        machine.ip(&format!(
            "address add {prefix}::{host}/64 dev {interface} nodad"
        ))?;
        machine.ip(&format!("link set dev {interface} up"))?;
        machine.run(Command::new("ethtool").args(["-K", interface, "tx", "off"]))?;
    }
    router.ip(&format!("link set dev away mtu {NARROW}"))?;
    Ok(())
}

/// The server's word about the client's datagram is no word about anything that the client has sent, unless
/// the director translates it.
#[test]
fn a_client_of_ipv6_hears_that_nobody_listens_at_the_server() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for arms in [Arms::Two, Arms::One] {
        let network = Network::new(arms)?;
        let refused = network.client.enter(|| {
            let socket = UdpSocket::bind("[::]:0")?;
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            socket.connect(SocketAddr::from((SERVICE, 54)))?;
            let refused = wait_until(PATIENCE, || {
                // The error of one may be told when the next one is sent.
                let said = socket.send(b"?").and_then(|_| socket.recv(&mut [0; 9]));
                (said.err()?.kind() == ErrorKind::ConnectionRefused).then_some(())
            });
            Ok(refused)
        })?;
        ensure!(refused.is_some(), "{arms:?}: {}", network.agent.log());
    }
    Ok(())
}
