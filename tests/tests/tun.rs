//! Tunnels: the client's packet reaches the real server in another one.

use std::net::IpAddr;

use anyhow::Result;
use lb_tests::{Capture, Cluster, Layout, Mode, Need, configurations, needs, skipped};

/// Protocol number of IPv4 in IPv4.
const IPIP: u8 = 4;

#[test]
fn three_hundred_requests_reach_the_servers_in_tunnels_and_none_fails() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let layout = Layout::demo(Mode::Tun);
    let cluster = Cluster::at_work(layout, configurations::demo(Mode::Tun))?;
    let wire = cluster.site.outside.namespace();
    let tunnel = Capture::start(wire, "rs1", "out", "ip proto 4")?;
    let bare = format!("tcp and dst host {}", layout.virtual_address);
    let bare = Capture::start(wire, "rs1", "out", &bare)?;
    let tally = cluster.requests(300)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    // A packet that was lost comes again after a second.
    assert!(tally.slowest.as_millis() < 900, "{tally:?}");
    assert!(tally.from("rs1").abs_diff(150) <= 3, "{tally:?}");
    assert_eq!(tally.clients[&IpAddr::V4(layout.client)], 300);

    assert_eq!(bare.finish()?, [], "a packet came without a tunnel");
    let frames = tunnel.finish()?;
    // A request is SYN, ACK, the question, and the end from the client's side.
    assert!(
        frames.len() >= 4 * tally.from("rs1"),
        "{} frames",
        frames.len()
    );
    for frame in frames {
        let (outer, inner) = frame.bytes[14..].split_at(20);
        assert_eq!(outer[9], IPIP);
        assert_eq!(
            outer[12..16],
            layout.outside.directors[0].octets(),
            "outer source"
        );
        assert_eq!(
            outer[16..20],
            layout.servers[0].octets(),
            "outer destination"
        );
        assert_eq!(inner[12..16], layout.client.octets(), "inner source");
        assert_eq!(
            inner[16..20],
            layout.virtual_address.octets(),
            "inner destination"
        );
    }
    Ok(())
}
