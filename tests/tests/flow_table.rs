//! The flow tables. `xdp_flow_table_size`: they have the size that is asked for, the program finds its
//! flows in them, another size costs what is said and nothing else, and the memory is what was said
//! beforehand. `lvs_timeouts`: so long flows stay.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapData;
use etherparse::PacketBuilder;
use lb_agent::config::model::FlowTableSize;
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::flow_tables::FlowTables;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::{Maps, NAMES};
use lb_agent::dataplane::xdp::memory;
use lb_agent::dataplane::xdp::object::{Object, ObjectError};
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::state::TIMEOUTS;
use lb_common::service::{ServiceKey4, TCP};
use lb_tests::{
    Cluster, Layout, Mode, Namespace, Need, PATIENCE, configurations, needs, skipped, wait_until,
};

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Bpf];

/// `XDP_TX`.
const TX: u32 = 3;

const VIRTUAL: [u8; 4] = [198, 51, 100, 1];

/// Connections: so many find room in the smallest table there is.
const CLIENTS: u16 = 200;

/// The smallest, and one of four times its room.
const SMALL: FlowTableSize = FlowTableSize {
    ipv4: 1024,
    ipv6: 1024,
};
const LARGER: FlowTableSize = FlowTableSize {
    ipv4: 4096,
    ipv6: 1024,
};

/// A program with its maps, as an agent holds them.
struct Subject {
    object: Object,
    maps: Maps,
}

impl Subject {
    fn load(pins: &Pins, size: FlowTableSize) -> Result<Self> {
        let object = Object::load_with(pins, size.into())?;
        let maps = Maps::open(pins)?;
        Ok(Self { object, maps })
    }

    /// A service with eight servers by round robin.
    fn configure(&mut self) -> Result<()> {
        Gates::new(self.maps.control()).reset(&Numbers::default());
        self.maps.set_control(0x5eed, 250, 0, &TIMEOUTS);
        let server = |number| {
            let hop = Hop {
                index: 1,
                mtu: 1500,
                src_mac: [2, 0, 0, 0, 0, 1],
                dst_mac: [2, 0, 0, 0, 0, number],
                source: None,
            };
            Server {
                path: Path::Via(hop),
                ..Server::new(Ipv4Addr::new(198, 51, 100, 10 + number), 80)
            }
        };
        let service = Service {
            servers: (1..=8).map(server).collect(),
            ..Service::new(ServiceKey4::new(VIRTUAL.into(), 80, TCP))
        };
        let desired = Desired {
            services: vec![service],
        };
        for operation in plan(&desired, &self.maps.installed()?, Ticks::at(250))? {
            self.maps.execute(&operation)?;
        }
        Ok(())
    }

    /// Sends a segment of every client, and gives the server that each goes to.
    fn send(&mut self, syn: bool) -> Result<Vec<u8>> {
        self.object.heartbeat()?;
        let one = |port: u16| {
            let segment = PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4([192, 0, 2, 10], VIRTUAL, 64)
                .tcp(port, 80, 1, 1000);
            let segment = if syn { segment.syn() } else { segment.ack(1) };
            let mut frame = Vec::new();
            segment.write(&mut frame, &[])?;
            let verdict = self.object.run(&mut frame)?;
            ensure!(verdict == TX, "port {port}: {verdict}");
            frame.get(5).copied().context("an empty frame")
        };
        (1..=CLIENTS).map(one).collect()
    }
}

/// Runs `test` in a namespace of its own, and removes what it has pinned.
fn in_namespace(test: impl FnOnce(&Pins) -> Result<()> + Send) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("size")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| {
        let outcome = test(&pins);
        pins.remove()?;
        outcome
    })
}

#[test]
fn flows_are_found_in_a_table_of_any_size_and_the_next_agent_of_that_size_keeps_them() -> Result<()>
{
    in_namespace(|pins| {
        for size in [SMALL, LARGER] {
            let mut first = Subject::load(pins, size)?;
            first.configure()?;
            ensure!(first.maps.flow_capacity() == [size.ipv4, size.ipv6].map(|it| it as usize));
            let servers = first.send(true)?;
            ensure!(first.maps.flows().count() == usize::from(CLIENTS));
            ensure!(first.send(false)? == servers, "{size:?}: other servers");
            drop(first);
            let mut next = Subject::load(pins, size)?;
            ensure!(next.send(false)? == servers, "{size:?}: not kept");
            ensure!(next.maps.flows().count() == usize::from(CLIENTS));
            drop(next);
            pins.remove()?;
        }
        Ok(())
    })
}

#[test]
fn a_table_of_another_size_begins_empty_and_everything_else_is_kept() -> Result<()> {
    in_namespace(|pins| {
        let mut first = Subject::load(pins, SMALL)?;
        first.configure()?;
        first.send(true)?;
        drop(first);
        let mut next = Subject::load(pins, LARGER)?;
        ensure!(next.maps.flow_capacity() == [4096, 1024]);
        ensure!(next.maps.flows().count() == 0);
        let installed = next.maps.installed()?;
        ensure!(installed.services.len() == 1, "{:?}", installed.services);
        ensure!(next.maps.backends().count() == 8);
        // Whose connection it was nobody knows: its packets are given a server all the same, one for all.
        let servers = next.send(false)?;
        ensure!(next.send(false)? == servers);
        next.send(true)?;
        ensure!(next.maps.flows().count() == usize::from(CLIENTS));
        Ok(())
    })
}

