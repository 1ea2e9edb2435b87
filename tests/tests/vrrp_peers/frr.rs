//! FRR's `vrrpd`, the other VRRP of Linux: version 3, IPv4 and IPv6, both roles.
//!
//! It takes virtual addresses from the configuration of macvlan interfaces that stand all the time,
//! and only says whether they are up; so who has the address is asked of FRR, not of the kernel.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_agent::vrrp::settings::Version;
use lb_tests::{Agent, Namespace, Need, Process, checked, skipped, wait_until};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown};
use serde_json::Value;
use tempfile::TempDir;

use crate::adverts::in_time;
use crate::pair::{OURS, Ours, PATIENCE, Pair, THEIRS, VIP, alone, beside_others};

const ZEBRA: &str = "/usr/lib/frr/zebra";
const VRRPD: &str = "/usr/lib/frr/vrrpd";

pub(crate) const NEEDS: [Need; 6] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("tcpdump"),
    Need::Program("vtysh"),
    Need::Program(VRRPD),
];

/// Skew of priority 80 as we have it, and as FRR does: in whole centiseconds.
pub(crate) const OUR_SKEW_80: Duration = Duration::from_micros(687_500);
pub(crate) const THEIR_SKEW_80: Duration = Duration::from_millis(680);
pub(crate) const THREE_INTERVALS: Duration = Duration::from_secs(3);

/// What an address family of FRR is called, and what it has.
#[derive(Clone, Copy)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) vips: &'static [&'static str],
    pub(crate) sources: [&'static str; 2],
    /// How much later than its state FRR's first advert comes. It sends one before its interface
    /// is up, and over IPv6 that is lost.
    pub(crate) mute: Duration,
}

pub(crate) const FOUR: Family = Family {
    name: "v4",
    vips: &[VIP],
    sources: [OURS, THEIRS],
    mute: Duration::ZERO,
};

pub(crate) const SIX: Family = Family {
    name: "v6",
    vips: &["fe80::100", "fd00::100"],
    sources: ["fe80::1", "fe80::2:2"],
    mute: Duration::from_secs(1),
};

/// A running `vrrpd` with the `zebra` that tells it of interfaces.
pub(crate) struct Frr {
    pub(crate) vrrpd: Process,
    _zebra: Process,
    folder: TempDir,
}

impl Frr {
    /// Starts it as virtual router 66 of this priority.
    pub(crate) fn start(machine: &Namespace, family: Family, priority: u8) -> Result<Self> {
        Self::start_at(machine, family, priority, 1000)
    }

    /// The same with another interval, in milliseconds.
    pub(crate) fn start_at(
        machine: &Namespace,
        family: Family,
        priority: u8,
        interval: u32,
    ) -> Result<Self> {
        make_macvlan(machine, family)?;
        let folder = TempDir::new()?;
        let keyword = if family.name == "v4" { "ip" } else { "ipv6" };
        let vips = family.vips.join(&format!("\n vrrp 66 {keyword} "));
        let config = format!(
            "log file {}/log debugging\ndebug vrrp\ninterface eth0\n vrrp 66 version 3\n \
             vrrp 66 priority {priority}\n vrrp 66 advertisement-interval {interval}\n vrrp 66 {keyword} {vips}\n",
            folder.path().display()
        );
        fs::write(folder.path().join("vrrpd.conf"), config)?;
        fs::write(folder.path().join("zebra.conf"), "")?;
        // Both give up the rights of root, and make their sockets in there.
        let user = User::from_name("frr")?.context("there is no user frr")?;
        chown(folder.path(), Some(user.uid), Some(user.gid))?;
        for entry in fs::read_dir(folder.path())? {
            chown(&entry?.path(), Some(user.uid), Some(user.gid))?;
        }
        let zebra = daemon(machine, folder.path(), ZEBRA)?;
        let stands = || folder.path().join("zserv").exists().then_some(());
        wait_until(PATIENCE, stands).context("zebra does not open its socket")?;
        let vrrpd = daemon(machine, folder.path(), VRRPD)?;
        Ok(Self {
            vrrpd,
            _zebra: zebra,
            folder,
        })
    }

