//! Big tables, beside `ipvsadm` with the same ones. The figures are printed (`cargo xtask bench
//! ipvs`).

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::dataplane::ipvs::desired::{Desired, Server, Service};
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_agent::net::ipvs::{Forwarding, ServiceKey};
use lb_tests::now;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::ipvsadm::ipvsadm;
use crate::machine;
use crate::samples::{plain, server, web};

/// 10 000 servers.
const SERVICES: u8 = 100;
const SERVERS: u8 = 100;

/// What no machine is busy enough to explain.
const HOPELESS: Duration = Duration::from_mins(1);

/// How often the figures are taken: others use the machine, too.
const ATTEMPTS: u32 = 3;

fn ten_thousand() -> Desired {
    let service = |number: u8| {
        let to = |last: u8| Server {
            destination: server(Ipv4Addr::new(10, 0, number, last), Forwarding::Route),
            sorry: false,
        };
        let key: ServiceKey = web(number);
        Service {
            settings: plain(key, "rr"),
            servers: (1..=SERVERS).map(to).collect(),
        }
    };
    Desired {
        services: (1..=SERVICES).map(service).collect(),
    }
}

/// How long something took, and how much of it was the processor's, for us and in the kernel for us.
#[derive(Clone, Copy, Debug)]
struct Took {
    whole: Duration,
    user: Duration,
    kernel: Duration,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [whole, user, kernel] = [self.whole, self.user, self.kernel].map(|it| it.as_secs_f64());
        write!(f, "{whole:.2} s ({user:.2} ours, {kernel:.2} the kernel's)")
    }
}

/// Measures `work`; `who`: whose processor time counts.
fn measured<T>(who: UsageWho, work: impl FnOnce() -> Result<T>) -> Result<(T, Took)> {
    let used = || -> Result<[Duration; 2]> {
        let usage = getrusage(who)?;
        let time = |it: TimeVal| Duration::from_micros(it.num_microseconds().cast_unsigned());
        Ok([time(usage.user_time()), time(usage.system_time())])
    };
    let [user, kernel] = used()?;
    let start = now();
    let outcome = work()?;
    let whole = start.elapsed();
    let after = used()?;
    let took = Took {
        whole,
        user: after[0].saturating_sub(user),
        kernel: after[1].saturating_sub(kernel),
    };
    Ok((outcome, took))
}

/// `ipvsadm -R` and `ipvsadm -C` with the same table, as what is possible here.
fn by_ipvsadm(text: &str) -> Result<[Took; 2]> {
    let restore = || {
        let mut ipvsadm = Command::new("ipvsadm")
            .arg("-R")
            .stdin(Stdio::piped())
            .spawn()?;
        let input = ipvsadm.stdin.take().context("it has an input")?;
        { input }.write_all(text.as_bytes())?;
        ensure!(ipvsadm.wait()?.success());
        Ok(())
    };
    let children = UsageWho::RUSAGE_CHILDREN;
    let ((), come) = measured(children, restore)?;
    let (_, go) = measured(children, || ipvsadm("-C"))?;
    Ok([come, go])
}

/// The lines that `ipvsadm -R` reads.
fn lines() -> String {
    let mut lines = String::new();
    for service in 1..=SERVICES {
        let _infallible = writeln!(lines, "-A -t 192.0.2.{service}:80 -s rr");
        for last in 1..=SERVERS {
            let to = format!("10.0.{service}.{last}:80");
            let _infallible = writeln!(lines, "-a -t 192.0.2.{service}:80 -r {to} -g -w 1");
        }
    }
    lines
}

#[test]
fn ten_thousand_servers_come_and_go() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut best: Option<Duration> = None;
        for _ in 0..ATTEMPTS {
            let [come, look, go] = measure()?;
            println!("10 000 servers: programmed in {come}, read in {look}, removed in {go}");
            let [come_theirs, go_theirs] = by_ipvsadm(&lines())?;
            println!("ipvsadm -R: {come_theirs}; -C: {go_theirs}");
            let both = come.whole + go.whole;
            best = Some(best.map_or(both, |best| best.min(both)));
        }
        assert!(best < Some(HOPELESS), "{best:?}");
        Ok(())
    })
}

/// How long the servers take to come, to be read, and to go one by one.
fn measure() -> Result<[Took; 3]> {
    let mut plane = Plane::open()?;
    let desired = ten_thousand();
    let ours = UsageWho::RUSAGE_THREAD;
    let (outcome, come) = measured(ours, || Ok(plane.apply(&desired)?))?;
    assert!(outcome.refused.is_empty(), "{outcome:?}");
    let (drifts, look) = measured(ours, || Ok(plane.look()?))?;
    assert_eq!(drifts, []);
    let mut empty = desired;
    for service in &mut empty.services {
        service.servers.clear();
    }
    let ((), go) = measured(ours, || {
        plane.apply(&empty)?;
        plane.clear()?;
        Ok(())
    })?;
    assert_eq!(plane.table()?, []);
    Ok([come, look, go])
}
