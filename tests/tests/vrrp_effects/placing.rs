//! Virtual routes beside others to the same destination, with the same metric and in the same table:
//! another default route is the usual case.

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Namespace, Need, skipped, wait_until};

use crate::NEEDS;
use crate::pair::{PATIENCE, Pair, alone};

const DEFAULT: &str = "route show default";
const APPENDED: &str = "route show 192.0.2.0/24";
const ADDED: &str = "route show 198.51.100.0/24";
const SIX: &str = "-6 route show 2001:db8::/64";

const CONFIG: &str = "vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 66
    virtual_ipaddress {
        10.0.0.100
    }
    virtual_routes {
        default via 10.0.0.9 dev eth0
        append 192.0.2.0/24 via 10.0.0.9 dev eth0
        add 198.51.100.0/24 via 10.0.0.9 dev eth0
        2001:db8::/64 via fd00::9 dev eth0
    }
}
";

/// IPv6 joins both into one route of two ways.
const AS_MASTER: [(&str, &[&str]); 4] = [
    (DEFAULT, &["10.0.0.9", "10.0.0.7"]),
    (APPENDED, &["10.0.0.7", "10.0.0.9"]),
    (ADDED, &["10.0.0.7"]),
    (SIX, &["fd00::7", "fd00::9"]),
];

const WITHOUT_US: [(&str, &[&str]); 4] = [
    (DEFAULT, &["10.0.0.7"]),
    (APPENDED, &["10.0.0.7"]),
    (ADDED, &["10.0.0.7"]),
    (SIX, &["fd00::7"]),
];

/// The next hops that `ip` prints, in its order; in IPv6 the order says nothing.
fn hops(machine: &Namespace, arguments: &str) -> Result<Vec<String>> {
    let shown = machine.ip(arguments)?;
    let mut words = shown.split_whitespace();
    let mut hops = Vec::new();
    while words.any(|word| word == "via") {
        hops.extend(words.next().map(str::to_owned));
    }
    if arguments == SIX {
        hops.sort();
    }
    Ok(hops)
}

fn wait_for(machine: &Namespace, routes: [(&str, &[&str]); 4]) -> Result<()> {
    for (arguments, expected) in routes {
        let seen = || hops(machine, arguments).is_ok_and(|hops| hops == expected);
        wait_until(PATIENCE, || seen().then_some(())).with_context(|| {
            let hops = hops(machine, arguments);
            format!("`ip {arguments}`: {hops:?} instead of {expected:?}")
        })?;
    }
    Ok(())
}

/// Somebody else's routes to the same places.
fn add_others(machine: &Namespace) -> Result<()> {
    for route in [
        "route add default via 10.0.0.7",
        "route add 192.0.2.0/24 via 10.0.0.7",
        "route add 198.51.100.0/24 via 10.0.0.7",
        "-6 route add 2001:db8::/64 via fd00::7",
    ] {
        machine.ip(route)?;
    }
    Ok(())
}

/// What ours is measured by.
#[test]
fn keepalived_places_its_routes_so() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("keepalived")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.theirs_namespace();
    add_others(machine)?;
    let mut theirs = pair.keepalived_from(CONFIG)?;
    theirs.wait_for("Entering MASTER STATE")?;
    wait_for(machine, AS_MASTER)?;
    theirs.terminate()?;
    wait_for(machine, WITHOUT_US)
}

#[test]
fn a_route_goes_before_others_to_the_same_place_and_leaves_them_alone() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    add_others(machine)?;
    let ours = pair.ours_from(CONFIG)?;
    ours.wait_for_state(State::Master)?;
    wait_for(machine, AS_MASTER)?;
    // All of them stand, so nothing is put back.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 2)?;
    let restored = ours.status()?.stats.routing_restored;
    ensure!(restored == 0, "{restored} put back");
    wait_for(machine, AS_MASTER)?;

    machine.ip("route del default via 10.0.0.9")?;
    machine.ip("-6 route del 2001:db8::/64 via fd00::9")?;
    ours.wait_until(|status| status.stats.routing_restored == 2)?;
    wait_for(machine, AS_MASTER)?;
    ours.stop();
    wait_for(machine, WITHOUT_US)
}
