//! The program in the kernel: loaded, attached, adopted by the next agent, and gone without a
//! trace.

#![expect(
    clippy::indexing_slicing,
    reason = "all of this is a test, and knows what it has made"
)]

#[path = "xdp_load/below.rs"]
mod below;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aya::maps::MapInfo;
use etherparse::PacketBuilder;
use lb_agent::config::model::{GlobalDefs, XdpMode};
use lb_agent::dataplane::below::Native;
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::installed::Installed;
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::{Operation, plan};
use lb_agent::dataplane::port::{Need as Wish, Wanted};
use lb_agent::dataplane::xdp::attach::{AttachError, Attachments, Mode};
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::{Maps, MapsError, NAMES};
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::net::link;
use lb_agent::net::netlink::Connection;
use lb_agent::runtime::plane::{Plane, Times};
use lb_common::flow::state::TIMEOUTS;
use lb_common::service::{ServiceKey4, TCP};
use lb_tests::{Namespace, Need, built, skipped, wait_until};
use nix::net::if_::if_nametoindex;

/// What the tests here need.
const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// `XDP_DROP`, `XDP_TX`, `XDP_REDIRECT`.
const DROP: u32 = 1;
const TX: u32 = 3;
const REDIRECT: u32 = 4;

/// The interface in the namespace of a test, a veth whose other end is `peer`.
const INTERFACE: &str = "veth";

/// What an agent holds.
struct Agent {
    object: Object,
    maps: Maps,
    installed: Installed,
    attachments: Attachments,
}

impl Agent {
    /// Loads the program, or takes over what is pinned.
    fn start(pins: &Pins) -> Result<Self> {
        let object = Object::load(pins)?;
        let maps = Maps::open(pins)?;
        let installed = maps.installed()?;
        let attachments = Attachments::default();
        Ok(Self {
            object,
            maps,
            installed,
            attachments,
        })
    }

    /// Goes over to another configuration; what that took.
    fn configure(&mut self, desired: &Desired) -> Result<Vec<Operation>> {
        let operations = plan(desired, &self.installed, Ticks::at(250))?;
        for operation in &operations {
            self.maps.execute(operation)?;
            self.installed.record(operation);
        }
        Ok(operations)
    }

    fn attach(&mut self, pins: &Pins, interface: &str, mode: XdpMode) -> Result<Mode> {
        let index = if_nametoindex(interface)?;
        Ok(self
            .attachments
            .attach(&mut self.object, pins, index, interface, mode)?
            .mode)
    }

    /// Sends a TCP segment of the client's `port` to the service; the verdict and the last byte
    /// of the MAC address it is sent to.
    fn send(&mut self, port: u16, syn: bool) -> Result<(u32, u8)> {
        let segment = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 10], [198, 51, 100, 1], 64)
            .tcp(port, 80, 1, 1000);
        let segment = if syn { segment.syn() } else { segment.ack(1) };
        let mut frame = Vec::new();
        segment.write(&mut frame, &[])?;
        let verdict = self.object.run(&mut frame)?;
        Ok((verdict, frame[5]))
    }
}

/// Runs `test` in a namespace of its own with the interface [`INTERFACE`]; what it pins goes with
/// the namespace.
fn in_namespace(test: impl FnOnce(&Namespace, &Pins) -> Result<()> + Send) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("director")?;
    add_veth(&namespace, "")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| test(&namespace, &pins))
}

fn add_veth(namespace: &Namespace, index: &str) -> Result<()> {
    add_veth_named(namespace, index, "peer")
}

fn add_veth_named(namespace: &Namespace, index: &str, peer: &str) -> Result<()> {
    namespace.ip(&format!(
        "link add name {INTERFACE} {index} type veth peer name {peer}"
    ))?;
    namespace.ip(&format!("link set dev {INTERFACE} up"))?;
    namespace.ip(&format!("link set dev {peer} up"))?;
    Ok(())
}

