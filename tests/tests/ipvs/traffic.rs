//! Requests of a client through what we have programmed.

use std::process::Command;

use anyhow::Result;
use lb_agent::dataplane::ipvs::desired::{Desired, Server, Service};
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_agent::net::ipvs::{
    Checksum, Family, Forwarding, Persistence, Protocol, Service as Settings, ServiceKey, Tunnel,
};
use lb_tests::http::Tally;
use lb_tests::{Layout, Mode, Need, Site, skipped};

use crate::samples::{plain, server};

/// A network whose first director has the virtual address; `None`: this machine cannot run the
/// test, which has been said.
pub(crate) fn site(mode: Mode) -> Result<Option<Site>> {
    if skipped(&crate::SITE) {
        return Ok(None);
    }
    let site = Site::new(Layout::demo(mode))?;
    let (layout, [director, _]) = (&site.layout, &site.directors);
    let (vip, outside) = (layout.virtual_address, layout.outside.interface);
    director.ip(&format!("address add {vip}/24 dev {outside}"))?;
    if let Some(inside) = layout.inside {
        director.ip(&format!(
            "address add {}/24 dev {}",
            layout.gateway, inside.interface
        ))?;
    }
    Ok(Some(site))
}

fn web(site: &Site) -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: site.layout.virtual_address.into(),
        port: 80,
    }
}

/// Has the director serve `settings` with both servers, of these weights.
fn program(site: &Site, settings: Settings, weights: [u32; 2]) -> Result<()> {
    let forwarding = match site.layout.mode {
        Mode::Dr => Forwarding::Route,
        Mode::Tun => Forwarding::Tunnel(Tunnel::IpIp),
        Mode::Nat => Forwarding::Masquerade,
    };
    program_by(site, settings, forwarding, weights)
}

fn program_by(
    site: &Site,
    settings: Settings,
    forwarding: Forwarding,
    weights: [u32; 2],
) -> Result<()> {
    let servers = site
        .layout
        .servers
        .iter()
        .zip(weights)
        .map(|(address, weight)| {
            let mut destination = server(*address, forwarding);
            destination.weight = weight;
            Server {
                destination,
                sorry: false,
            }
        });
    let desired = Desired {
        services: vec![Service {
            settings,
            servers: servers.collect(),
        }],
    };
    let outcome = site.directors[0].enter(|| Ok(Plane::open()?.apply(&desired)?))?;
    assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    Ok(())
}

/// Who has served so many requests, as `[rs1, rs2]`; none may fail.
fn served(site: &Site, requests: usize) -> Result<[usize; 2]> {
    let target = site.service();
    let tally = site
        .client
        .enter(|| Ok(Tally::of(requests, target, None)))?;
    assert_eq!(tally.failures, Vec::<String>::new());
    Ok(["rs1", "rs2"].map(|name| tally.from(name)))
}

fn every_other_request_goes_to_each_server(mode: Mode) -> Result<()> {
    let Some(site) = site(mode)? else {
        return Ok(());
    };
    program(&site, plain(web(&site), "rr"), [1, 1])?;
    assert_eq!(served(&site, 8)?, [4, 4]);
    Ok(())
}

#[test]
fn dr_serves_every_other_request_by_each_server_and_weight_zero_gets_none() -> Result<()> {
    let Some(site) = site(Mode::Dr)? else {
        return Ok(());
    };
    program(&site, plain(web(&site), "wrr"), [3, 1])?;
    assert_eq!(served(&site, 8)?, [6, 2]);
    program(&site, plain(web(&site), "wrr"), [0, 1])?;
    assert_eq!(served(&site, 4)?, [0, 4]);
    Ok(())
}

#[test]
fn tun_serves_every_other_request_by_each_server() -> Result<()> {
    every_other_request_goes_to_each_server(Mode::Tun)
}

/// Whether the kernel has all these modules.
fn are_loaded(modules: &[&str]) -> bool {
    let mut modprobe = Command::new("modprobe");
    let outcome = modprobe.arg("-a").args(modules).output();
    outcome.is_ok_and(|it| it.status.success())
}

