//! What our VRRP thread does to a real kernel: routes, rules, packet filters, VMACs, static
//! addresses; what somebody else removes; two masters that do not hear each other.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipnet::IpNet;
use lb_agent::config::model::{NextHop, Route, Rule, RuleAction};
use lb_agent::net::netlink::Connection;
use lb_agent::net::nft;
use lb_agent::net::virtual_link::VirtualKind;
use lb_agent::vrrp::State;
use lb_agent::vrrp::instance::Rival;
use lb_agent::vrrp::settings::{Filter, VirtualAddress, VirtualRouter, Vmac};
use lb_tests::{Namespace, Need, skipped, wait_until};
use pair::{Ours, PATIENCE, Pair, VIP, alone};

#[path = "vrrp_peers/adverts.rs"]
#[expect(dead_code, reason = "shared with another test")]
mod adverts;
#[path = "vrrp_peers/pair.rs"]
#[expect(dead_code, reason = "shared with another test")]
mod pair;
#[path = "vrrp_effects/placing.rs"]
mod placing;
#[path = "vrrp_effects/refused.rs"]
mod refused;
#[path = "vrrp_peers/tshark.rs"]
mod tshark;
#[path = "vrrp_effects/vmacs.rs"]
mod vmacs;

/// `NETLINK_NETFILTER`
const NETLINK_NETFILTER: isize = 12;

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Program("ip")];

fn master(pair: &Pair, change: impl Fn(&mut VirtualRouter)) -> Result<Ours> {
    let ours = pair.ours_as(100, "", &[VIP], change)?;
    ours.wait_for_state(State::Master)?;
    Ok(ours)
}

/// Waits until `ip ARGUMENTS` prints this, or does not.
fn wait_for(machine: &Namespace, arguments: &str, text: &str, there: bool) -> Result<()> {
    let seen = || machine.ip(arguments).is_ok_and(|it| it.contains(text));
    wait_until(PATIENCE, || (seen() == there).then_some(()))
        .with_context(|| format!("{text} in `ip {arguments}`: not {there}"))
}

fn routed(router: &mut VirtualRouter) {
    let to = |to: &str, via: Option<&str>| Route {
        to: to.parse().ok(),
        table: Some(1000),
        nexthops: vec![NextHop {
            via: via.and_then(|via| via.parse().ok()),
            dev: Some("eth0".into()),
            weight: 1,
            onlink: false,
        }],
        ..Route::default()
    };
    router.virtual_routes = vec![
        to("192.0.2.0/24", Some("10.0.0.2")),
        to("2001:db8::/64", Some("fd00::2")),
    ];
    router.virtual_rules = vec![Rule {
        from: "198.51.100.0/24".parse().ok(),
        preference: Some(4242),
        action: RuleAction::Table(1000),
        ..Rule::default()
    }];
}

#[test]
fn routes_and_rules_come_with_the_master_are_put_back_and_go() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    let ours = master(&pair, routed)?;
    let route = "192.0.2.0/24 via 10.0.0.2 dev eth0 proto keepalived";
    wait_for(machine, "route show table 1000", route, true)?;
    wait_for(
        machine,
        "-6 route show table 1000",
        "2001:db8::/64 via fd00::2",
        true,
    )?;
    wait_for(machine, "rule show", "4242:", true)?;

    machine.ip("route flush table 1000")?;
    machine.ip("rule del pref 4242")?;
    wait_for(machine, "route show table 1000", route, true)?;
    wait_for(machine, "rule show", "4242:", true)?;
    ours.wait_until(|status| status.stats.routing_restored == 2)?;

    ours.stop();
    wait_for(machine, "route show table all", "192.0.2.0/24", false)?;
    wait_for(machine, "-6 route show table all", "2001:db8::", false)?;
    wait_for(machine, "rule show", "4242:", false)
}