/// The id of the XDP program on an interface, as `ip` shows it: `prog/xdp id 42`.
fn program_on(namespace: &Namespace, interface: &str) -> Result<Option<u32>> {
    let shown = namespace.ip(&format!("link show dev {interface}"))?;
    let id = shown
        .split_once("prog/xdp id ")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(id.map(str::parse).transpose()?)
}

/// Waits until there is no program on an interface: the kernel takes it off a while after the last
/// one who held it has let go.
fn wait_until_free(namespace: &Namespace, interface: &str) -> Result<()> {
    let free = || {
        program_on(namespace, interface)
            .ok()?
            .is_none()
            .then_some(())
    };
    wait_until(Duration::from_secs(5), free)
        .with_context(|| format!("the program is still on {interface}"))
}

/// One service, two servers behind the interface `index`; their MACs end in 11 and 12.
fn two_servers(index: u32) -> Desired {
    let server = |last| Server {
        path: Path::Via(Hop {
            index,
            mtu: 1500,
            src_mac: [2; 6],
            dst_mac: [2, 0, 0, 0, 0, last],
            source: Some(IpAddr::from([10, 0, 0, 1])),
        }),
        ..Server::new(Ipv4Addr::new(10, 0, 0, last), 80)
    };
    Desired {
        services: vec![Service {
            servers: vec![server(11), server(12)],
            ..Service::new(ServiceKey4::new(Ipv4Addr::new(198, 51, 100, 1), 80, TCP))
        }],
    }
}

/// Index of the loopback interface, which test runs come in by.
const LOOPBACK: u32 = 1;

#[test]
fn every_map_is_pinned_under_its_name_and_a_heartbeat_beats() -> Result<()> {
    in_namespace(|_, pins| {
        let mut agent = Agent::start(pins)?;
        for name in NAMES {
            ensure!(pins.map(name).exists(), "{name} is not pinned");
        }
        ensure!(agent.maps.read_control().heartbeat == 0);
        agent.object.heartbeat()?;
        ensure!(agent.maps.read_control().heartbeat > 0);
        ensure!(agent.installed == Installed::default());
        Ok(())
    })
}

/// A map that is not pinned is another one for the next agent's programs than for those that are attached.
#[test]
fn every_map_that_a_program_uses_is_pinned() -> Result<()> {
    in_namespace(|_, pins| {
        let agent = Agent::start(pins)?;
        let pinned = NAMES.map(|name| Ok(MapInfo::from_pin(pins.map(name))?.id()));
        let pinned: BTreeSet<u32> = pinned.into_iter().collect::<Result<_>>()?;
        ensure!(pinned.len() == NAMES.len(), "one map under two names");
        let mut used = 0;
        for (program, info) in agent.object.programs() {
            for id in info?.map_ids()?.context("the kernel does not tell")? {
                used += 1;
                let map = MapInfo::from_id(id)?;
                // Constants are those of the program.
                ensure!(
                    pinned.contains(&id) || map.name().starts_with(b"."),
                    "{program} uses {:?}, which is not pinned",
                    map.name_as_str()
                );
            }
        }
        ensure!(used > NAMES.len(), "{used}");
        Ok(())
    })
}

