//! How soon a server that fails leaves, and that it returns: counted by the agent's own log, from
//! the first check that failed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, skipped};
use serde_json::Value;

use super::{NEEDS, PATIENCE, machine};

/// `retry`, `delay_before_retry` and `connect_timeout` of the checks below; `delay_loop` is so much
/// longer that a wait of it where `delay_before_retry` belongs is beyond each bound.
const RETRY: u32 = 3;
const DELAY: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
const DELAY_LOOP: Duration = Duration::from_secs(10);

/// A web server on 127.0.0.1 that can be made to hang.
struct Server {
    address: SocketAddr,
    hangs: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// At `port`, or at any.
    fn start(machine: &Namespace, port: u16) -> Result<Self> {
        let listener = machine.enter(|| Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?))?;
        let address = listener.local_addr()?;
        let (hangs, ends) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let (hanging, ended) = (Arc::clone(&hangs), Arc::clone(&ends));
        listener.set_nonblocking(true)?;
        let thread = thread::spawn(move || {
            let mut held = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) if hanging.load(Ordering::Relaxed) => held.push(stream),
                    // The probe finds out itself when this fails.
                    Ok((stream, _)) => drop(answer(stream)),
                    Err(_nobody_there) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Ok(Self {
            address,
            hangs,
            ends,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let _length = stream.read(&mut [0; 4096])?;
    stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")
}

fn configuration(server: SocketAddr, retry: u32) -> String {
    let (delay, timeout) = (DELAY.as_secs(), TIMEOUT.as_secs());
    format!(
        "virtual_server 192.0.2.1 80 {{\n delay_loop {}\n warmup 0\n lb_algo rr\n lb_kind DR\n \
         protocol TCP\n real_server 10.0.0.1 80 {{\n  HTTP_GET {{\n   connect_ip 127.0.0.1\n   \
         connect_port {}\n   connect_timeout {timeout}\n   retry {retry}\n   \
         delay_before_retry {delay}\n   log_all_failures\n   url {{\n    path /\n    \
         status_code 200\n   }}\n  }}\n }}\n}}\n",
        DELAY_LOOP.as_secs(),
        server.port(),
    )
}

const UP: &str = "Remote Web server [10.0.0.1]:tcp:80 succeed on service.";
const FAILED: &str = "server [10.0.0.1]:tcp:80. url(/): ";
const LEAVES: &str = "Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80";
const RETURNS: &str = "Adding service [10.0.0.1]:tcp:80 to VS [192.0.2.1]:tcp:80";

/// Seconds.
const DAY: f64 = 86_400.0;

/// What the log says behind its first `position` bytes: when the first check failed, and how much
/// later the server left.
fn left_after(log: &str, position: usize) -> Result<Duration> {
    let log = log.get(position..).context("a log that shrinks")?;
    let at = |text: &str| {
        let line = log.lines().find(|line| line.contains(text));
        line.and_then(time_of_day)
            .with_context(|| format!("no time of `{text}` in\n{log}"))
    };
    let seconds = (at(LEAVES)? - at(FAILED)?).rem_euclid(DAY);
    Ok(Duration::from_secs_f64(seconds))
}

/// What lies between the ends of the tries that failed, behind the first `position` bytes of the log and
/// until the server left.
fn between_tries(log: &str, position: usize) -> Result<Vec<Duration>> {
    let log = log.get(position..).context("a log that shrinks")?;
    let (until, _) = log.split_once(LEAVES).context("it has not left")?;
    let failed = until.lines().filter(|line| line.contains(FAILED));
    let times: Option<Vec<f64>> = failed.map(time_of_day).collect();
    let times = times.with_context(|| format!("no times in\n{log}"))?;
    let gaps = times.iter().zip(times.iter().skip(1));
    let gaps = gaps.map(|(from, to)| Duration::from_secs_f64((to - from).rem_euclid(DAY)));
    Ok(gaps.collect())
}

/// Seconds since midnight of `2026-11-27T11:36:37.123456Z  INFO …`.
fn time_of_day(line: &str) -> Option<f64> {
    let (_, time) = line.split_once('T')?;
    let (time, _) = time.split_once('Z')?;
    let units = time.split(':').map(str::parse::<f64>);
    units
        .zip([3600.0, 60.0, 1.0])
        .try_fold(0.0, |sum, (unit, worth)| Some(sum + unit.ok()? * worth))
}

/// How many servers the data plane has.
fn in_the_pool(agent: &Agent) -> Result<usize> {
    let dump: Value = serde_json::from_str(&agent.dump("services --format json")?)?;
    let servers = dump
        .pointer("/services/0/servers")
        .and_then(Value::as_array);
    Ok(servers.context("no servers")?.len())
}

/// Waits until the data plane has so many.
fn expect_in_the_pool(agent: &Agent, wanted: usize) -> Result<()> {
    let found = lb_tests::wait_until(PATIENCE, || match in_the_pool(agent) {
        Ok(number) if number != wanted => None,
        decided => Some(decided),
    });
    found
        .context("the data plane has not followed the log")?
        .map(drop)
}

#[test]
fn a_server_that_refuses_leaves_within_its_retries_and_a_time_out_and_returns() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("leaving")?;
    let server = Server::start(&machine, 0)?;
    let address = server.address;
    let mut agent = Agent::start(&machine, &configuration(address, RETRY))?;
    agent.wait_for(UP, PATIENCE)?;
    expect_in_the_pool(&agent, 1)?;

    let before = agent.log().len();
    drop(server);
    agent.wait_for_after(before, LEAVES, PATIENCE)?;
    let after = left_after(&agent.log(), before)?;
    let retries = RETRY * DELAY;
    assert!(after >= retries, "{after:?}:\n{}", agent.log());
    assert!(after <= retries + TIMEOUT, "{after:?}:\n{}", agent.log());
    expect_in_the_pool(&agent, 0)?;

    let before = agent.log().len();
    let _again = Server::start(&machine, address.port())?;
    agent.wait_for_after(before, RETURNS, PATIENCE)?;
    expect_in_the_pool(&agent, 1)
}

#[test]
fn a_server_that_hangs_leaves_within_its_retry_and_a_time_out_and_returns() -> Result<()> {
    hanging(1)
}

#[test]
fn a_server_that_hangs_takes_the_time_out_at_each_retry() -> Result<()> {
    hanging(2)
}

/// Every try takes the time-out itself, and `delay_before_retry` counts from its end, as with
/// keepalived: so much from the end of each try to that of the next. Each is judged by itself, for what a
/// busy machine takes adds up.
fn hanging(retry: u32) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine(&format!("hanging{retry}"))?;
    let server = Server::start(&machine, 0)?;
    let mut agent = Agent::start(&machine, &configuration(server.address, retry))?;
    agent.wait_for(UP, PATIENCE)?;

    let before = agent.log().len();
    server.hangs.store(true, Ordering::Relaxed);
    agent.wait_for_after(before, LEAVES, PATIENCE)?;
    let log = agent.log();
    let tries = between_tries(&log, before)?;
    assert_eq!(tries.len(), usize::try_from(retry)?, "{tries:?}:\n{log}");
    let exact = DELAY + TIMEOUT;
    // Less than another time-out, or a `delay_loop`.
    let late = Duration::from_millis(2500);
    for took in &tries {
        assert!(
            *took + Duration::from_millis(50) >= exact,
            "{tries:?}:\n{log}"
        );
        assert!(*took <= exact + late, "{tries:?}:\n{log}");
    }
    expect_in_the_pool(&agent, 0)?;

    let before = agent.log().len();
    server.hangs.store(false, Ordering::Relaxed);
    agent.wait_for_after(before, RETURNS, PATIENCE)?;
    expect_in_the_pool(&agent, 1)
}
