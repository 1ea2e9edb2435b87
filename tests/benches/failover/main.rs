//! How long a MASTER is missed: `cargo xtask bench failover`.
//!
//! Two routers on one cable, priorities 100 and 80, version 3. The first one stops (priority 0) or
//! dies (SIGKILL); a capture tells how long after its last advert the second one's first came. Ours
//! and keepalived's take turns in the same run. Then what clients notice through the data plane.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod clients;
mod router;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Capture, Frame, Namespace, Need, PATIENCE, needs, wait_until};
use router::{Kind, Router};
use tempfile::TempDir;

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("tcpdump"),
];

/// Of the second router.
const PRIORITY: u32 = 80;

/// How the first router ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It says so.
    Release,
    /// It does not.
    Death,
}

/// One row of the report.
struct Row {
    interval: Duration,
    end: End,
    runs: u32,
}

const ROWS: [Row; 6] = [
    row(1000, End::Release, 10),
    row(1000, End::Death, 10),
    row(100, End::Release, 20),
    row(100, End::Death, 20),
    row(10, End::Release, 20),
    row(10, End::Death, 20),
];

const fn row(interval: u64, end: End, runs: u32) -> Row {
    Row {
        interval: Duration::from_millis(interval),
        end,
        runs,
    }
}

impl Row {
    /// RFC 9568 6.1: the skew, and three intervals before it when nothing was said.
    fn formula(&self) -> Duration {
        let skew = self.interval * (256 - PRIORITY) / 256;
        match self.end {
            End::Release => skew,
            End::Death => self.interval * 3 + skew,
        }
    }
}

fn main() -> ExitCode {
    lb_tests::report(&NEEDS, run)
}

fn run() -> Result<()> {
    println!(
        "{:<8} {:<8} {:<11} {:>9} {:>5}   {:>9} {:>9} {:>9} {:>9}  (ms after the formula)",
        "interval", "end", "routers", "formula", "runs", "min", "median", "90 %", "max"
    );
    let mut kinds = vec![Kind::Ours];
    if Need::Program("keepalived").is_met() {
        kinds.push(Kind::Keepalived);
    }
    for row in ROWS {
        let mut times = kinds
            .iter()
            .map(|kind| (*kind, Vec::new()))
            .collect::<Vec<_>>();
        for _ in 0..row.runs {
            // In turns: what the machine does beside this meets both.
            for (kind, times) in &mut times {
                times.push(takeover(*kind, &row)?);
            }
        }
        for (kind, times) in times {
            print(&row, kind, times);
        }
    }
    if needs::skipped(&needs::SITE) {
        return Ok(());
    }
    clients::run()
}

fn print(row: &Row, kind: Kind, mut times: Vec<Duration>) {
    times.sort_unstable();
    let formula = row.formula();
    let beyond = |time: Option<&Duration>| {
        time.map_or(f64::NAN, |time| {
            (time.as_secs_f64() - formula.as_secs_f64()) * 1000.0
        })
    };
    let end = match row.end {
        End::Release => "prio 0",
        End::Death => "silent",
    };
    println!(
        "{:<8} {end:<8} {:<11} {:>6.1} ms {:>5}   {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
        format!("{} ms", row.interval.as_millis()),
        kind.name(),
        formula.as_secs_f64() * 1000.0,
        times.len(),
        beyond(times.first()),
        beyond(times.get(times.len() / 2)),
        beyond(times.get((times.len() * 9).div_ceil(10).saturating_sub(1))),
        beyond(times.last()),
    );
}

/// From the first router's last advert to the second one's first.
fn takeover(kind: Kind, row: &Row) -> Result<Duration> {
    let folder = TempDir::new()?;
    let [first, second] = cable()?;
    let mut old = Router::start(kind, &first, folder.path(), 100, row.interval)?;
    let wire = Capture::start(&second, "eth0", "inout", "ip proto 112")?;
    wire.wait_for(PATIENCE, |frames| frames.len() >= 2)?;
    let _new = Router::start(kind, &second, folder.path(), PRIORITY, row.interval)?;
    // It has come up, and has heard the other for longer than it would wait for it.
    let heard = wire.frames().len() + 5;
    std::thread::sleep(Duration::from_millis(700));
    wire.wait_for(PATIENCE, |frames| frames.len() >= heard)?;
    let before = from(&wire.frames(), SECOND).count();
    match row.end {
        End::Release => old.stop()?,
        End::Death => old.kill()?,
    }
    wire.wait_for(PATIENCE, |frames| from(frames, SECOND).count() > before)
        .context("the second router does not take over")?;
    let frames = wire.finish()?;
    let taken = from(&frames, SECOND).nth(before).context("no advert")?;
    let last = from(&frames, FIRST)
        .filter(|time| *time < taken)
        .last()
        .context("no advert of the first router")?;
    Ok(taken.saturating_sub(last))
}

const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// When adverts of a router came.
fn from(frames: &[Frame], router: Ipv4Addr) -> impl Iterator<Item = Duration> {
    let is_from = move |frame: &&Frame| frame.bytes.get(26..30) == Some(&router.octets());
    frames.iter().filter(is_from).map(|frame| frame.time)
}

/// Two machines on one cable.
fn cable() -> Result<[Namespace; 2]> {
    let (first, second) = (Namespace::new("first")?, Namespace::new("second")?);
    let other = second.name();
    first.ip(&format!(
        "link add name eth0 type veth peer name eth0 netns {other}"
    ))?;
    for (machine, address) in [(&first, FIRST), (&second, SECOND)] {
        machine.ip("link set dev eth0 addrgenmode none")?;
        machine.ip(&format!("address add {address}/24 dev eth0"))?;
        machine.ip("link set dev eth0 up")?;
    }
    let up = || {
        let link = first.ip("link show dev eth0").ok()?;
        link.contains("state UP").then_some(())
    };
    wait_until(PATIENCE, up).context("the cable does not come up")?;
    Ok([first, second])
}