#[test]
fn the_next_agent_takes_over_maps_flows_and_the_attachment() -> Result<()> {
    in_namespace(|namespace, pins| {
        let desired = two_servers(LOOPBACK);
        let mut first = Agent::start(pins)?;
        Gates::new(first.maps.control()).reset(&Numbers::default());
        first.maps.set_control(42, 250, 0, &TIMEOUTS);
        first.configure(&desired)?;
        ensure!(first.attach(pins, INTERFACE, XdpMode::Auto)? == Mode::Native);
        ensure!(first.send(1, true)? == (TX, 11));
        ensure!(first.send(2, true)? == (TX, 12));
        let installed = first.installed.clone();
        let old_program = program_on(namespace, INTERFACE)?;
        ensure!(old_program.is_some());
        // As if it had been killed: nothing is detached, nothing is removed.
        drop(first);
        ensure!(program_on(namespace, INTERFACE)? == old_program);

        let mut second = Agent::start(pins)?;
        let found = Installed {
            filter: installed.filter.clone(),
            ..second.installed.clone()
        };
        ensure!(found == installed, "{found:?}\n{installed:?}");
        let operations = second.configure(&desired)?;
        ensure!(
            matches!(operations[..], [Operation::SetFilter(_)]),
            "{operations:?}"
        );
        ensure!(second.attach(pins, INTERFACE, XdpMode::Auto)? == Mode::Native);
        let new_program = program_on(namespace, INTERFACE)?;
        ensure!(new_program.is_some() && new_program != old_program);
        // Flows are where they were, turns go on, counters count on.
        ensure!(second.send(1, false)? == (TX, 11));
        ensure!(second.send(2, false)? == (TX, 12));
        for (slot, _) in second.maps.backends() {
            let traffic = second.maps.traffic(slot)?;
            ensure!((traffic.conns, traffic.in_packets) == (1, 2), "{traffic:?}");
        }
        Ok(())
    })
}

#[test]
fn a_clean_stop_leaves_no_program_and_no_pin() -> Result<()> {
    in_namespace(|namespace, pins| {
        let mut agent = Agent::start(pins)?;
        agent.attach(pins, INTERFACE, XdpMode::Native)?;
        agent.attach(pins, "peer", XdpMode::Generic)?;
        let mut linked = pins.linked();
        linked.sort_unstable();
        let mut indexes = [if_nametoindex(INTERFACE)?, if_nametoindex("peer")?];
        indexes.sort_unstable();
        ensure!(linked == indexes, "{linked:?}");

        agent.attachments.detach(if_nametoindex("peer")?)?;
        wait_until_free(namespace, "peer")?;
        ensure!(program_on(namespace, INTERFACE)?.is_some());
        ensure!(agent.attachments.detach_all().is_empty());
        wait_until_free(namespace, INTERFACE)?;
        pins.remove()?;
        ensure!(!pins.instance().exists());
        ensure!(!pins.may_exist());
        // There is nothing to remove now, which is no error.
        Ok(pins.remove()?)
    })
}

#[test]
fn a_pin_that_cannot_be_removed_keeps_no_other_program_attached() -> Result<()> {
    in_namespace(|namespace, pins| {
        let mut agent = Agent::start(pins)?;
        agent.attach(pins, INTERFACE, XdpMode::Native)?;
        agent.attach(pins, "peer", XdpMode::Native)?;
        let (gone, stuck) = (if_nametoindex("peer")?, if_nametoindex(INTERFACE)?);
        let [gone, stuck] = [gone, stuck].map(|index| pins.link(index));
        // Somebody has been there: one pin is gone, a directory has taken the place of the other.
        fs::remove_file(gone)?;
        fs::remove_file(&stuck)?;
        fs::create_dir(&stuck)?;
        let errors = agent.attachments.detach_all();
        ensure!(errors.len() == 1, "{errors:?}");
        ensure!(errors[0].interface == INTERFACE, "{errors:?}");
        for interface in [INTERFACE, "peer"] {
            wait_until_free(namespace, interface)?;
        }
        Ok(pins.remove()?)
    })
}

#[test]
fn another_mode_than_the_earlier_agents_is_attached_anew() -> Result<()> {
    in_namespace(|namespace, pins| {
        let mut first = Agent::start(pins)?;
        first.attach(pins, INTERFACE, XdpMode::Generic)?;
        drop(first);
        let mut second = Agent::start(pins)?;
        ensure!(second.attach(pins, INTERFACE, XdpMode::Auto)? == Mode::Generic);
        drop(second);
        let mut third = Agent::start(pins)?;
        ensure!(third.attach(pins, INTERFACE, XdpMode::Native)? == Mode::Native);
        let shown = namespace.ip(&format!("link show dev {INTERFACE}"))?;
        ensure!(
            shown.contains("xdp ") && !shown.contains("xdpgeneric"),
            "{shown}"
        );
        Ok(())
    })
}

