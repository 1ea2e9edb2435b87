//! The steps of the demo.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use lb_tests::{Cluster, PATIENCE, Probe, WebServer, now, wait_until};

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
    master_without_power(cluster, screen)?;
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
    // Before its first success one failure is enough, and there would be no retries to see.
    let checked = format!("Remote Web server [{server}]:tcp:80 succeed");
    cluster.agent(0)?.wait_for(&checked, PATIENCE)?;
    let probe = cluster.probe()?;
    let position = cluster.agent(0)?.log().len();
    serve(cluster, 503)?;
    let start = now();
    say("rs1 now answers every request with 503 …");
    let leaves = format!("Removing service [{server}]:tcp:80");
    cluster
        .agent(0)?
        .wait_for_after(position, &leaves, PATIENCE)?;
    screen.figure("… and is out after", duration(start.elapsed()));
    let failures = probe.report().failures();
    drop(probe);
    screen.figure("requests that it spoiled", failures);
    say("The configuration wants a look every 6 s, and 3 retries a second apart.");
    requests(cluster, screen)?;

    serve(cluster, 200)?;
    let start = now();
    say("rs1 answers 200 again …");
    let returns = format!("Adding service [{server}]:tcp:80");
    cluster
        .agent(0)?
        .wait_for_after(position, &returns, PATIENCE)?;
    screen.figure("… and is back after", duration(start.elapsed()));
    requests(cluster, screen)
}

fn killed_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(4, "kill -9 for the agent of the MASTER");
    let probe = cluster.probe()?;
    let exit = cluster.take(0)?.kill()?;
    let start = now();
    say(format_args!(
        "lb-agent in director 1: {}. It could tell nobody.",
        exit.status
    ));
    cluster.wait_for_master(1)?;
    say("Director 2 missed three adverts and took over. Until then the XDP program of director 1,");
    say("which nobody had told to stop, went on forwarding.");
    screen.figure("director 2 is MASTER after", duration(start.elapsed()));
    waited(&probe, screen)
}

fn returning_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(5, "The old MASTER returns");
    let probe = cluster.probe()?;
    let start = now();
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    say("Its priority is higher, and nopreempt is not set: it takes the address back.");
    screen.figure("director 1 is MASTER after", duration(start.elapsed()));
    waited(&probe, screen)
}

fn master_without_power(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(6, "The MASTER loses power, and nothing of it goes on");
    let probe = cluster.probe()?;
    let [director, _] = &cluster.site.directors;
    cluster.site.outside.unplug(director)?;
    cluster.take(0)?.kill()?;
    let start = now();
    cluster.wait_for_master(1)?;
    screen.figure("director 2 is MASTER after", duration(start.elapsed()));
    waited(&probe, screen)?;
    say("Now clients have to wait until three adverts are missed. Power is back, director 1 too.");
    let [director, _] = &cluster.site.directors;
    cluster.site.outside.replug(director)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)
}

fn stopped_master(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(7, "SIGTERM for the MASTER");
    let probe = cluster.probe()?;
    let start = now();
    let exit = cluster.take(0)?.terminate()?;
    say(format_args!("lb-agent in director 1: {}.", exit.status));
    cluster.wait_for_master(1)?;
    say("It said good-bye with an advert of priority 0, so director 2 did not wait for more.");
    screen.figure("director 2 is MASTER after", duration(start.elapsed()));
    waited(&probe, screen)
}

fn what_the_agent_knows(cluster: &mut Cluster, screen: &Screen) -> Result<()> {
    screen.step(8, "What the agent of the new MASTER knows: lb-agent dump");
    // What `dump vrrp` reads is written once a second.
    let known = || {
        let vrrp = cluster.agent(1).ok()?.dump("vrrp").ok()?;
        vrrp.contains("State = MASTER").then_some(())
    };
    wait_until(PATIENCE, known).context("director 2 does not say that it is MASTER")?;
    for section in ["vrrp", "services", "backends"] {
        screen.quote(&cluster.agent(1)?.dump(section)?);
    }
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

/// Has rs1 answer every request with this status from now on.
fn serve(cluster: &mut Cluster, status: u16) -> Result<()> {
    let [machine, _] = &cluster.site.servers;
    let [web, _] = &mut cluster.site.web;
    // The old one lets go of the port first.
    *web = None;
    *web = Some(WebServer::start(machine, "rs1", status)?);
    Ok(())
}

/// Shows how long the clients have waited since the probe began.
fn waited(probe: &Probe, screen: &Screen) -> Result<()> {
    probe
        .wait_for(now(), PATIENCE, |_| true)
        .context("the service has not come back")?;
    let report = probe.report();
    let gap = match report.longest_gap() {
        Duration::ZERO => "not at all".to_owned(),
        gap => duration(gap),
    };
    screen.figure("clients waited", gap);
    let (requests, failures) = (report.0.len(), report.failures());
    screen.figure(
        "requests meanwhile, failures",
        format_args!("{requests}, {failures}"),
    );
    screen.timeline(&report);
    Ok(())
}

/// The lines of a log that contain `word`.
fn lines_with(log: &str, word: &str) -> String {
    log.lines()
        .filter(|line| line.contains(word))
        .collect::<Vec<_>>()
        .join("\n")
}
