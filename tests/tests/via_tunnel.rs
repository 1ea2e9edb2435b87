//! `xdp_check_via_tunnel` against real servers that have the virtual address, lack it, or give it
//! away, asked by a director that holds it itself and by one that does not; over IPv4 and over IPv6.

#[path = "via_tunnel/six.rs"]
mod six;

use std::time::Duration;

use anyhow::Result;
use lb_tests::{Agent, Layout, Mode, Site, needs, skipped};

/// Several loops, and time-outs of a second.
const PATIENCE: Duration = Duration::from_secs(20);

fn site(mode: Mode) -> Result<Option<Site>> {
    if skipped(&needs::SITE) {
        return Ok(None);
    }
    Site::new(Layout::demo(mode)).map(Some)
}

/// A director whose servers are asked for the virtual address; `master`: it holds that itself.
fn director(site: &Site, master: bool) -> Result<Agent> {
    let (vip, servers) = (site.layout.virtual_address, site.layout.servers);
    let mode = site.layout.mode;
    if master {
        let interface = site.layout.outside.interface;
        site.directors[0].ip(&format!("address add {vip}/32 dev {interface}"))?;
    }
    let servers = servers.map(|server| {
        format!(" real_server {server} 80 {{\n  TCP_CHECK {{\n   xdp_check_via_tunnel\n  }}\n }}\n")
    });
    let text = format!(
        "virtual_server {vip} 80 {{\n delay_loop 0.3\n warmup 0\n connect_timeout 1\n retry 0\n \
         lb_algo rr\n lb_kind {mode}\n protocol TCP\n alpha\n{}}}\n",
        servers.concat()
    );
    Agent::start(&site.directors[0], &text)
}

/// What the log says from here on.
fn from_now(agent: &mut Agent, line: &str) -> Result<()> {
    let position = agent.log().len();
    agent.wait_for_after(position, line, PATIENCE)
}

#[test]
fn a_server_without_the_virtual_address_on_lo_is_down_and_comes_up_with_it() -> Result<()> {
    for master in [true, false] {
        let Some(site) = site(Mode::Dr)? else {
            return Ok(());
        };
        let vip = site.layout.virtual_address;
        let lo = format!("{vip}/32 dev lo");
        site.servers[1].ip(&format!("address delete {lo}"))?;
        let mut agent = director(&site, master)?;
        agent.wait_for(
            "TCP connection to [192.168.159.105]:tcp:80 success.",
            PATIENCE,
        )?;
        agent.wait_for(
            &format!(
                "TCP_CHECK on service [192.168.159.106]:tcp:80 failed. no answer from {vip}:80 \
                 within 1s: is it on the server's lo?."
            ),
            PATIENCE,
        )?;
        site.servers[1].ip(&format!("address add {lo}"))?;
        from_now(
            &mut agent,
            "TCP connection to [192.168.159.106]:tcp:80 success.",
        )?;
        site.servers[0].ip(&format!("address delete {lo}"))?;
        from_now(
            &mut agent,
            "TCP_CHECK on service [192.168.159.105]:tcp:80 failed. no answer from",
        )?;
        let log = agent.log();
        assert!(!log.contains("106]:tcp:80 from VS"), "{log}");
    }
    Ok(())
}

#[test]
fn a_server_that_answers_arp_for_the_virtual_address_is_said_so() -> Result<()> {
    let Some(site) = site(Mode::Dr)? else {
        return Ok(());
    };
    site.servers[0].sysctl("ipv4.conf.all.arp_ignore", "0")?;
    let mut agent = director(&site, true)?;
    agent.wait_for(
        "TCP_CHECK on service [192.168.159.105]:tcp:80 failed. the server answers ARP for \
         192.168.159.200 (it is at ",
        PATIENCE,
    )?;
    agent.wait_for(
        "TCP connection to [192.168.159.106]:tcp:80 success.",
        PATIENCE,
    )?;
    site.servers[0].sysctl("ipv4.conf.all.arp_ignore", "1")?;
    from_now(
        &mut agent,
        "TCP connection to [192.168.159.105]:tcp:80 success.",
    )
}

#[test]
fn a_server_where_nobody_listens_refuses_and_one_that_is_gone_does_not_answer_arp() -> Result<()> {
    let Some(mut site) = site(Mode::Dr)? else {
        return Ok(());
    };
    drop(site.web[0].take());
    site.servers[1].ip("link set eth0 down")?;
    let mut agent = director(&site, true)?;
    agent.wait_for(
        "TCP_CHECK on service [192.168.159.105]:tcp:80 failed. the server refuses connections to \
         192.168.159.200:80.",
        PATIENCE,
    )?;
    agent.wait_for(
        "TCP_CHECK on service [192.168.159.106]:tcp:80 failed. the server does not answer ARP \
         within 1s.",
        PATIENCE,
    )
}

#[test]
fn in_tun_mode_the_packet_comes_in_a_tunnel() -> Result<()> {
    let Some(site) = site(Mode::Tun)? else {
        return Ok(());
    };
    let vip = site.layout.virtual_address;
    site.servers[1].ip(&format!("address delete {vip}/32 dev lo"))?;
    let mut agent = director(&site, true)?;
    agent.wait_for(
        "TCP connection to [192.168.159.105]:tcp:80 success.",
        PATIENCE,
    )?;
    agent.wait_for(
        &format!(
            "TCP_CHECK on service [192.168.159.106]:tcp:80 failed. no answer from {vip}:80 within \
             1s: is it on the server's tunnel interface, is that up, and is rp_filter 0 there?"
        ),
        PATIENCE,
    )?;
    // Nothing takes packets out of the tunnel any more.
    site.servers[0].ip("link set eth0 xdp off")?;
    from_now(
        &mut agent,
        "TCP_CHECK on service [192.168.159.105]:tcp:80 failed. no answer from",
    )
}
