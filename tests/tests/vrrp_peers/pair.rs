//! Two machines on one cable: our thread in one, keepalived in the other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use lb_agent::config::{self, FileSystem};
use lb_agent::vrrp::driver::{self, Handle};
use lb_agent::vrrp::settings::{Setup, VirtualAddress, VirtualRouter};
use lb_agent::vrrp::status::InstanceStatus;
use lb_agent::vrrp::{Gate, State};
use lb_tests::{Capture, Namespace, Process, wait_until};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::adverts::Wire;

/// The virtual address.
pub(crate) const VIP: &str = "10.0.0.100";

/// Stands for the unicast lines, which differ between the two.
pub(crate) const UNICAST: &str = "UNICAST";

/// Our address.
pub(crate) const OURS: &str = "10.0.0.1";
/// keepalived's address.
pub(crate) const THEIRS: &str = "10.0.0.2";

/// For what must come but is not measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How the two sides speak, where it is not version 2 without authentication.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// Lines of keepalived's `vrrp_instance`.
    pub(crate) theirs: &'static str,
    /// The same in our settings.
    pub(crate) ours: fn(&mut VirtualRouter),
    /// The virtual addresses.
    pub(crate) vips: &'static [&'static str],
    /// Skew of priority 80.
    pub(crate) skew_80: Duration,
    /// The addresses that adverts are sent from.
    pub(crate) sources: [&'static str; 2],
}

static TURN: RwLock<()> = RwLock::new(());

/// One test at a time: the two sides measure seconds, and a machine that is busy with the other
/// tests would be measured instead.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Beside others that ask for no more: tests that wait most of their time, and measure nothing or
/// measure again when the machine was busy ([`crate::adverts::in_time`]).
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

/// The configuration of the router at `address`.
fn configuration(address: &str, peer: &str, priority: u8, common: &str, vips: &[&str]) -> String {
    let unicast = format!("unicast_src_ip {address}\n unicast_peer {{\n {peer}\n }}");
    let common = common.replace(UNICAST, &unicast);
    let vips = vips.join("\n ");
    format!(
        "vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 66\n \
         priority {priority}\n advert_int 1\n {common}\n virtual_ipaddress {{\n {vips}\n }}\n}}\n"
    )
}

/// Two namespaces with `eth0` each.
pub(crate) struct Pair {
    ours: Namespace,
    theirs: Namespace,
    folder: TempDir,
}

impl Pair {
    pub(crate) fn new() -> Result<Self> {
        Self::with_addresses([OURS, THEIRS])
    }

    /// The same with other addresses: ours, keepalived's.
    pub(crate) fn with_addresses([our_address, their_address]: [&str; 2]) -> Result<Self> {
        let (ours, theirs) = (Namespace::new("ours")?, Namespace::new("theirs")?);
        let other = theirs.name();
        ours.ip(&format!(
            "link add name eth0 type veth peer name eth0 netns {other}"
        ))?;
        for (machine, address, last) in [(&ours, our_address, 1), (&theirs, their_address, 2)] {
            machine.ip("link set dev eth0 addrgenmode none")?;
            machine.ip(&format!("address add {address}/24 dev eth0"))?;
            machine.ip(&format!("address add fe80::{last}/64 dev eth0 nodad"))?;
            machine.ip(&format!("address add fd00::{last}/64 dev eth0 nodad"))?;
            machine.ip("link set dev eth0 up")?;
        }
        for machine in [&ours, &theirs] {
            let up = || {
                machine
                    .ip("link show dev eth0")
                    .ok()
                    .filter(|link| link.contains("state UP"))
            };
            wait_until(PATIENCE, up).context("the cable does not come up")?;
        }
        Ok(Self {
            ours,
            theirs,
            folder: TempDir::new()?,
        })
    }

    pub(crate) fn ours_namespace(&self) -> &Namespace {
        &self.ours
    }

    pub(crate) fn theirs_namespace(&self) -> &Namespace {
        &self.theirs
    }

    /// Records the adverts on the cable from now on.
    pub(crate) fn capture(&self) -> Result<Wire> {
        Ok(Wire(Capture::start(
            &self.ours,
            "eth0",
            "inout",
            "ip proto 112 or ip proto 51 or ip6 proto 112",
        )?))
    }

