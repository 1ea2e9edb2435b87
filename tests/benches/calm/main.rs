//! Whether adverts keep their beat under fire: `cargo xtask bench calm`.
//!
//! A MASTER with 2 000 services and 40 000 servers that nobody answers for, a BACKUP beside it, every
//! processor busy, and one reload after another. A capture tells how late adverts were; the BACKUP's
//! log, whether it ever took over. The same without all that first. `--seconds` says how long each row
//! takes (60 by default; 600 are the ten minutes of the promise), `--fire` leaves the calm rows out,
//! `--interval` (milliseconds) the others. It fails when an advert of a second's interval is late by
//! more than 20 % of it, or when the BACKUP takes over.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

use std::fmt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::configurations::Large;
use lb_tests::{Agent, Capture, Frame, Namespace, Need, Process, Switch};

const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Bpf,
    Need::Program("ip"),
    Need::Program("tcpdump"),
];

/// For a file of 40 000 servers on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// Later than this part of its interval an advert is late.
const LATE: u32 = 5;

const INTERVALS: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(100)];

fn main() -> ExitCode {
    lb_tests::report(&NEEDS, run)
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |name: &str| -> Result<Option<u64>> {
        let place = arguments.iter().position(|it| it == name);
        let value = place.and_then(|place| arguments.get(place + 1));
        Ok(value.map(|value| value.parse()).transpose()?)
    };
    let time = Duration::from_secs(given("--seconds")?.unwrap_or(60));
    let only = given("--interval")?.map(Duration::from_millis);
    let loads: &[bool] = if arguments.iter().any(|it| it == "--fire") {
        &[true]
    } else {
        &[false, true]
    };
    println!("adverts   load    sent  median late   latest  > 20 %  reloads  false failovers");
    let intervals = only.map_or_else(|| INTERVALS.to_vec(), |only| vec![only]);
    let mut missed = Vec::new();
    for interval in intervals {
        for loaded in loads {
            let row = row(interval, *loaded, time)?;
            println!("{row}");
            missed.extend(row.missed());
        }
    }
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

/// What was measured.
struct Row {
    interval: Duration,
    loaded: bool,
    sent: usize,
    /// Of each advert but the first, sorted.
    late: Vec<Duration>,
    reloads: u32,
    failovers: usize,
}

impl Row {
    /// Adverts that came later than a fifth of the interval.
    fn too_late(&self) -> usize {
        let bound = self.interval / LATE;
        self.late.iter().filter(|late| **late > bound).count()
    }

    /// What it should not be: at a second nothing is late by more than that, and no BACKUP ever takes
    /// over from a living MASTER.
    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let (late, failovers) = (self.too_late(), self.failovers);
        if late > 0 && self.interval >= Duration::from_secs(1) {
            missed.push(format!("{late} adverts later than a fifth of a second"));
        }
        if failovers > 0 {
            missed.push(format!(
                "{failovers} false failovers at {:?}",
                self.interval
            ));
        }
        missed
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |it: Option<&Duration>| it.map_or(0.0, |it| it.as_secs_f64() * 1000.0);
        write!(
            f,
            "{:>5} ms  {:<5} {:>6}  {:>8.2} ms  {:>5.1} ms  {:>6}  {:>7}  {:>15}",
            self.interval.as_millis(),
            if self.loaded { "fire" } else { "calm" },
            self.sent,
            millis(self.late.get(self.late.len() / 2)),
            millis(self.late.last()),
            self.too_late(),
            self.reloads,
            self.failovers
        )
    }
}

/// The two directors, on one switch.
struct Pair {
    master: Agent,
    backup: Agent,
    machine: Namespace,
    _others: (Namespace, Switch),
}

impl Pair {
    fn start(text: &str) -> Result<Self> {
        let switch = Switch::new("outside")?;
        let (machine, other) = (Namespace::new("director1")?, Namespace::new("director2")?);
        switch.plug(&machine, "eth0", "10.128.255.1/16")?;
        switch.plug(&other, "eth0", "10.128.255.2/16")?;
        let mut master = Agent::start(&machine, text)?;
        master.wait_for("Entering MASTER STATE", PATIENCE)?;
        // The instance alone: a director that has nothing else to do.
        let (instance, _) = text.split_once("virtual_server").unwrap_or((text, ""));
        let worse = instance.replace("priority 100", "priority 90");
        let mut backup = Agent::start(&other, &worse)?;
        backup.wait_for("Entering BACKUP STATE", PATIENCE)?;
        Ok(Self {
            master,
            backup,
            machine,
            _others: (other, switch),
        })
    }
}

fn configuration(interval: Duration, large: bool) -> String {
    let size = Large {
        services: if large { Large::SITE.services } else { 0 },
        ..Large::SITE
    };
    let pace = format!("version 3\n    advert_int {}\n", interval.as_secs_f64());
    let text = size.text().replace("advert_int 1\n", &pace);
    let text = text.replace(
        "router_id large\n",
        "router_id large\n    vrrp_rt_priority 50\n",
    );
    if large {
        return text;
    }
    // Without services there is no address.
    text.replace(
        "virtual_ipaddress {\n",
        "virtual_ipaddress {\n        10.128.0.1/32\n",
    )
}

fn row(interval: Duration, loaded: bool, time: Duration) -> Result<Row> {
    let text = configuration(interval, loaded);
    let pair = Pair::start(&text)?;
    let burners = if loaded { burn()? } else { Vec::new() };
    let position = pair.backup.log().len();
    let capture = Capture::start(&pair.machine, "eth0", "out", "ip proto 112")?;
    let start = lb_tests::now();
    let mut reloads = 0_u32;
    while start.elapsed() < time {
        if loaded {
            let other = text.replace("weight 1", "weight 7");
            pair.master.reload(if reloads.is_multiple_of(2) {
                &other
            } else {
                &text
            })?;
            reloads += 1;
        } else {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let frames = capture.finish()?;
    drop(burners);
    let said = pair.backup.log();
    let failovers = said.get(position..).unwrap_or_default();
    let failovers = failovers.matches("Entering MASTER STATE").count();
    Ok(Row {
        interval,
        loaded,
        sent: frames.len(),
        late: lateness(&frames, interval).context("no adverts")?,
        reloads,
        failovers,
    })
}

/// How much later each advert came than an interval after the one before, sorted.
fn lateness(frames: &[Frame], interval: Duration) -> Option<Vec<Duration>> {
    let gaps = frames.iter().zip(frames.iter().skip(1));
    let mut late: Vec<Duration> = gaps
        .map(|(one, next)| next.time.saturating_sub(one.time).saturating_sub(interval))
        .collect();
    late.sort_unstable();
    (!late.is_empty()).then_some(late)
}

/// A program on each processor that does nothing, quickly.
fn burn() -> Result<Vec<Process>> {
    let processors = std::thread::available_parallelism()?.get();
    let one = |_| {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        Process::start(command.stdin(Stdio::null()))
    };
    (0..processors).map(one).collect()
}
