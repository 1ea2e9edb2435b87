//! The harness itself: a network without directors at work must do what the tests take for
//! granted.

use std::time::Duration;

use anyhow::{Context, Result};
use etherparse::PacketBuilder;
use lb_tests::http::{Tally, get};
use lb_tests::{Capture, Layout, Mode, Need, Site, WebServer, needs, skipped};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

#[test]
fn a_real_server_answers_for_the_virtual_address_that_it_hides() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Dr))?;
    let target = site.service();
    let unanswered = site
        .client
        .enter(|| get(target, None, Duration::from_millis(300)));
    assert!(
        unanswered.is_err(),
        "a real server has answered ARP: {unanswered:?}"
    );
    for (server, name) in site.layout.servers.iter().zip(["rs1", "rs2"]) {
        site.client
            .ip(&format!("route replace {}/32 via {server}", target.ip()))?;
        let tally = site.client.enter(|| Ok(Tally::of(20, target, None)))?;
        assert_eq!(tally.failures, Vec::<String>::new());
        assert_eq!(tally.from(name), 20);
        assert_eq!(tally.clients[&site.layout.client.into()], 20);
    }
    Ok(())
}

#[test]
fn a_real_server_unpacks_what_comes_through_a_tunnel() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Tun))?;
    let (client, server) = (site.layout.client, site.layout.servers[0]);
    let virtual_address = site.layout.virtual_address;
    let capture = Capture::start(site.outside.namespace(), "client", "out", "icmp")?;
    let mut inner = Vec::new();
    PacketBuilder::ipv4(client.octets(), virtual_address.octets(), 64)
        .icmpv4_echo_request(7, 1)
        .write(&mut inner, b"through the tunnel")?;
    site.directors[0].enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(4)))?;
        socket.send_to(
            &inner,
            &SockAddr::from(std::net::SocketAddr::from((server, 0))),
        )?;
        Ok(())
    })?;
    capture.wait_for(Duration::from_secs(5), |frames| {
        frames
            .iter()
            .any(|frame| frame.bytes.ends_with(b"through the tunnel"))
    })?;
    let frames = capture.finish()?;
    let reply = frames.first().context("the frame is gone")?;
    assert_eq!(reply.bytes[26..30], virtual_address.octets());
    assert_eq!(reply.bytes[30..34], client.octets());
    Ok(())
}

#[test]
fn a_web_server_that_is_dropped_is_gone_and_one_can_fail_on_purpose() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut site = Site::new(Layout::demo(Mode::Dr))?;
    let server = (site.layout.servers[0], 80).into();
    let ask = |site: &Site| {
        site.client
            .enter(|| get(server, None, Duration::from_secs(2)))
    };
    assert_eq!(ask(&site)?.server, "rs1");
    site.web[0] = None;
    assert!(ask(&site).is_err());
    site.web[0] = Some(WebServer::start(&site.servers[0], "rs1", 503)?);
    assert!(ask(&site).unwrap_err().to_string().contains("503"));
    Ok(())
}

#[test]
fn nothing_remains_of_a_network_that_is_dropped() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Nat))?;
    let name = site.client.name().to_owned();
    let path = std::path::Path::new("/run/netns").join(&name);
    assert!(path.exists());
    drop(site);
    assert!(!path.exists());
    Ok(())
}