#[test]
fn removed_pins_are_not_adopted() -> Result<()> {
    in_namespace(|_, pins| {
        let mut first = Agent::start(pins)?;
        first.configure(&two_servers(LOOPBACK))?;
        drop(first);
        pins.remove()?;
        ensure!(Agent::start(pins)?.installed == Installed::default());
        Ok(())
    })
}

#[test]
fn the_program_of_somebody_else_stays_where_it_is() -> Result<()> {
    in_namespace(|namespace, pins| {
        let object = built::bpf_object("pass")?;
        namespace.run(
            Command::new("ip")
                .args(["link", "set", "dev", INTERFACE, "xdp", "obj"])
                .arg(object)
                .args(["sec", "xdp"]),
        )?;
        let theirs = program_on(namespace, INTERFACE)?;
        ensure!(theirs.is_some());
        let mut agent = Agent::start(pins)?;
        for mode in [XdpMode::Auto, XdpMode::Native, XdpMode::Generic] {
            let index = if_nametoindex(INTERFACE)?;
            let refused = agent
                .attachments
                .attach(&mut agent.object, pins, index, INTERFACE, mode);
            match refused {
                Err(AttachError::Busy {
                    interface,
                    occupant: Some(occupant),
                }) => ensure!(interface == INTERFACE && occupant.name == "pass"),
                other => bail!("{mode:?}: {other:?}"),
            }
        }
        ensure!(agent.attachments.mode(if_nametoindex(INTERFACE)?).is_none());
        ensure!(program_on(namespace, INTERFACE)? == theirs);
        ensure!(pins.linked().is_empty());
        Ok(())
    })
}

#[test]
fn what_takes_no_native_program_gets_a_generic_one_or_a_reason() -> Result<()> {
    in_namespace(|namespace, pins| {
        namespace.ip("link add name bridge type bridge")?;
        let mut agent = Agent::start(pins)?;
        let native = agent.attach(pins, "bridge", XdpMode::Native);
        let reason = native.err().context("a bridge took a native program")?;
        ensure!(
            reason.to_string()
                == "cannot attach to bridge in native mode: the driver has no XDP, or LRO is on",
            "{reason}"
        );
        ensure!(agent.attach(pins, "bridge", XdpMode::Auto)? == Mode::Generic);
        ensure!(agent.attachments.iter().count() == 1);
        Ok(())
    })
}

#[test]
fn an_interface_that_has_come_back_under_the_old_index_gets_a_program() -> Result<()> {
    in_namespace(|namespace, pins| {
        let delete = || namespace.ip(&format!("link delete dev {INTERFACE}"));
        delete()?;
        add_veth(namespace, "index 77")?;
        let mut first = Agent::start(pins)?;
        first.attach(pins, INTERFACE, XdpMode::Native)?;
        drop(first);
        delete()?;
        add_veth(namespace, "index 77")?;
        ensure!(pins.linked() == [77]);
        ensure!(program_on(namespace, INTERFACE)?.is_none());
        let mut second = Agent::start(pins)?;
        ensure!(second.attach(pins, INTERFACE, XdpMode::Native)? == Mode::Native);
        ensure!(program_on(namespace, INTERFACE)?.is_some());
        ensure!(pins.linked() == [77]);
        Ok(())
    })
}

