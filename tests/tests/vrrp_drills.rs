//! The drills of the tutorials, with our VRRP on every machine: two masters that stand in for each
//! other, three machines with three instances each, a link that is cut and mended, and as many
//! instances as there are ids.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::config::{self, FileSystem};
use lb_agent::dataplane::xdp::gate::NoGates;
use lb_agent::vrrp::State;
use lb_agent::vrrp::driver::{self, Handle};
use lb_agent::vrrp::instance::Rival;
use lb_agent::vrrp::settings::Setup;
use lb_agent::vrrp::status::InstanceStatus;
use lb_tests::{Capture, Deaf, Frame, Namespace, Need, PATIENCE, skipped, wait_until};
use tempfile::TempDir;

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Program("ip")];

/// Machines on one segment, 10.0.0.1 and on; VRRP runs on those that were started.
struct Segment {
    // Before their machines.
    running: Vec<Option<Handle>>,
    machines: Vec<Namespace>,
    _bridge: Namespace,
    folder: TempDir,
}

impl Segment {
    fn new(count: usize) -> Result<Self> {
        let bridge = Namespace::new("bridge")?;
        bridge.ip("link add name br type bridge stp_state 0 mcast_snooping 0")?;
        bridge.ip("link set dev br up")?;
        let mut machines = Vec::new();
        for place in 1..=count {
            let machine = Namespace::new(&format!("node{place}"))?;
            let (port, other) = (machine.label(), bridge.name());
            machine.ip(&format!(
                "link add name eth0 type veth peer name {port} netns {other}"
            ))?;
            bridge.ip(&format!("link set dev {port} master br up"))?;
            machine.ip(&format!("address add 10.0.0.{place}/16 dev eth0"))?;
            machine.ip("link set dev eth0 up")?;
            machines.push(machine);
        }
        Ok(Self {
            running: machines.iter().map(|_| None).collect(),
            machines,
            _bridge: bridge,
            folder: TempDir::new()?,
        })
    }

    fn machine(&self, place: usize) -> Result<&Namespace> {
        self.machines.get(place).context("no such machine")
    }

    fn start(&mut self, place: usize, text: &str) -> Result<()> {
        let path = self.folder.path().join(format!("{place}.conf"));
        fs::write(&path, text)?;
        let loaded = config::load(&FileSystem, &path);
        ensure!(!loaded.is_fatal(), "{:?}", loaded.diagnostics);
        let setup = Setup::from(&loaded.config);
        let start = || Ok(driver::spawn(setup, Box::new(NoGates), |_news| {})?);
        let handle = self.machine(place)?.enter(start)?;
        *self.running.get_mut(place).context("no such machine")? = Some(handle);
        Ok(())
    }

    fn stop(&mut self, place: usize) {
        if let Some(handle) = self.running.get_mut(place).and_then(Option::take) {
            assert!(handle.stop());
        }
    }

    /// States of the instances of a machine; none where nothing runs.
    fn states(&self, place: usize) -> Vec<State> {
        let handle = self.running.get(place).and_then(Option::as_ref);
        let status = handle.map(Handle::status).unwrap_or_default();
        status.iter().map(|it| it.state).collect()
    }

    /// The first instance of a machine.
    fn status(&self, place: usize) -> Result<InstanceStatus> {
        let handle = self.running.get(place).and_then(Option::as_ref);
        let status = handle.map(Handle::status).unwrap_or_default();
        status.into_iter().next().context("nothing runs")
    }

    /// The Ethernet address of a machine.
    fn mac(&self, place: usize) -> Result<[u8; 6]> {
        let shown = self.machine(place)?.ip("-oneline link show dev eth0")?;
        let mut words = shown.split_whitespace();
        words.find(|word| *word == "link/ether").context("no MAC")?;
        let bytes: Vec<u8> = words
            .next()
            .context("no MAC")?
            .split(':')
            .map(|byte| u8::from_str_radix(byte, 16))
            .collect::<Result<_, _>>()?;
        bytes.try_into().ok().context("not six bytes")
    }

    /// Waits until the machines' instances are in these states.
    fn wait_for(&self, wanted: &[&[State]]) -> Result<()> {
        let now = || -> Vec<Vec<State>> { (0..wanted.len()).map(|it| self.states(it)).collect() };
        let are = || now().iter().zip(wanted).all(|(now, wanted)| now == wanted);
        wait_until(PATIENCE, || are().then_some(()))
            .with_context(|| format!("{:?} instead of {wanted:?}", now()))
    }