#[test]
fn an_address_that_somebody_removes_is_back_at_once_with_all_its_options() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    let address: IpNet = "10.0.0.101/32".parse()?;
    let six: IpNet = "fd00::100/128".parse()?;
    let ours = master(&pair, |router| {
        router.virtual_ipaddress_excluded = vec![
            VirtualAddress {
                noprefixroute: true,
                preferred_lft: Some(Duration::ZERO),
                label: Some("eth0:vip".into()),
                ..VirtualAddress::new(address, "eth0")
            },
            VirtualAddress::new(six, "eth0"),
        ];
    })?;
    let shown = "scope global deprecated noprefixroute eth0:vip";
    wait_for(machine, "address show dev eth0", shown, true)?;
    wait_for(
        machine,
        "address show dev eth0",
        "fd00::100/128 scope global nodad deprecated",
        true,
    )?;
    machine.ip("address del 10.0.0.101/32 dev eth0")?;
    wait_for(machine, "address show dev eth0", shown, true)?;
    ours.wait_until(|status| status.stats.address_restored == 1)?;
    ours.stop();
    ensure!(!machine.has_address("10.0.0.101")? && !machine.has_address("fd00::100")?);
    Ok(())
}

#[test]
fn no_accept_lets_nobody_reach_the_address_and_leaves_no_table() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("ping")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let reaches = |address: &str| -> Result<bool> {
        pair.theirs_namespace().enter(|| {
            let mut ping = std::process::Command::new("ping");
            let output = ping
                .args(["-n", "-c", "2", "-i", "0.2", "-W", "1", address])
                .output()?;
            Ok(output.status.success())
        })
    };
    let six: IpNet = "fd00::100/64".parse()?;
    let with_six = move |router: &mut VirtualRouter| {
        router.virtual_ipaddress_excluded = vec![VirtualAddress::new(six, "eth0")];
    };
    let ours = master(&pair, with_six)?;
    ensure!(reaches(VIP)? && reaches("fd00::100")?, "accept");
    ours.stop();
    let ours = master(&pair, move |router| {
        with_six(router);
        router.accept = false;
        router.filter = Filter {
            table: "mine".into(),
            priority: 7,
            counters: true,
        };
    })?;
    ensure!(!reaches(VIP)? && !reaches("fd00::100")?, "no_accept");
    ensure!(
        reaches("10.0.0.1")? && reaches("fd00::1")?,
        "only the addresses"
    );
    if Need::Program("nft").is_met() {
        let rules = pair
            .ours_namespace()
            .run(std::process::Command::new("nft").args(["list", "ruleset"]))?;
        let table = "table ip mine.eth0.66.IPv4 {";
        let chain = "type filter hook input priority filter + 7;";
        let dropped = "ip daddr 10.0.0.100 counter packets 2 bytes";
        for part in [table, chain, dropped] {
            ensure!(rules.contains(part), "{part} in {rules}");
        }
    }
    // As a firewall that is started anew.
    pair.ours_namespace().enter(|| {
        let mut filters = Connection::with_protocol(NETLINK_NETFILTER)?;
        Ok(nft::unblock(&mut filters, "mine.eth0.66.IPv4")?)
    })?;
    ours.wait_until(|status| status.stats.filter_restored == 1)?;
    ensure!(!reaches(VIP)? && !reaches("fd00::100")?, "put back");
    rules_are_put_back(&pair, &ours)?;
    ensure!(!reaches(VIP)? && !reaches("fd00::100")?, "put back again");
    ours.stop();
    pair.ours_namespace()
        .ip("address add 10.0.0.100/32 dev eth0")?;
    ensure!(reaches(VIP)?, "the table is gone");
    Ok(())
}

