//! A client whose path is narrower than the servers': the router there tells the virtual address that
//! a packet does not fit, and the server that sent it has to hear of it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{
    Cluster, LONG, Layout, Mode, Namespace, PATIENCE, configurations, http, needs, skipped,
};

/// What fits the last link, bytes.
const NARROW: u32 = 1300;
/// Without the error the server would send the first long segment again and again.
const LIMIT: Duration = Duration::from_secs(5);

/// The router to the client.
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 159, 254);

#[test]
fn a_client_behind_a_narrow_link_gets_a_long_page() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let mut cluster = Cluster::new(Layout::demo(mode), configurations::demo(mode))?;
        let (client, _router) = behind_a_narrow_link(&cluster)?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.probe()?;
        let target = cluster.site.service();
        // Both servers have to learn it, each by itself.
        for _ in 0..4 {
            let page = client.enter(|| http::long_page(target, LIMIT));
            let length = page.with_context(|| format!("{mode}"))?;
            assert!(length > LONG, "{mode}: {length} bytes");
        }
        for server in &cluster.site.servers {
            let learnt = server.ip("route get 10.9.9.2")?;
            assert!(
                learnt.contains(&format!("mtu {NARROW}")),
                "{mode}: {learnt}"
            );
        }
    }
    Ok(())
}

/// The path to the servers is narrower than the director's own link: a router there tells the
/// director that its tunnel does not fit, which has to tell the client.
#[test]
fn a_tunnel_through_a_narrow_link_carries_a_long_question() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mode = Mode::Tun;
    let mut cluster = Cluster::new(Layout::demo(mode), configurations::demo(mode))?;
    let router = Namespace::new("router")?;
    let site = &cluster.site;
    site.outside
        .plug(&router, "near", &format!("{ROUTER}/24"))?;
    router.sysctl("ipv4.ip_forward", "1")?;
    router.sysctl("ipv4.conf.all.send_redirects", "0")?;
    router.sysctl("ipv4.conf.near.send_redirects", "0")?;
    for server in site.layout.servers {
        router.ip(&format!("route add {server}/32 dev near mtu lock {NARROW}"))?;
        site.directors[0].ip(&format!("route add {server}/32 via {ROUTER}"))?;
    }
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    let target = cluster.site.service();
    // Both servers' paths have to be learnt.
    for _ in 0..4 {
        let answer = cluster.site.client.enter(|| ask_at_length(target));
        let answer = answer?;
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            answer.escape_ascii()
        );
    }
    Ok(())
}

/// The answer to a question that fills several packets.
fn ask_at_length(target: SocketAddr) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&target, PATIENCE).context("no connection")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let filler = "x".repeat(6000);
    stream.write_all(format!("GET / HTTP/1.0\r\nX-Filler: {filler}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .context("the question does not come through")?;
    Ok(answer)
}

/// A client behind a router. Its own interface takes what the router's does not let through, so it
/// promises its peer too much.
fn behind_a_narrow_link(cluster: &Cluster) -> Result<(Namespace, Namespace)> {
    let (client, router) = (Namespace::new("far")?, Namespace::new("router")?);
    let site = &cluster.site;
    site.outside
        .plug(&router, "near", &format!("{ROUTER}/24"))?;
    router.ip(&format!(
        "link add name away type veth peer name eth0 netns {}",
        client.name()
    ))?;
    for (machine, interface, host) in [(&router, "away", 1), (&client, "eth0", 2)] {
        machine.ip(&format!("address add 10.9.9.{host}/24 dev {interface}"))?;
        machine.ip(&format!("link set dev {interface} up"))?;
        machine.run(Command::new("ethtool").args(["-K", interface, "tx", "off"]))?;
    }
    router.ip(&format!("link set dev away mtu {NARROW}"))?;
    router.sysctl("ipv4.ip_forward", "1")?;
    client.ip("route add default via 10.9.9.1")?;
    // Whose default route leads there: the servers', but in NAT mode they answer through a director.
    let nat = site.layout.mode == Mode::Nat;
    let senders = if nat { &site.directors } else { &site.servers };
    for machine in senders {
        machine.ip(&format!("route add default via {ROUTER}"))?;
    }
    Ok((client, router))
}