#[test]
fn maps_take_as_much_memory_as_was_said_before_they_were_there() -> Result<()> {
    in_namespace(|pins| {
        let tables = FlowTables::from(LARGER);
        let _loaded = Object::load_with(pins, tables)?;
        let said = memory::maps(tables, memory::processors());
        for name in NAMES {
            let expected = said.iter().find(|map| map.name == name);
            let expected = expected.with_context(|| format!("nothing is said of {name}"))?;
            let map = MapData::from_pin(pins.map(name))?;
            let fd = map.fd().as_fd().as_raw_fd();
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
            let field = |name: &str| -> Option<u64> {
                let line = info.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse().ok()
            };
            let entries = field("max_entries:").context("no max_entries")?;
            ensure!(entries == expected.entries, "{name}: {entries} entries");
            // Before Linux 6.4 the kernel guesses itself.
            if tells_memory()? {
                let taken = field("memlock:").context("no memlock")?;
                // The records in front of a map have another size with each kernel, and before Linux 6.18
                // some of them one for each processor.
                let processors = memory::processors();
                ensure!(
                    taken.abs_diff(expected.bytes) < 1024 + 64 * processors,
                    "{name}: {taken} bytes, and {} were said",
                    expected.bytes
                );
            }
        }
        Ok(())
    })
}

/// Whether the kernel is 6.4 or newer.
fn tells_memory() -> Result<bool> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(['.', '-']).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    Ok((next(), next()) >= (Some(6), Some(4)))
}

#[test]
fn tables_that_the_machine_cannot_hold_are_refused_with_the_numbers() -> Result<()> {
    in_namespace(|pins| {
        // 96 GiB, more than the configuration takes.
        let tables = FlowTables::from(FlowTableSize {
            ipv4: 1 << 31,
            ipv6: 1 << 31,
        });
        let (_, available) = memory::of_machine().context("no /proc/meminfo")?;
        if available >= tables.bytes() {
            println!("skipped: this machine could hold the largest tables that the test knows");
            return Ok(());
        }
        let refused = Object::load_with(pins, tables).err();
        ensure!(
            matches!(refused, Some(ObjectError::NoMemory { takes, .. }) if takes > tables.bytes()),
            "{refused:?}"
        );
        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        ensure!(
            text.contains("its maps take 98") && text.contains("`xdp_flow_table_size`"),
            "{text}"
        );
        ensure!(!pins.map("FLOWS4").exists());
        // Nothing is in the way of smaller ones, and nothing of them is given up for others.
        let mut small = Subject::load(pins, SMALL)?;
        small.configure()?;
        let servers = small.send(true)?;
        drop(small);
        let refused = Object::load_with(pins, tables).err();
        ensure!(
            matches!(refused, Some(ObjectError::NoMemory { .. })),
            "{refused:?}"
        );
        let mut small = Subject::load(pins, SMALL)?;
        ensure!(small.send(false)? == servers);
        ensure!(small.maps.flows().count() == usize::from(CLIENTS));
        Ok(())
    })
}

#[test]
fn an_agent_with_another_size_says_what_it_costs_and_shows_the_new_one() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.take(0)?.kill()?;
    let [text, _] = &mut cluster.configurations;
    let small = text.replace("global_defs {", "global_defs {\nxdp_flow_table_size 5000");
    text.clone_from(&small);
    cluster.start(0)?;
    for said in [
        "xdp_flow_table_size: the flow table of IPv4 has room for 8192 flows now, instead of 4194304",
        "adopted the data plane of an earlier agent: 1 services",
    ] {
        cluster.agent(0)?.wait_for(said, PATIENCE)?;
    }
    cluster.wait_for_master(0)?;
    let served = || {
        let tally = cluster.requests(6).ok()?;
        tally.failures.is_empty().then_some(())
    };
    wait_until(PATIENCE, served).context("nobody is served")?;
    let dump = cluster.site.directors[0].tell("dump services")?.text;
    ensure!(dump.contains("(size=8192)"), "{dump}");
    let agent = cluster.agent(0)?;
    agent.reload(&small.replace("5000", "9000"))?;
    agent.wait_for(
        "`xdp_flow_table_size`: what the file says now takes effect when the agent is started anew",
        PATIENCE,
    )
}

#[test]
fn connections_are_gone_after_the_time_that_lvs_timeouts_says() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    // Without the line two minutes, since the servers' FINs are not seen in DR mode.
    let texts = configurations::demo(Mode::Dr).map(|text| {
        text.replace(
            "global_defs {",
            "global_defs {\nlvs_timeouts tcp 1 tcpfin 1",
        )
    });
    let cluster = Cluster::at_work(Layout::demo(Mode::Dr), texts)?;
    let tally = cluster.requests(20)?;
    ensure!(tally.failures.is_empty(), "{:?}", tally.failures);
    let gone = wait_until(PATIENCE, || {
        let dump = cluster.site.directors[0].tell("dump connections").ok()?;
        (!dump.text.contains("192.168.159.50:")).then_some(())
    });
    ensure!(gone.is_some(), "connections stay");
    Ok(())
}