    /// `Master`, `Backup` or `Initialize`.
    pub(crate) fn state(&self, family: Family) -> Result<String> {
        let shown = checked(
            Command::new("vtysh")
                .arg("--vty_socket")
                .arg(self.folder.path())
                .args(["-d", "vrrpd", "-c", "show vrrp json"]),
        )?;
        let shown: Value = serde_json::from_str(&shown)?;
        let state = shown.pointer(&format!("/0/{}/status", family.name));
        let state = state.and_then(Value::as_str);
        Ok(state
            .with_context(|| format!("no state in {shown}"))?
            .to_owned())
    }

    pub(crate) fn wait_for(&self, family: Family, state: &str) -> Result<()> {
        let is = || self.state(family).is_ok_and(|it| it == state).then_some(());
        wait_until(PATIENCE, is).with_context(|| {
            let log = fs::read_to_string(self.folder.path().join("log"));
            format!(
                "FRR is {:?} and not {state}:\n{}",
                self.state(family),
                log.unwrap_or_default()
            )
        })
    }
}

/// What FRR wants to find: interfaces with the addresses of RFC 9568 7.3.
fn make_macvlan(machine: &Namespace, family: Family) -> Result<()> {
    let group = if family.name == "v4" { 1 } else { 2 };
    machine.ip("link add name vrrp66 link eth0 type macvlan mode bridge")?;
    machine.ip(&format!("link set vrrp66 address 00:00:5e:00:0{group}:42"))?;
    machine.ip("link set vrrp66 addrgenmode none")?;
    let prefix = if family.name == "v4" {
        "24"
    } else {
        "64 nodad"
    };
    for vip in family.vips {
        machine.ip(&format!("address add {vip}/{prefix} dev vrrp66"))?;
    }
    if family.name == "v6" {
        // What it sends from: the latest is the first that the kernel names.
        let [_, source] = family.sources;
        machine.ip(&format!("address add {source}/64 dev vrrp66 nodad"))?;
    }
    machine.ip("link set vrrp66 up").map(drop)
}

fn daemon(machine: &Namespace, folder: &Path, program: &str) -> Result<Process> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let file = |suffix: &str| folder.join(format!("{name}.{suffix}"));
    let log = File::create(file("out"))?;
    machine.start(
        Command::new(program)
            .args(["-P", "0", "--vty_socket"])
            .arg(folder)
            .arg("-i")
            .arg(file("pid"))
            .arg("-f")
            .arg(file("conf"))
            .arg("-z")
            .arg(folder.join("zserv"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log),
    )
}

pub(crate) fn ours(pair: &Pair, family: Family, priority: u8) -> Result<Ours> {
    let version = |router: &mut lb_agent::vrrp::settings::VirtualRouter| {
        router.version = Version::V3;
    };
    pair.ours_as(priority, "", family.vips, version)
}

/// FRR is master and stops: we are master after our skew.
fn takes_over(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = Frr::start(pair.theirs_namespace(), family, 100)?;
    theirs.wait_for(family, "Master")?;
    let ours = ours(&pair, family, 80)?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 3)?;
    let status = ours.status()?;
    ensure!(status.state == State::Backup, "{status:?}");
    ensure!(status.master_priority == Some(100), "{status:?}");
    ensure!(status.stats.addr_list_err == 0, "{status:?}");

    let wire = pair.capture()?;
    theirs.vrrpd.signal(Signal::SIGTERM)?;
    ours.wait_for_state(State::Master)?;
    let [us, them] = family.sources;
    wire.finish()?.ensure_handover(them, 0, us, OUR_SKEW_80)?;
    for vip in family.vips {
        ensure!(pair.ours_namespace().has_address(vip)?, "{vip} is not here");
    }
    Ok(())
}