#[test]
fn an_attachment_whose_interface_was_replaced_unnoticed_is_found_to_be_lost() -> Result<()> {
    in_namespace(|namespace, pins| {
        let delete = || namespace.ip(&format!("link delete dev {INTERFACE}"));
        delete()?;
        add_veth(namespace, "index 77")?;
        let mut agent = Agent::start(pins)?;
        agent.attach(pins, INTERFACE, XdpMode::Native)?;
        agent.attach(pins, "peer", XdpMode::Native)?;
        ensure!(agent.attachments.lost().is_empty());
        delete()?;
        add_veth_named(namespace, "index 77", "end")?;
        let peer = agent
            .attachments
            .iter()
            .find(|(_, name, _)| *name == "peer");
        let peer = peer.context("nothing is attached to the peer")?.0;
        let mut lost = agent.attachments.lost();
        lost.sort_unstable();
        let mut both = vec![77, peer];
        both.sort_unstable();
        ensure!(lost == both, "{lost:?}");
        agent.attachments.detach(77)?;
        ensure!(agent.attach(pins, INTERFACE, XdpMode::Native)? == Mode::Native);
        ensure!(!agent.attachments.lost().contains(&77));
        Ok(())
    })
}

/// Native mode is refused on a veth whose packets may be larger than a page.
#[test]
fn native_mode_is_tried_again_when_the_mtu_becomes_smaller() -> Result<()> {
    in_namespace(|namespace, _| {
        let index = if_nametoindex(INTERFACE)?;
        let global = GlobalDefs::default();
        let (size, times) = (global.xdp_flow_table_size, Times::of(&global));
        let mut plane = Plane::load(namespace.name(), size, times, &Numbers::default())?;
        for (mtu, mode) in [
            (9000, Mode::Generic),
            (9000, Mode::Generic),
            (1500, Mode::Native),
            (1500, Mode::Native),
        ] {
            for end in [INTERFACE, "peer"] {
                namespace.ip(&format!("link set dev {end} mtu {mtu}"))?;
            }
            let link = link::by_index(&mut Connection::open()?, index)?;
            let wanted = Wanted {
                link: link.context("the interface is gone")?,
                ingress: true,
                egress: false,
                need: Wish::Packets,
                mode: XdpMode::Auto,
                native: Native::Itself,
            };
            let ports = plane.open(&[wanted]);
            ensure!(ports[&index].program == Ok(mode), "{mtu}: {ports:?}");
        }
        ensure!(plane.remove().is_empty());
        Ok(())
    })
}

#[test]
fn packets_are_redirected_to_the_interfaces_that_were_named_and_to_no_other() -> Result<()> {
    in_namespace(|_, pins| {
        let mut agent = Agent::start(pins)?;
        Gates::new(agent.maps.control()).reset(&Numbers::default());
        agent.maps.set_control(42, 250, 0, &TIMEOUTS);
        let (one, other) = (if_nametoindex(INTERFACE)?, if_nametoindex("peer")?);
        agent.configure(&two_servers(one))?;
        for (egress, verdict) in [
            (vec![], DROP),
            (vec![one], REDIRECT),
            (vec![other], DROP),
            (vec![one, other], REDIRECT),
            (vec![], DROP),
        ] {
            agent.maps.set_egress(&egress)?;
            let (found, _) = agent.send(1, true)?;
            ensure!(found == verdict, "{egress:?}: {found}");
        }
        // One that does not exist is named, and does not keep the others.
        match agent.maps.set_egress(&[4242, one]) {
            Err(MapsError::Egress { refused }) => {
                ensure!(matches!(&refused[..], [(4242, _)]), "refused: {refused:?}");
            }
            other => bail!("{other:?}"),
        }
        ensure!(agent.maps.egress() == [one]);
        ensure!(agent.send(1, true)?.0 == REDIRECT);
        Ok(())
    })
}

#[test]
fn two_instances_have_nothing_in_common() -> Result<()> {
    in_namespace(|namespace, pins| {
        let others = Pins::of(&format!("{}-other", namespace.name()));
        let mut one = Agent::start(pins)?;
        let other = Agent::start(&others)?;
        one.configure(&two_servers(LOOPBACK))?;
        let found = other.maps.installed();
        // What a failed test would leave goes first.
        others.remove()?;
        ensure!(found? == Installed::default());
        ensure!(pins.map("FLOWS4").exists());
        Ok(())
    })
}