    /// The Ethernet address of a machine's end of the cable.
    pub(crate) fn mac(machine: &Namespace) -> Result<[u8; 6]> {
        let shown = machine.ip("-oneline link show dev eth0")?;
        let mut words = shown.split_whitespace();
        let _before: Option<&str> = words.find(|word| *word == "link/ether");
        let mac = words.next();
        let bytes: Vec<u8> = mac
            .context("no address")?
            .split(':')
            .map(|byte| Ok(u8::from_str_radix(byte, 16)?))
            .collect::<Result<_>>()?;
        bytes.try_into().ok().context("not six bytes")
    }

    /// A second cable, `eth1`.
    pub(crate) fn add_cable(&self) -> Result<()> {
        let other = self.theirs.name();
        self.ours.ip(&format!(
            "link add name eth1 type veth peer name eth1 netns {other}"
        ))?;
        for (machine, last) in [(&self.ours, 1), (&self.theirs, 2)] {
            machine.ip(&format!("address add 10.0.1.{last}/24 dev eth1"))?;
            machine.ip("link set dev eth1 up")?;
        }
        Ok(())
    }

    /// Starts our thread in its namespace.
    pub(crate) fn ours(&self, priority: u8, common: &str) -> Result<Ours> {
        self.ours_as(priority, common, &[VIP], |_router| {})
    }

    /// The same, with settings that are changed after the file was read.
    pub(crate) fn ours_as(
        &self,
        priority: u8,
        common: &str,
        vips: &[&str],
        change: impl Fn(&mut VirtualRouter),
    ) -> Result<Ours> {
        let path = self.folder.path().join("ours.conf");
        fs::write(&path, configuration(OURS, THEIRS, priority, common, &[VIP]))?;
        let loaded = config::load(&FileSystem, &path);
        ensure!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let mut setup = Setup::from(&loaded.config);
        for router in &mut setup.instances {
            let address = |vip: &&str| -> Result<VirtualAddress> {
                Ok(VirtualAddress::new(
                    IpNet::from(vip.parse::<IpAddr>()?),
                    "eth0",
                ))
            };
            router.virtual_ipaddress = vips.iter().map(address).collect::<Result<_>>()?;
            change(router);
            router.settle();
        }
        self.spawn(setup)
    }

    /// Starts our thread with a whole configuration.
    pub(crate) fn ours_from(&self, text: &str) -> Result<Ours> {
        self.spawn(self.setup(text)?)
    }

    /// Has our thread go on with another whole configuration; does not wait until it does.
    pub(crate) fn reload(&self, ours: &mut Ours, text: &str) -> Result<()> {
        let setup = self.setup(text)?;
        let gate = Box::new(ours.armed.clone());
        let handle = &mut ours.handle;
        self.ours
            .enter(|| Ok(handle.reload(setup, &BTreeSet::new(), gate)?))
    }

    fn setup(&self, text: &str) -> Result<Setup> {
        let path = self.folder.path().join("ours.conf");
        fs::write(&path, text)?;
        let loaded = config::load(&FileSystem, &path);
        ensure!(!loaded.is_fatal(), "{:?}", loaded.diagnostics);
        Ok(Setup::from(&loaded.config))
    }

    fn spawn(&self, setup: Setup) -> Result<Ours> {
        let armed = Armed::default();
        let gate = Box::new(armed.clone());
        let spawn = || Ok(driver::spawn(setup, gate, |_news| {})?);
        let handle = self.ours.enter(spawn)?;
        Ok(Ours { handle, armed })
    }

    /// Starts keepalived in its namespace; only its VRRP part, which needs no IPVS.
    pub(crate) fn keepalived(&self, priority: u8, common: &str) -> Result<Keepalived> {
        self.keepalived_as(priority, common, &[VIP])
    }

    /// The same, with other virtual addresses.
    pub(crate) fn keepalived_as(
        &self,
        priority: u8,
        common: &str,
        vips: &[&str],
    ) -> Result<Keepalived> {
        self.keepalived_from(&configuration(THEIRS, OURS, priority, common, vips))
    }