    /// Whether exactly these machines have the address, after a moment.
    fn ensure_holders(&self, address: &str, wanted: &[usize]) -> Result<()> {
        let holders = || -> Result<Vec<usize>> {
            let mut holders = Vec::new();
            for (place, machine) in self.machines.iter().enumerate() {
                if machine.has_address(address)? {
                    holders.push(place);
                }
            }
            Ok(holders)
        };
        wait_until(PATIENCE, || {
            holders().is_ok_and(|it| it == wanted).then_some(())
        })
        .with_context(|| format!("{address}: {:?} and not {wanted:?}", holders()))
    }
}

fn instance(vrid: u8, priority: u8, lines: &str, vip: &str) -> String {
    format!(
        "vrrp_instance VI_{vrid} {{\n interface eth0\n virtual_router_id {vrid}\n \
         priority {priority}\n advert_int 1\n {lines}\n virtual_ipaddress {{\n{vip}\n}}\n}}\n"
    )
}

use State::{Backup, Master};

/// Two instances over unicast, as the tutorial has them: each machine is MASTER of one.
#[test]
fn of_two_masters_each_stands_in_for_the_other_and_gives_back() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let mut segment = Segment::new(2)?;
    let lines = |state: &str, own: u8, other: u8| {
        format!(
            "state {state}\n authentication {{\n auth_type PASS\n auth_pass 12345678\n }}\n \
             unicast_src_ip 10.0.0.{own}\n unicast_peer{{\n 10.0.0.{other}\n }}"
        )
    };
    let vips = ["10.0.0.200", "10.0.0.210"];
    let [one, two] = [
        instance(66, 100, &lines("MASTER", 1, 2), vips[0])
            + &instance(88, 80, &lines("BACKUP", 1, 2), vips[1]),
        instance(66, 80, &lines("BACKUP", 2, 1), vips[0])
            + &instance(88, 100, &lines("MASTER", 2, 1), vips[1]),
    ];
    segment.start(0, &one)?;
    segment.start(1, &two)?;
    segment.wait_for(&[&[Master, Backup], &[Backup, Master]])?;
    segment.ensure_holders(vips[0], &[0])?;
    segment.ensure_holders(vips[1], &[1])?;

    segment.stop(0);
    segment.wait_for(&[&[], &[Master, Master]])?;
    segment.ensure_holders(vips[0], &[1])?;
    segment.start(0, &one)?;
    segment.wait_for(&[&[Master, Backup], &[Backup, Master]])?;
    segment.ensure_holders(vips[0], &[0])
}

/// Whoever goes, what it held goes to who is next, and comes back.
#[test]
fn three_machines_with_three_instances_each_share_what_a_dead_one_held() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let mut segment = Segment::new(3)?;
    // Machine N is the best for instance N, and the next one for the one before.
    let text = |place: u8| -> String {
        let priorities = [100, 90, 80];
        let instances = (0..3_u8).map(|of| {
            let rank = usize::from((place + 3 - of) % 3);
            let priority = priorities.get(rank).copied().unwrap_or(1);
            instance(51 + of, priority, "", &format!("10.0.0.20{of}"))
        });
        instances.collect()
    };
    for place in 0..3 {
        segment.start(place, &text(u8::try_from(place)?))?;
    }
    let home: [&[State]; 3] = [
        &[Master, Backup, Backup],
        &[Backup, Master, Backup],
        &[Backup, Backup, Master],
    ];
    segment.wait_for(&home)?;
    segment.stop(0);
    segment.wait_for(&[&[], &[Master, Master, Backup], &[Backup, Backup, Master]])?;
    segment.ensure_holders("10.0.0.200", &[1])?;
    segment.stop(1);
    segment.wait_for(&[&[], &[], &[Master, Master, Master]])?;
    segment.start(0, &text(0))?;
    segment.start(1, &text(1))?;
    segment.wait_for(&home)?;
    for place in 0..3 {
        segment.ensure_holders(&format!("10.0.0.20{place}"), &[place])?;
    }
    Ok(())
}