/// Somebody deletes rules of our own table, or puts it to sleep: what is missing is back, and counted.
fn rules_are_put_back(pair: &Pair, ours: &Ours) -> Result<()> {
    if skipped(&[Need::Program("nft")]) {
        return Ok(());
    }
    let nft = |line: &str| {
        let mut nft = std::process::Command::new("nft");
        pair.ours_namespace().run(nft.arg("-a").arg(line))
    };
    let (four, six) = ("ip mine.eth0.66.IPv4", "ip6 mine.eth0.66.IPv4");
    let delete = |of: &str| -> Result<String> {
        let rules = nft(&format!("list table {six}"))?;
        let rule = rules.lines().find(|line| line.contains(of));
        let handle = rule.and_then(|line| line.rsplit("handle ").next());
        let handle = handle.with_context(|| format!("no {of} in {rules}"))?;
        Ok(format!("delete rule {six} in handle {handle}"))
    };
    let harm = |line: &str| -> Result<()> {
        let before = ours.status()?.stats.filter_restored;
        nft(line)?;
        ours.wait_until(|status| status.stats.filter_restored > before)
            .with_context(|| line.to_owned())
    };
    harm(&format!("flush chain {four} out"))?;
    harm(&delete("ip6 daddr fd00::100")?)?;
    harm(&delete("neighbour discovery")?)?;
    harm(&format!("add table {four} {{ flags dormant; }}"))?;
    let unharmed = ours.status()?.stats.filter_restored;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 3)?;
    ensure!(
        ours.status()?.stats.filter_restored == unharmed,
        "it is whole"
    );
    Ok(())
}

#[test]
fn a_vmac_answers_for_the_address_and_leaves_nothing_behind() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("ping")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    let setting = || {
        machine.enter(|| {
            Ok(std::fs::read_to_string(
                "/proc/sys/net/ipv4/conf/eth0/arp_ignore",
            )?)
        })
    };
    let before = setting()?;
    let ours = master(&pair, |router| {
        router.vmac = Some(Vmac {
            name: "vrrp.66".into(),
            naming: None,
            base: "eth0".into(),
            group: None,
            kind: VirtualKind::Macvlan([0, 0, 0x5e, 0, 1, 66]),
            xmit_base: false,
        });
        router.interface = "vrrp.66".into();
        for address in &mut router.virtual_ipaddress {
            address.dev = "vrrp.66".into();
        }
    })?;
    wait_for(machine, "address show dev vrrp.66", VIP, true)?;
    let set = || (setting().ok()?.trim() == "1").then_some(());
    wait_until(PATIENCE, set).context("a setting of the interface below")?;
    let theirs = pair.theirs_namespace();
    theirs.enter(|| {
        let mut ping = std::process::Command::new("ping");
        let output = ping.args(["-n", "-c", "1", "-W", "2", VIP]).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    })?;
    wait_for(theirs, "neighbour show", "00:00:5e:00:01:42", true)?;
    // Somebody removes it.
    machine.ip("link delete vrrp.66")?;
    wait_for(machine, "address show dev vrrp.66", VIP, true)?;
    ensure!(ours.status()?.stats.vmac_restored == 1);
    ours.stop();
    wait_for(machine, "link show", "vrrp.66", false)?;
    ensure!(setting()? == before);
    Ok(())
}

