//! Our BFD thread and FRR's bfdd 8.4 (Debian 12) as the two ends of one link.
//!
//! Each test has two namespaces and a cable of its own, and takes some seconds of real time: the
//! other side has no virtual clock.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use lb_agent::bfd::Settings;
use lb_agent::bfd::driver::{self, Event, Handle};
use lb_agent::runtime::priority::Priority;
use lb_agent::wire::bfd::{Control, State};
use lb_tests::{Capture, Namespace, Need, Process, checked, skipped, wait_until};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown};
use tempfile::TempDir;

#[path = "vrrp_peers/tshark.rs"]
#[expect(dead_code, reason = "shared with another test")]
mod tshark;

const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("tcpdump"),
    Need::Program("vtysh"),
];

/// For what must come but is not measured.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both sides send and receive at this pace, in milliseconds.
const PACE: u64 = 50;

/// Packets that may be lost.
const MULTIPLIER: u8 = 3;

/// One test at a time: some tenths of a second are measured, and a machine that is busy with the
/// other tests would be measured instead.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pair {
    ours: Namespace,
    theirs: Namespace,
    folder: TempDir,
    daemons: Vec<Process>,
}

impl Pair {
    fn new() -> Result<Self> {
        let (ours, theirs) = (Namespace::new("ours")?, Namespace::new("theirs")?);
        let other = theirs.name();
        ours.ip(&format!(
            "link add name eth0 type veth peer name eth0 netns {other}"
        ))?;
        for (machine, host) in [(&ours, 1), (&theirs, 2)] {
            machine.ip(&format!("address add 10.0.0.{host}/24 dev eth0"))?;
            machine.ip(&format!("address add fd00::{host}/64 dev eth0 nodad"))?;
            machine.ip("link set dev eth0 up")?;
        }
        // FRR gives up root's rights, and must still be able to write there.
        let folder = TempDir::new()?;
        let frr = User::from_name("frr")?.context("no user frr; is frr installed?")?;
        chown(folder.path(), Some(frr.uid), Some(frr.gid))?;
        Ok(Self {
            ours,
            theirs,
            folder,
            daemons: Vec::new(),
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts FRR with a session towards us.
    fn frr(&mut self, ours: &str, theirs: &str) -> Result<()> {
        let configuration = format!(
            "bfd\n peer {ours} local-address {theirs}\n  detect-multiplier {MULTIPLIER}\n  \
             receive-interval {PACE}\n  transmit-interval {PACE}\n  no shutdown\n !\n!\n"
        );
        fs::write(self.file("bfdd.conf"), configuration)?;
        fs::write(self.file("zebra.conf"), "")?;
        for daemon in ["zebra", "bfdd"] {
            let mut command = Command::new(format!("/usr/lib/frr/{daemon}"));
            command
                .arg("-z")
                .arg(self.file("zserv.api"))
                .arg("-i")
                .arg(self.file(&format!("{daemon}.pid")))
                .arg("-f")
                .arg(self.file(&format!("{daemon}.conf")))
                .arg("--vty_socket")
                .arg(self.folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if daemon == "bfdd" {
                command.arg("--bfdctl").arg(self.file("bfdd.sock"));
            }
            self.daemons.push(self.theirs.start(&mut command)?);
            let socket = self.file(&format!("{daemon}.vty"));
            wait_until(PATIENCE, || socket.exists().then_some(()))
                .with_context(|| format!("{daemon} does not come up"))?;
        }
        Ok(())
    }

    fn vtysh(&self, commands: &[&str]) -> Result<String> {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(self.folder.path());
        for line in commands {
            command.args(["-c", line]);
        }
        checked(&mut command)
    }

    fn wait_for_frr(&self, words: &str) -> Result<()> {
        let peers = || self.vtysh(&["show bfd peers"]);
        wait_until(PATIENCE, || peers().ok()?.contains(words).then_some(()))
            .with_context(|| format!("FRR does not say {words:?}: {:?}", peers()))
    }

    /// Starts our end.
    fn start(&self, ours: &str, theirs: &str) -> Result<Ours> {
        let settings = Settings {
            name: "b1".into(),
            neighbor: theirs.parse()?,
            source: Some(ours.parse::<IpAddr>()?),
            min_rx: Duration::from_millis(PACE),
            min_tx: Duration::from_millis(PACE),
            idle_tx: Duration::from_secs(1),
            multiplier: MULTIPLIER,
            passive: false,
            ttl: 255,
            max_hops: Some(0),
            multihop: false,
        };
        let (sender, events) = mpsc::channel();
        let changed = move |event| {
            // Nobody listens any more at the end of a test.
            sender.send((event, lb_tests::now())).ok();
        };
        let handle = self
            .ours
            .enter(|| Ok(driver::spawn(vec![settings], Priority::default(), changed)?))?;
        Ok(Ours { handle, events })
    }
}

struct Ours {
    handle: Handle,
    events: Receiver<(Event, Instant)>,
}

impl Ours {
    fn status(&self) -> Option<driver::Status> {
        self.handle.status().into_iter().next()
    }

    fn becomes(&self, up: bool) -> Result<Instant> {
        let (event, at) = self.events.recv_timeout(PATIENCE)?;
        ensure!(event == Event { session: 0, up }, "{event:?}");
        Ok(at)
    }

    fn silent_for(&self, time: Duration) -> Result<()> {
        match self.events.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            other => bail!("{other:?}"),
        }
    }
}

/// Up on both sides; FRR is killed, and we notice as fast as was agreed.
fn lives_and_dies_with_frr(ours: &str, theirs: &str) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _alone = alone();
    let mut pair = Pair::new()?;
    let capture = Capture::start(&pair.ours, "eth0", "in", "udp port 3784")?;
    let sent = Capture::start(&pair.ours, "eth0", "out", "udp port 3784")?;
    pair.frr(ours, theirs)?;
    let end = pair.start(ours, theirs)?;
    end.becomes(true)?;
    pair.wait_for_frr("Status: up")?;
    let agreed = Duration::from_millis(PACE) * MULTIPLIER.into();
    let detection = || end.status()?.detection_time;
    wait_until(PATIENCE, || {
        (detection() == Some(agreed.as_micros())).then_some(())
    })
    .with_context(|| format!("not {agreed:?}: {:?}", detection()))?;
    end.silent_for(Duration::from_secs(2))?;

    let mut bfdd = pair.daemons.pop().context("no bfdd")?;
    let killed = lb_tests::now();
    bfdd.signal(Signal::SIGKILL)?;
    let took = end.becomes(false)?.saturating_duration_since(killed);
    // The last packet was up to an interval before; a busy machine may wake us late.
    let least = agreed.saturating_sub(Duration::from_millis(PACE));
    ensure!(
        took >= least && took <= agreed + Duration::from_millis(400),
        "{took:?}"
    );
    let first = capture
        .finish()?
        .into_iter()
        .next()
        .context("no packet of FRR")?;
    let packet = first
        .bytes
        .get(first.bytes.len() - 24..)
        .context("no packet")?;
    ensure!(Control::parse(packet)?.state < State::Up);
    let sent = sent.finish()?;
    ensure!(sent.len() >= 20, "{} packets of ours", sent.len());
    tshark::ensure_decoded(&sent, &[("BFD Control message", sent.len())])
}

#[test]
fn a_session_with_frr_lives_and_dies_with_it_over_ipv4() -> Result<()> {
    lives_and_dies_with_frr("10.0.0.1", "10.0.0.2")
}

#[test]
fn a_session_with_frr_lives_and_dies_with_it_over_ipv6() -> Result<()> {
    lives_and_dies_with_frr("fd00::1", "fd00::2")
}

#[test]
fn what_an_operator_shuts_down_is_no_failure_on_either_side() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _alone = alone();
    let mut pair = Pair::new()?;
    pair.frr("10.0.0.1", "10.0.0.2")?;
    let ours = pair.start("10.0.0.1", "10.0.0.2")?;
    ours.becomes(true)?;
    pair.wait_for_frr("Status: up")?;
    let peer = [
        "configure terminal",
        "bfd",
        "peer 10.0.0.1 local-address 10.0.0.2",
    ];
    let with = |last| peer.iter().copied().chain([last]).collect::<Vec<_>>();
    pair.vtysh(&with("shutdown"))?;
    let state = |remote| {
        let status = ours.status()?;
        (status.remote_state == remote).then_some(())
    };
    wait_until(PATIENCE, || state("AdminDown")).context("FRR's AdminDown is not heard")?;
    ours.silent_for(Duration::from_secs(2))?;
    pair.vtysh(&with("no shutdown"))?;
    pair.wait_for_frr("Status: up")?;
    wait_until(PATIENCE, || state("Up")).context("not up again")?;
    ours.silent_for(Duration::from_millis(500))?;
    ours.handle.stop();
    pair.wait_for_frr("Remote diagnostics: administratively down")
}

#[test]
fn a_cut_cable_is_noticed_and_a_mended_one_too() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _alone = alone();
    let mut pair = Pair::new()?;
    pair.frr("10.0.0.1", "10.0.0.2")?;
    let ours = pair.start("10.0.0.1", "10.0.0.2")?;
    ours.becomes(true)?;
    pair.theirs.ip("link set dev eth0 down")?;
    ours.becomes(false)?;
    pair.theirs.ip("link set dev eth0 up")?;
    ours.becomes(true)?;
    Ok(())
}