/// The link is cut with nft and mended: two masters, then the better one.
#[test]
fn a_split_brain_made_with_nft_is_seen_and_heals_and_the_loser_lets_go() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft"), Need::Program("tcpdump")]) {
        return Ok(());
    }
    let mut segment = Segment::new(2)?;
    let vip = "10.0.0.200";
    segment.start(0, &instance(66, 100, "", vip))?;
    segment.start(1, &instance(66, 80, "", vip))?;
    segment.wait_for(&[&[Master], &[Backup]])?;
    ensure!(segment.status(0)?.split_brain.is_none());
    let deaf = [
        Deaf::new(segment.machine(0)?)?,
        Deaf::new(segment.machine(1)?)?,
    ];
    segment.wait_for(&[&[Master], &[Master]])?;
    // Neither hears the other's adverts, but both answer for the address: both notice.
    let sent = segment.status(0)?.stats.advert_sent;
    let split = || segment.status(0).ok().filter(|it| it.split_brain.is_some());
    let status = wait_until(PATIENCE, split)
        .with_context(|| format!("it is not noticed: {:?}", segment.status(0)))?;
    let took = status.stats.advert_sent - sent;
    ensure!(took <= 3, "after {took} intervals: {status:?}");
    let mac = segment.mac(1)?;
    let is_other = |rival| matches!(rival, Rival::Answers { mac: of, .. } if of == mac);
    ensure!(status.split_brain.is_some_and(is_other), "{status:?}");
    segment.ensure_holders(vip, &[0, 1])?;

    let heard = Capture::start(segment.machine(1)?, "eth0", "in", "arp")?;
    drop(deaf);
    segment.wait_for(&[&[Master], &[Backup]])?;
    segment.ensure_holders(vip, &[0])?;
    let healed = || {
        let status = segment.status(0).ok()?;
        status.split_brain.is_none().then_some(())
    };
    wait_until(PATIENCE, healed).with_context(|| format!("{:?}", segment.status(0)))?;
    // The winner tells everybody whose the address is.
    let mac = segment.mac(0)?;
    let announces = |frame: &Frame| {
        let bytes = |at: usize, length| frame.bytes.get(at..at + length).unwrap_or_default();
        bytes(0, 6) == [0xff; 6] && bytes(6, 6) == mac && bytes(28, 4) == [10, 0, 0, 200]
    };
    heard
        .wait_for(PATIENCE, |frames| frames.iter().any(announces))
        .context("the winner does not announce the address")
}

#[test]
fn with_nopreempt_the_better_one_waits_until_the_worse_is_gone() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let mut segment = Segment::new(2)?;
    let vip = "10.0.0.200";
    segment.start(1, &instance(66, 80, "nopreempt", vip))?;
    segment.wait_for(&[&[], &[Master]])?;
    segment.start(0, &instance(66, 100, "nopreempt", vip))?;
    // Longer than its master-down time.
    std::thread::sleep(Duration::from_secs(5));
    segment.wait_for(&[&[Backup], &[Master]])?;
    segment.stop(1);
    segment.wait_for(&[&[Master], &[]])?;
    segment.ensure_holders(vip, &[0])
}

/// All ids of an interface, on two machines: all move at once, and nothing stays behind.
#[test]
fn two_hundred_and_fifty_five_instances_move_at_once() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let mut segment = Segment::new(2)?;
    let text = |priority| -> String {
        let instances =
            (1..=255_u8).map(|vrid| instance(vrid, priority, "", &format!("10.0.1.{vrid}/32")));
        instances.collect()
    };
    let (masters, backups) = ([Master; 255], [Backup; 255]);
    segment.start(0, &text(100))?;
    segment.wait_for(&[&masters, &[]])?;
    segment.start(1, &text(80))?;
    segment.wait_for(&[&masters, &backups])?;
    // Longer than a master-down time: nobody loses track.
    std::thread::sleep(Duration::from_secs(6));
    segment.wait_for(&[&masters, &backups])?;
    segment.stop(0);
    segment.wait_for(&[&[], &masters])?;
    let left = segment.machine(0)?.ip("-oneline address show dev eth0")?;
    ensure!(!left.contains("10.0.1."), "left behind:\n{left}");
    let set = segment.machine(1)?.ip("-oneline address show dev eth0")?;
    ensure!(set.matches("10.0.1.").count() == 255, "{set}");
    segment.stop(1);
    let left = segment.machine(1)?.ip("-oneline address show dev eth0")?;
    ensure!(!left.contains("10.0.1."), "left behind:\n{left}");
    Ok(())
}