/// Requests through a tunnel whose other end `commands` of ip(8) make at the server, which is `{}`. The
/// server needs `modules` for it.
#[expect(
    clippy::print_stdout,
    reason = "this line is how a test says that it did not run"
)]
fn tunnelled(modules: &[&str], tunnels: [Tunnel; 2], commands: &[&str]) -> Result<()> {
    let Some(site) = site(Mode::Dr)? else {
        return Ok(());
    };
    let are_there = are_loaded(modules);
    for (machine, address) in site.servers.iter().zip(site.layout.servers) {
        for name in ["all", "default"] {
            machine.sysctl(&format!("ipv4.conf.{name}.rp_filter"), "0")?;
        }
        for command in commands {
            let command = command.replace("{}", &address.to_string());
            let made = machine.ip(&command);
            // A kernel may have them without modules.
            if let (Err(error), false) = (&made, are_there) {
                println!("skipped: this kernel has no end for such a tunnel: {error:#}");
                return Ok(());
            }
            made?;
        }
    }
    for tunnel in tunnels {
        let settings = plain(web(&site), "rr");
        program_by(&site, settings, Forwarding::Tunnel(tunnel), [1, 1])?;
        assert_eq!(served(&site, 4)?, [2, 2], "{tunnel:?}");
    }
    Ok(())
}

#[test]
fn tunnels_of_gue_end_at_the_servers() -> Result<()> {
    let with = |checksum| Tunnel::Gue {
        port: 6080,
        checksum,
    };
    tunnelled(
        // Nobody loads the first by itself.
        &["fou", "ipip"],
        [Checksum::None, Checksum::Full].map(with),
        &[
            "fou add port 6080 gue",
            "link add name inner type ipip local {}",
            "link set inner up",
        ],
    )
}

#[test]
fn tunnels_of_gre_end_at_the_servers() -> Result<()> {
    let with = |checksum| Tunnel::Gre { checksum };
    // Each has its end: one takes no checksums, the other wants them.
    tunnelled(
        &["ip_gre"],
        [Checksum::None, Checksum::None].map(with),
        &["link add name inner type gre local {}", "link set inner up"],
    )?;
    tunnelled(
        &["ip_gre"],
        [Checksum::Full, Checksum::Full].map(with),
        &[
            "link add name inner type gre local {} icsum",
            "link set inner up",
        ],
    )
}

#[test]
fn nat_serves_every_other_request_by_each_server() -> Result<()> {
    every_other_request_goes_to_each_server(Mode::Nat)
}

#[test]
fn a_persistent_client_keeps_its_server() -> Result<()> {
    let Some(site) = site(Mode::Dr)? else {
        return Ok(());
    };
    let settings = Settings {
        persistence: Some(Persistence {
            timeout: 50,
            granularity: Family::V4.finest(),
        }),
        ..plain(web(&site), "rr")
    };
    program(&site, settings, [1, 1])?;
    let served = served(&site, 6)?;
    assert!(served.contains(&6), "{served:?}");
    Ok(())
}

/// The operator's rule, as the tutorials have it: iptables marks what belongs together.
pub(crate) fn mark(site: &Site, port: u16, mark: u32) -> Result<()> {
    let vip = site.layout.virtual_address;
    let rule =
        format!("-t mangle -A PREROUTING -d {vip} -p tcp --dport {port} -j MARK --set-mark {mark}");
    let mut iptables = Command::new("iptables-legacy");
    site.directors[0].run(iptables.args(rule.split_whitespace()))?;
    Ok(())
}

#[test]
fn a_mark_of_the_operators_firewall_is_served() -> Result<()> {
    if skipped(&[Need::Program("iptables-legacy")]) {
        return Ok(());
    }
    let Some(site) = site(Mode::Dr)? else {
        return Ok(());
    };
    mark(&site, 80, 7)?;
    let key = ServiceKey::Mark {
        mark: 7,
        family: Family::V4,
    };
    program(&site, plain(key, "rr"), [1, 1])?;
    assert_eq!(served(&site, 6)?, [3, 3]);
    Ok(())
}
