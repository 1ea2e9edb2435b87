//! Two directors and VRRP over IPv6: what clients notice when the MASTER goes and comes back.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Agent, Namespace, Probe, Switch, WebServer, needs, now, skipped, wait_until};

use super::{CONFIGURATION, PATIENCE, SERVICE, plug, servers, web};

/// Until the BACKUP (priority 80, an advert a second) misses the MASTER (RFC 9568 6.1).
const MASTER_DOWN: Duration = Duration::from_micros(3_687_500);

const SECOND: Duration = Duration::from_secs(1);

/// One segment with a client, two directors and two servers.
struct Pair {
    // Before the machines: an agent ends before its namespace does.
    agents: [Option<Agent>; 2],
    client: Namespace,
    _web: [WebServer; 2],
    directors: [Namespace; 2],
    _servers: [Namespace; 2],
    segment: Switch,
}

fn configuration(priority: u8) -> String {
    format!(
        "{CONFIGURATION}vrrp_instance VI_6 {{\n interface eth0\n virtual_router_id 66\n \
         priority {priority}\n virtual_ipaddress {{\n fe80::100\n {SERVICE}\n }}\n}}\n"
    )
}

impl Pair {
    /// The first director is MASTER, and its servers are in use.
    fn at_work() -> Result<Self> {
        let segment = Switch::new("segment")?;
        let client = plug(&segment, "client", "50")?;
        let directors = [
            plug(&segment, "director1", "1")?,
            plug(&segment, "director2", "2")?,
        ];
        let servers = servers(&segment)?;
        let web = web(&servers)?;
        let mut pair = Self {
            agents: [None, None],
            client,
            _web: web,
            directors,
            _servers: servers,
            segment,
        };
        pair.start(0)?;
        pair.wait_for_master(0)?;
        pair.start(1)?;
        pair.agent(1)?.wait_for("Entering BACKUP STATE", PATIENCE)?;
        Ok(pair)
    }

    fn start(&mut self, number: usize) -> Result<()> {
        let director = self.directors.get(number).context("no such director")?;
        let priority = if number == 0 { 100 } else { 80 };
        let agent = Agent::start(director, &configuration(priority))?;
        *self.agents.get_mut(number).context("no such agent")? = Some(agent);
        Ok(())
    }

    fn agent(&mut self, number: usize) -> Result<&mut Agent> {
        let agent = self.agents.get_mut(number).and_then(Option::as_mut);
        agent.context("this agent does not run")
    }

    fn take(&mut self, number: usize) -> Result<Agent> {
        let agent = self.agents.get_mut(number).and_then(Option::take);
        agent.context("this agent does not run")
    }

    /// This one is MASTER, and knows the way to the servers.
    fn wait_for_master(&mut self, number: usize) -> Result<()> {
        let agent = self.agent(number)?;
        agent.wait_for("Entering MASTER STATE", PATIENCE)?;
        let ready = || {
            let backends = agent.dump("backends").ok()?;
            let mut lines = backends.lines();
            lines
                .any(|line| line.trim_end().ends_with("ready"))
                .then_some(())
        };
        wait_until(PATIENCE, ready).with_context(|| format!("not at work: {}", agent.log()))
    }

    /// A client that asks all the time, and has been answered once.
    fn probe(&self) -> Result<Probe> {
        let probe = Probe::start(&self.client, SocketAddr::from((SERVICE, 80)))?;
        let answered = probe.wait_for(now(), PATIENCE, |_| true);
        answered.context("the service does not answer")?;
        Ok(probe)
    }

    /// Which directors have the address.
    fn ensure_master_only(&self, number: usize) -> Result<()> {
        let right = || {
            let has = |at: usize| {
                self.directors
                    .get(at)?
                    .has_address(&SERVICE.to_string())
                    .ok()
            };
            (has(number)? && !has(1 - number)?).then_some(())
        };
        wait_until(PATIENCE, right).context("not one director with the address")
    }
}

/// How long the clients of `probe` have waited, now that they are served.
fn gap(probe: &Probe) -> Result<Duration> {
    probe.wait_for(now(), PATIENCE, |_| true)?;
    Ok(probe.report().longest_gap())
}

#[test]
fn clients_of_ipv6_wait_less_than_a_second_when_the_master_is_stopped_and_when_it_returns()
-> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut pair = Pair::at_work()?;
    let probe = pair.probe()?;
    let exit = pair.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    pair.wait_for_master(1)?;
    let waited = gap(&probe)?;
    ensure!(waited < SECOND, "clients waited {waited:?}");
    pair.ensure_master_only(1)?;

    let probe = pair.probe()?;
    pair.start(0)?;
    pair.wait_for_master(0)?;
    pair.ensure_master_only(0)?;
    let waited = gap(&probe)?;
    ensure!(waited < SECOND, "at the return: clients waited {waited:?}");
    Ok(())
}

#[test]
fn clients_of_ipv6_wait_no_longer_than_the_backup_does() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    // A crash: the program goes on, and so does the address.
    let mut pair = Pair::at_work()?;
    let probe = pair.probe()?;
    pair.take(0)?.kill()?;
    pair.wait_for_master(1)?;
    let waited = gap(&probe)?;
    ensure!(waited < MASTER_DOWN + SECOND, "clients waited {waited:?}");

    // No power.
    let mut pair = Pair::at_work()?;
    let probe = pair.probe()?;
    let [first, _] = &pair.directors;
    pair.segment.unplug(first)?;
    pair.take(0)?.kill()?;
    pair.wait_for_master(1)?;
    let waited = gap(&probe)?;
    ensure!(waited > SECOND, "it cannot have been away: {waited:?}");
    ensure!(waited < MASTER_DOWN + SECOND, "clients waited {waited:?}");
    Ok(())
}
