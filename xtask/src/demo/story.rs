//! The steps of the demo.

use anyhow::{Context, Result, bail};
use lb_tests::{Cluster, PATIENCE, Probe, WebServer, now};

use super::screen::{Screen, duration, say};

/// Requests that show how they are spread.
const REQUESTS: usize = 300;

/// Shows every step.
pub(super) fn tell(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    election(cluster, screen)?;
    spread(cluster, screen)?;
    failing_server(cluster, screen)?;
    killed_master(cluster, screen)?;
    returning_master(cluster, screen)?;
    stopped_master(cluster, screen)?;
    what_the_agent_knows(cluster, screen)
}

fn election(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(1, "Two directors start, and elect a MASTER");
    let start = now();
    cluster.start(0)?;
    cluster.start(1)?;
    cluster.wait_for_master(0)?;
    say("Director 1 has priority 100 and director 2 has 80, so director 1 it is.");
    screen.figure(
        "MASTER, and has the address, after",
        duration(start.elapsed()),
    );
    screen.quote(&lines_with(&cluster.agent(0)?.log(), "STATE"));
    say("Director 2 waits, and listens to an advert a second:");
    screen.quote(&lines_with(&cluster.agent(1)?.log(), "STATE"));
    Ok(())
}

fn spread(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(2, "Requests, spread over both servers");
    requests(cluster, screen)?;
    let client = cluster.site.layout.client;
    say(format_args!(
        "The servers saw the client's own address, {client}."
    ));
    screen.quote(&cluster.agent(0)?.dump("services --stats")?);
    Ok(())
}

fn failing_server(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(
        3,
        "A server fails its check and leaves; it recovers and returns",
    );
    let [server, _] = cluster.site.layout.servers;
    let [machine, _] = &cluster.site.servers;
    let probe = Probe::start(&cluster.site.client, cluster.site.service())?;
    let [web, _] = &mut cluster.site.web;
    *web = None;
    *web = Some(WebServer::start(machine, "rs1", 503)?);
    let start = now();
    say("rs1 now answers every request with 503 …");
    let leaves = format!("Removing service [{server}]:tcp:80");
    cluster.agent(0)?.wait_for(&leaves, 1, PATIENCE)?;
    screen.figure("… and is out after", duration(start.elapsed()));
    let report = probe.report();
    drop(probe);
    screen.figure("requests that met the 503", report.failures());
    say("The configuration asks for 3 retries a second apart, and one look in 6 seconds.");
    requests(cluster, screen)?;

    let [machine, _] = &cluster.site.servers;
    let [web, _] = &mut cluster.site.web;
    *web = None;
    *web = Some(WebServer::start(machine, "rs1", 200)?);
    let start = now();
    say("rs1 answers 200 again …");
    cluster
        .agent(0)?
        .wait_for(&format!("Adding service [{server}]:tcp:80"), 1, PATIENCE)?;
    screen.figure("… and is back after", duration(start.elapsed()));
    requests(cluster, screen)?;
    Ok(())
}

fn killed_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(4, "kill -9 for the MASTER");
    let probe = cluster.probe()?;
    let exit = cluster.take(0)?.kill()?;
    say(format_args!("lb-agent in director 1: {}.", exit.status));
    say("It could say nothing; director 2 waits for three adverts that do not come.");
    cluster
        .agent(1)?
        .wait_for("Entering MASTER STATE", 1, PATIENCE)?;
    moved(&probe, screen, "director 2")
}

fn returning_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(5, "The old MASTER returns");
    let probe = cluster.probe()?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    say("Its priority is higher, and nopreempt is not set: it takes the address back.");
    moved(&probe, screen, "director 1")
}

fn stopped_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(6, "SIGTERM for the MASTER");
    let probe = cluster.probe()?;
    let exit = cluster.take(0)?.terminate()?;
    say(format_args!("lb-agent in director 1: {}.", exit.status));
    say("It said good-bye with an advert of priority 0, and director 2 did not wait.");
    cluster.wait_for_master(1)?;
    moved(&probe, screen, "director 2")
}

fn what_the_agent_knows(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(7, "What the agent knows: lb-agent dump all");
    screen.quote(&cluster.agent(1)?.dump("all")?);
    Ok(())
}

/// Sends requests and shows who served them; none may fail.
fn requests(cluster: &Cluster, screen: &Screen) -> Result<()> {
    let tally = cluster.requests(REQUESTS)?;
    for server in ["rs1", "rs2"] {
        screen.bar(server, tally.from(server), REQUESTS);
    }
    screen.figure(
        "requests, failures",
        format_args!("{REQUESTS}, {}", tally.failures.len()),
    );
    screen.figure("slowest", duration(tally.slowest));
    match tally.failures.first() {
        Some(failure) => bail!("a request failed: {failure}"),
        None => Ok(()),
    }
}

/// Shows how long the clients have waited while the address moved to `director`.
fn moved(probe: &Probe, screen: &Screen, director: &str) -> Result<()> {
    probe
        .wait_for(now(), PATIENCE, |_| true)
        .context("the service has not come back")?;
    let report = probe.report();
    screen.figure("the address is now at", director);
    screen.figure("clients waited, at most", duration(report.longest_gap()));
    screen.timeline(&report);
    let (requests, failures) = (report.0.len(), report.failures());
    screen.figure(
        "requests meanwhile, failures",
        format_args!("{requests}, {failures}"),
    );
    Ok(())
}

/// The lines of a log that contain `word`.
fn lines_with(log: &str, word: &str) -> String {
    log.lines()
        .filter(|line| line.contains(word))
        .collect::<Vec<_>>()
        .join("\n")
}