    /// Starts keepalived with a whole configuration.
    pub(crate) fn keepalived_from(&self, text: &str) -> Result<Keepalived> {
        let file = |name: &str| self.folder.path().join(name);
        fs::write(file("theirs.conf"), text)?;
        let log = File::create(file("log"))?;
        let process = self.theirs.start(
            Command::new("keepalived")
                .args(["--vrrp", "--dont-fork", "--log-console", "--log-detail"])
                .arg("--use-file")
                .arg(file("theirs.conf"))
                .arg("--pid")
                .arg(file("parent.pid"))
                .arg("--vrrp_pid")
                .arg(file("vrrp.pid"))
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log),
        )?;
        Ok(Keepalived {
            process,
            configuration: file("theirs.conf"),
            log: file("log"),
            vrrp_pid: file("vrrp.pid"),
        })
    }
}

/// The gate of the one instance.
#[derive(Clone, Default)]
struct Armed(Arc<Mutex<bool>>);

impl Armed {
    fn get(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, armed: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = armed;
    }
}

impl Gate for Armed {
    fn arm(&self, _instance: usize) {
        self.set(true);
    }

    fn disarm(&self, _instance: usize) {
        self.set(false);
    }
}

/// Our running thread.
pub(crate) struct Ours {
    handle: Handle,
    armed: Armed,
}

impl Ours {
    pub(crate) fn status(&self) -> Result<InstanceStatus> {
        self.handle
            .status()
            .into_iter()
            .next()
            .context("no instance")
    }

    /// Every instance.
    pub(crate) fn statuses(&self) -> Vec<InstanceStatus> {
        self.handle.status()
    }

    /// Waits until every instance is in this state.
    pub(crate) fn wait_for_all(&self, state: State) -> Result<()> {
        let all = || {
            let statuses = self.statuses();
            let are = statuses.iter().all(|status| status.state == state);
            are.then_some(())
        };
        wait_until(PATIENCE, all)
            .with_context(|| format!("not all are {state:?}: {:?}", self.statuses()))
    }

    pub(crate) fn wait_until(&self, condition: impl Fn(&InstanceStatus) -> bool) -> Result<()> {
        wait_until(PATIENCE, || self.status().ok().filter(&condition))
            .with_context(|| format!("not within {PATIENCE:?}: {:?}", self.status()))
            .map(drop)
    }

    /// Waits for a state, and checks that the gate goes with it.
    pub(crate) fn wait_for_state(&self, state: State) -> Result<()> {
        self.wait_until(|status| status.state == state)?;
        ensure!(
            self.armed.get() == (state == State::Master),
            "the gate is wrong for {state:?}"
        );
        Ok(())
    }

    /// Waits for the next advert.
    pub(crate) fn wait_for_advert(&self) -> Result<()> {
        let before = self.status()?.stats.advert_rcvd;
        self.wait_until(|status| status.stats.advert_rcvd > before)
    }

    pub(crate) fn stop(self) {
        assert!(self.handle.stop());
    }
}

/// A running keepalived; its processes go with the namespace.
pub(crate) struct Keepalived {
    process: Process,
    configuration: PathBuf,
    log: PathBuf,
    vrrp_pid: PathBuf,
}

impl Keepalived {
    pub(crate) fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    pub(crate) fn wait_for(&self, line: &str) -> Result<()> {
        let seen = wait_until(PATIENCE, || {
            self.log().is_ok_and(|log| log.contains(line)).then_some(())
        });
        match seen {
            Some(()) => Ok(()),
            None => bail!("keepalived does not say {line:?}:\n{}", self.log()?),
        }
    }

    /// Has it go on with another whole configuration; does not wait until it does.
    pub(crate) fn reload(&mut self, text: &str) -> Result<()> {
        fs::write(&self.configuration, text)?;
        self.process.signal(Signal::SIGHUP)
    }

    /// A clean end: priority 0.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)
    }

    /// Silence: nothing is said, and the link stays up.
    pub(crate) fn freeze(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)?;
        kill(self.vrrp()?, Signal::SIGSTOP)?;
        Ok(())
    }

    /// The end of the silence.
    pub(crate) fn thaw(&mut self) -> Result<()> {
        kill(self.vrrp()?, Signal::SIGCONT)?;
        self.process.signal(Signal::SIGCONT)
    }

    fn vrrp(&self) -> Result<Pid> {
        let pid = fs::read_to_string(&self.vrrp_pid)?;
        Ok(Pid::from_raw(pid.trim().parse()?))
    }
}