/// FRR follows us, and is master after its skew when we stop.
fn hands_over(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let ours = ours(&pair, family, 100)?;
    ours.wait_for_state(State::Master)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 80)?;
    theirs.wait_for(family, "Backup")?;
    // Longer than its master-down time: it hears us, and believes what it hears.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 5)?;
    ensure!(theirs.state(family)? == "Backup");
    ensure!(
        ours.status()?.stats.advert_rcvd == 0,
        "{:?}",
        ours.status()?
    );

    let wire = pair.capture()?;
    ours.stop();
    theirs.wait_for(family, "Master")?;
    let [us, them] = family.sources;
    wire.wait_for(them)?;
    wire.finish()?
        .ensure_handover(us, 0, them, THEIR_SKEW_80 + family.mute)
}

/// FRR says nothing any more; then it does again, and is the better one.
fn outlives_silence(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = Frr::start(pair.theirs_namespace(), family, 100)?;
    theirs.wait_for(family, "Master")?;
    let ours = ours(&pair, family, 80)?;
    ours.wait_for_advert()?;
    let wire = pair.capture()?;
    ours.wait_for_advert()?;
    theirs.vrrpd.signal(Signal::SIGSTOP)?;
    ours.wait_for_state(State::Master)?;
    let [us, them] = family.sources;
    wire.finish()?
        .ensure_handover(them, 100, us, THREE_INTERVALS + OUR_SKEW_80)?;
    theirs.vrrpd.signal(Signal::SIGCONT)?;
    ours.wait_for_state(State::Backup)?;
    theirs.wait_for(family, "Master")
}

/// `kill -9`: FRR waits for its master-down time.
fn dies(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let vips = family.vips.join("\n");
    let mut agent = Agent::start(
        pair.ours_namespace(),
        &format!(
            "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 66\n version 3\n \
             priority 100\n virtual_ipaddress {{\n{vips}\n}}\n}}\n"
        ),
    )?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 80)?;
    theirs.wait_for(family, "Backup")?;
    let wire = pair.capture()?;
    wire.0.wait_for(PATIENCE, |frames| frames.len() >= 2)?;
    agent.kill()?;
    theirs.wait_for(family, "Master")?;
    let [us, them] = family.sources;
    wire.wait_for(them)?;
    let down = THREE_INTERVALS + THEIR_SKEW_80;
    wire.finish()?
        .ensure_handover(us, 100, them, down + family.mute)
}

/// The better one takes over from the worse, whoever is which.
fn preempts(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 90)?;
    theirs.wait_for(family, "Master")?;
    let better = ours(&pair, family, 100)?;
    better.wait_for_state(State::Master)?;
    theirs.wait_for(family, "Backup")?;
    better.stop();
    theirs.wait_for(family, "Master")?;
    drop(theirs);

    let pair = Pair::new()?;
    let worse = ours(&pair, family, 80)?;
    worse.wait_for_state(State::Master)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 90)?;
    theirs.wait_for(family, "Master")?;
    worse.wait_for_state(State::Backup)
}

macro_rules! both_families {
    ($turn:ident: $($scenario:ident: $four:ident, $six:ident;)*) => {$(
        #[test]
        fn $four() -> Result<()> {
            if skipped(&NEEDS) {
                return Ok(());
            }
            let _turn = $turn();
            in_time(|| $scenario(FOUR))
        }

        #[test]
        fn $six() -> Result<()> {
            if skipped(&NEEDS) {
                return Ok(());
            }
            let _turn = $turn();
            in_time(|| $scenario(SIX))
        }
    )*};
}
pub(crate) use both_families;

both_families! { alone:
    takes_over: we_take_over_from_frr, over_ipv6_we_take_over_from_frr;
    hands_over: frr_takes_over_from_us, over_ipv6_frr_takes_over_from_us;
    outlives_silence: a_silent_frr_is_replaced_and_heard_again,
        over_ipv6_a_silent_frr_is_replaced_and_heard_again;
    dies: frr_replaces_an_agent_that_was_killed, over_ipv6_frr_replaces_an_agent_that_was_killed;
}

both_families! { beside_others:
    preempts: the_better_of_us_and_frr_is_master, over_ipv6_the_better_of_us_and_frr_is_master;
}
