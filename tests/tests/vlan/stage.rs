//! The network of the demo with everything in VLANs: every machine has its address on a VLAN of its
//! interface, and the switches pass tags on.

use std::process::Command;

use anyhow::{Context as _, Result};
use lb_tests::{Cluster, Layout, Mode, Namespace, Switch, configurations};

/// Number of the VLAN of the clients, and of the servers in NAT mode.
pub(crate) const OUTSIDE: u16 = 10;
pub(crate) const INSIDE: u16 = 20;

/// A network whose first director meets clients by an interface called `outside`; no agent runs yet. The
/// addresses of the others, and all but `outside`, are in place.
pub(crate) fn cluster(mode: Mode, outside: &str) -> Result<Cluster> {
    let layout = Layout::demo(mode);
    let inside = format!("ens37.{INSIDE}");
    let configurations = configurations::demo(mode)
        .map(|text| text.replace("ens33", outside).replace("ens37", &inside));
    let cluster = Cluster::new(layout, configurations)?;
    let site = &cluster.site;
    vlan(&site.client, "eth0", OUTSIDE, &layout.client.to_string())?;
    let [director, _] = &site.directors;
    let servers = if let (Some(switch), Some(segment)) = (&site.inside, layout.inside) {
        let [address, _] = segment.directors;
        tags_stay(switch, director, "ens37")?;
        vlan(director, "ens37", INSIDE, &address.to_string())?;
        INSIDE
    } else {
        OUTSIDE
    };
    for (server, address) in site.servers.iter().zip(layout.servers) {
        vlan(server, "eth0", servers, &address.to_string())?;
        if mode == Mode::Nat {
            server.ip(&format!("route replace default via {}", layout.gateway))?;
        }
    }
    tags_stay(&site.outside, director, "ens33")?;
    Ok(cluster)
}

/// Moves the address of an interface to a VLAN of it.
pub(crate) fn vlan(machine: &Namespace, interface: &str, id: u16, address: &str) -> Result<()> {
    let name = format!("{interface}.{id}");
    machine.ip(&format!("address flush dev {interface}"))?;
    machine.ip(&format!(
        "link add link {interface} name {name} type vlan id {id}"
    ))?;
    machine.ip(&format!("address add {address}/24 dev {name}"))?;
    machine.ip(&format!("link set dev {name} up"))?;
    Ok(())
}

/// Frames reach a director with their tags in them, as from a card with `rxvlan off`. A veth would hand
/// the tag over beside the frame.
fn tags_stay(switch: &Switch, director: &Namespace, interface: &str) -> Result<()> {
    offload(switch.namespace(), director.label(), "txvlan off")?;
    offload(director, interface, "rxvlan off")
}

/// Sets what an interface does by itself.
pub(crate) fn offload(machine: &Namespace, interface: &str, what: &str) -> Result<()> {
    let mut ethtool = Command::new("ethtool");
    ethtool.args(["-K", interface]).args(what.split(' '));
    machine.run(&mut ethtool)?;
    Ok(())
}

/// Every request is answered, and by both servers in turn.
pub(crate) fn serves(cluster: &mut Cluster) -> Result<()> {
    cluster.wait_for_master(0)?;
    cluster.probe().with_context(|| log(cluster))?;
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    assert!(tally.from("rs1").abs_diff(25) <= 3, "{tally:?}");
    Ok(())
}

fn log(cluster: &mut Cluster) -> String {
    let agent = cluster.agent(0);
    agent.map_or_else(|error| error.to_string(), |agent| agent.log())
}