/// keepalived 2.2.7 makes the same interfaces of the same file.
#[test]
fn addresses_on_other_interfaces_have_vmacs_of_their_own_and_leave_nothing_behind() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    machine.ip("link add name eth1 type veth peer name far1")?;
    machine.ip("link set dev far1 up")?;
    machine.ip("link set dev eth1 up")?;
    let setting = |of: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{of}");
        machine.enter(|| Ok(std::fs::read_to_string(&path)?))
    };
    let before = (setting("eth1/arp_ignore")?, setting("eth1/arp_filter")?);
    let ours = pair.ours_from(
        "global_defs {\n vmac_prefix vm\n vmac_addr_prefix va\n}\nvrrp_instance VI_1 {\n \
         interface eth0\n virtual_router_id 66\n use_vmac_addr\n virtual_ipaddress {\n \
         10.0.0.100\n 10.1.0.100/24 dev eth1\n }\n virtual_ipaddress_excluded {\n \
         fd00::9/64 dev eth1\n }\n}\n",
    )?;
    ours.wait_for_state(State::Master)?;
    wait_for(machine, "address show dev va.66", "10.1.0.100/24", true)?;
    wait_for(machine, "link show dev va.66", "00:00:5e:00:01:42", true)?;
    wait_for(machine, "address show dev va6.66", "fd00::9/64", true)?;
    wait_for(machine, "link show dev va6.66", "00:00:5e:00:02:42", true)?;
    // No address of its own that could be chosen as a source.
    wait_for(machine, "address show dev va6.66", "fe80:", false)?;
    wait_for(machine, "address show dev eth0", VIP, true)?;
    let set = || (setting("eth1/arp_filter").ok()?.trim() == "1").then_some(());
    wait_until(PATIENCE, set).context("settings of the interface below")?;
    ours.stop();
    for name in ["va.66", "va6.66"] {
        wait_for(machine, "link show", name, false)?;
    }
    let after = (setting("eth1/arp_ignore")?, setting("eth1/arp_filter")?);
    ensure!(after == before, "{after:?}");
    Ok(())
}

/// The routes that `ip route` would set, but for MPLS, which is a module.
#[test]
fn a_route_takes_packets_into_a_tunnel() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    let ours = pair.ours_from(
        "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 66\n virtual_ipaddress {\n \
         10.0.0.100\n }\n virtual_routes {\n 192.0.2.0/24 dev eth0 encap ip id 100 dst \
         10.0.0.9 src 10.0.0.1 tos 0x10 ttl 7\n 2001:db8::/64 dev eth0 encap ip6 dst fd00::9\n \
         }\n}\n",
    )?;
    ours.wait_for_state(State::Master)?;
    let route = "encap ip id 100 src 10.0.0.1 dst 10.0.0.9 ttl 7 tos 16";
    wait_for(machine, "route show 192.0.2.0/24", route, true)?;
    let six = "-6 route show 2001:db8::/64";
    wait_for(machine, six, "encap ip6 id 0 src :: dst fd00::9", true)?;
    ours.stop();
    wait_for(machine, "route show", "encap", false)
}

/// Somebody else answers for the address, by ARP or by neighbour discovery.
fn rival_is_seen(vips: &[&str], vip: &str, prefix: &str) -> Result<()> {
    let pair = Pair::new()?;
    let theirs = pair.theirs_namespace();
    let ours = pair.ours_as(100, "", vips, |_router| {})?;
    ours.wait_for_state(State::Master)?;
    ensure!(ours.status()?.split_brain.is_none());
    let options = if vip.contains(':') { "nodad" } else { "" };
    theirs.ip(&format!("address add {vip}/{prefix} dev eth0 {options}"))?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.split_brain.is_some())?;
    let status = ours.status()?;
    let took = status.stats.advert_sent - sent;
    ensure!(took <= 3, "after {took} intervals");
    let address: std::net::IpAddr = vip.parse()?;
    let their_mac = Pair::mac(theirs)?;
    let is_theirs = |rival| matches!(rival, Rival::Answers { address: of, mac } if of == address && mac == their_mac);
    ensure!(status.split_brain.is_some_and(is_theirs), "{status:?}");
    theirs.ip(&format!("address del {vip}/{prefix} dev eth0"))?;
    ours.wait_until(|status| status.split_brain.is_none())
}

#[test]
fn somebody_else_with_the_address_is_seen_and_named_within_three_intervals() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    rival_is_seen(&[VIP], VIP, "32")
}

#[test]
fn somebody_else_with_one_of_many_addresses_is_seen_as_soon() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let vips = [VIP, "10.0.0.101", "10.0.0.102", "10.0.0.103", "10.0.0.104"];
    rival_is_seen(&vips, "10.0.0.104", "32")
}

#[test]
fn somebody_else_with_an_ipv6_address_is_seen_and_named_as_well() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    rival_is_seen(&["fd00::100"], "fd00::100", "128")
}
