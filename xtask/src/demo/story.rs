//! The steps of the demo.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use lb_tests::{Probe, WebServer, now};

use super::screen::{Screen, duration, say};
use super::stage::Stage;

/// Time for an election or for a server's check: well above what the configuration asks for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests that show how they are spread.
const REQUESTS: usize = 300;

/// Shows every step.
pub(super) fn tell(stage: &mut Stage, screen: &Screen) -> Result<()> {
    election(stage, screen)?;
    spread(stage, screen)?;
    failing_server(stage, screen)?;
    killed_master(stage, screen)?;
    returning_master(stage, screen)?;
    stopped_master(stage, screen)?;
    what_the_agent_knows(stage, screen)
}

fn election(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(1, "Two directors start, and elect a MASTER");
    let start = now();
    stage.start(0)?;
    stage.start(1)?;
    stage.wait_for_master(0, PATIENCE)?;
    say("Director 1 has priority 100 and director 2 has 80, so director 1 it is.");
    screen.figure(
        "MASTER, and has the address, after",
        duration(start.elapsed()),
    );
    screen.quote(&lines_with(&stage.agent(0)?.log(), "STATE"));
    say("Director 2 waits, and listens to an advert a second:");
    screen.quote(&lines_with(&stage.agent(1)?.log(), "STATE"));
    Ok(())
}

fn spread(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(2, "Requests, spread over both servers");
    requests(stage, screen)?;
    let client = stage.site.layout.client;
    say(format_args!(
        "The servers saw the client's own address, {client}."
    ));
    screen.quote(&stage.agent(0)?.dump("services --stats")?);
    Ok(())
}

fn failing_server(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(
        3,
        "A server fails its check and leaves; it recovers and returns",
    );
    let [server, _] = stage.site.layout.servers;
    let [machine, _] = &stage.site.servers;
    let probe = Probe::start(&stage.site.client, stage.site.service())?;
    let [web, _] = &mut stage.site.web;
    *web = None;
    *web = Some(WebServer::start(machine, "rs1", 503)?);
    let start = now();
    say("rs1 now answers every request with 503 …");
    let leaves = format!("Removing service [{server}]:tcp:80");
    stage.agent(0)?.wait_for(&leaves, 1, PATIENCE)?;
    screen.figure("… and is out after", duration(start.elapsed()));
    let report = probe.report();
    drop(probe);
    screen.figure("requests that met the 503", report.failures());
    say("The configuration asks for 3 retries a second apart, and one look in 6 seconds.");
    requests(stage, screen)?;

    let [machine, _] = &stage.site.servers;
    let [web, _] = &mut stage.site.web;
    *web = None;
    *web = Some(WebServer::start(machine, "rs1", 200)?);
    let start = now();
    say("rs1 answers 200 again …");
    stage
        .agent(0)?
        .wait_for(&format!("Adding service [{server}]:tcp:80"), 1, PATIENCE)?;
    screen.figure("… and is back after", duration(start.elapsed()));
    requests(stage, screen)?;
    Ok(())
}

fn killed_master(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(4, "kill -9 for the MASTER");
    let probe = stage.probe()?;
    let exit = stage.take(0)?.kill()?;
    say(format_args!("lb-agent in director 1: {}.", exit.status));
    say("It could say nothing; director 2 waits for three adverts that do not come.");
    stage
        .agent(1)?
        .wait_for("Entering MASTER STATE", 1, PATIENCE)?;
    moved(&probe, screen, "director 2")
}

fn returning_master(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(5, "The old MASTER returns");
    let probe = stage.probe()?;
    stage.start(0)?;
    stage.wait_for_master(0, PATIENCE)?;
    say("Its priority is higher, and nopreempt is not set: it takes the address back.");
    moved(&probe, screen, "director 1")
}

fn stopped_master(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(6, "SIGTERM for the MASTER");
    let probe = stage.probe()?;
    let exit = stage.take(0)?.terminate()?;
    say(format_args!("lb-agent in director 1: {}.", exit.status));
    say("It said good-bye with an advert of priority 0, and director 2 did not wait.");
    stage.wait_for_master(1, PATIENCE)?;
    moved(&probe, screen, "director 2")
}

fn what_the_agent_knows(stage: &mut Stage, screen: &Screen) -> Result<()> {
    screen.step(7, "What the agent knows: lb-agent dump all");
    screen.quote(&stage.agent(1)?.dump("all")?);
    Ok(())
}

/// Sends requests and shows who served them; none may fail.
fn requests(stage: &Stage, screen: &Screen) -> Result<()> {
    let tally = stage.requests(REQUESTS)?;
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
