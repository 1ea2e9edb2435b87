//! Two machines on one cable: our thread in one, keepalived in the other.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use lb_agent::config::{self, FileSystem};
use lb_agent::vrrp::driver::{self, Handle};
use lb_agent::vrrp::settings::{Setup, VirtualAddress, VirtualRouter};
use lb_agent::vrrp::status::InstanceStatus;
use lb_agent::vrrp::{Gate, State};
use lb_tests::{Capture, Frame, Namespace, Process, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

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

/// One test at a time: the two sides measure seconds, and a machine that is busy with the other
/// tests would be measured instead.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (ours, theirs) = (Namespace::new("ours")?, Namespace::new("theirs")?);
        let other = theirs.name();
        ours.ip(&format!(
            "link add name eth0 type veth peer name eth0 netns {other}"
        ))?;
        for (machine, address, last) in [(&ours, OURS, 1), (&theirs, THEIRS, 2)] {
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
        let armed = Armed::default();
        let gate = Box::new(armed.clone());
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
        let handle = self
            .ours
            .enter(|| Ok(driver::spawn(setup, gate, |_news| {})?))?;
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
        let file = |name: &str| self.folder.path().join(name);
        fs::write(
            file("theirs.conf"),
            configuration(THEIRS, OURS, priority, common, vips),
        )?;
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
        self.handle.stop();
    }
}

/// A running keepalived; its processes go with the namespace.
pub(crate) struct Keepalived {
    process: Process,
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

/// A recording of the adverts.
pub(crate) struct Wire(Capture);

/// The adverts of a recording.
#[derive(Debug)]
pub(crate) struct Adverts(Vec<Advert>);

#[derive(Debug)]
struct Advert {
    time: Duration,
    source: IpAddr,
    priority: u8,
}

impl Wire {
    /// Ends the recording.
    pub(crate) fn finish(self) -> Result<Adverts> {
        let frames = self.0.finish()?;
        crate::tshark::ensure_clean(&frames)?;
        Ok(Adverts(frames.iter().filter_map(advert).collect()))
    }
}

/// Ethernet, an IP header without options, perhaps an authentication header, VRRP.
fn advert(frame: &Frame) -> Option<Advert> {
    let bytes = |at, length| frame.bytes.get(at..at + length);
    let (source, priority) = match (frame.bytes.get(12)?, frame.bytes.get(23)?) {
        (0x86, _) => {
            let source: [u8; 16] = bytes(22, 16)?.try_into().ok()?;
            (Ipv6Addr::from(source).into(), 56)
        }
        (_, protocol) => {
            let source: [u8; 4] = bytes(26, 4)?.try_into().ok()?;
            let ah = if *protocol == 51 { 24 } else { 0 };
            (Ipv4Addr::from(source).into(), 36 + ah)
        }
    };
    Some(Advert {
        time: frame.time,
        source,
        priority: *frame.bytes.get(priority)?,
    })
}

impl Adverts {
    /// Whether `to`'s first advert came as long after `from`'s last one, of this priority, as it
    /// should.
    pub(crate) fn ensure_handover(
        &self,
        from: &str,
        priority: u8,
        to: &str,
        expected: Duration,
    ) -> Result<()> {
        let (from, to): (IpAddr, IpAddr) = (from.parse()?, to.parse()?);
        let place = self.0.iter().position(|advert| advert.source == to);
        let (before, after) = self.0.split_at(place.context("nobody takes over")?);
        let last = before.iter().rfind(|advert| advert.source == from);
        let (last, first) = last.zip(after.first()).context("nobody hands over")?;
        ensure!(last.priority == priority, "{self:?}");
        // What a busy machine may add: it wakes our thread, or keepalived, late.
        let slack = Duration::from_millis(400);
        let took = first.time.saturating_sub(last.time);
        let early = Duration::from_millis(5);
        ensure!(
            took + early >= expected && took <= expected + slack,
            "took {took:?} instead of {expected:?}: {self:?}"
        );
        Ok(())
    }
}
