//! `BFD_CHECK`: servers go down and come up with a BFD session, whose other end is an agent, too.
//!
//! A cable, a director, and a machine that is the neighbour of both servers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};
use nix::sys::signal::Signal;

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// For what must come but is not measured: a session begins within some seconds.
const PATIENCE: Duration = Duration::from_mins(1);

const SUCCESS: &str = "BFD_CHECK on service [10.0.0.2]:tcp:80 success.";
const FAILED: &str = "BFD_CHECK on service [10.0.0.2]:tcp:80 failed. the BFD session is down.";
const ADDED: &str = "Adding service [10.0.0.2]:tcp:80 to VS [192.0.2.1]:tcp:80";
const REMOVED: &str = "Removing service [10.0.0.2]:tcp:80 from VS [192.0.2.1]:tcp:80";

struct Pair {
    director: Namespace,
    neighbour: Namespace,
}

impl Pair {
    fn new() -> Result<Self> {
        let (director, neighbour) = (Namespace::new("director")?, Namespace::new("neighbour")?);
        let other = neighbour.name();
        director.ip(&format!(
            "link add name eth0 type veth peer name eth0 netns {other}"
        ))?;
        for (machine, host) in [(&director, 1), (&neighbour, 2)] {
            machine.ip(&format!("address add 10.0.0.{host}/24 dev eth0"))?;
            machine.ip("link set dev eth0 up")?;
        }
        director.ip("address add 192.0.2.1/32 dev eth0")?;
        Ok(Self {
            director,
            neighbour,
        })
    }

    /// The other end of the session.
    fn answer(&self) -> Result<Agent> {
        Agent::start(&self.neighbour, &session("director", 2, 1))
    }

    /// A director; `more` are real servers.
    fn direct(&self, more: &str) -> Result<Agent> {
        Agent::start(&self.director, &configuration(more))
    }
}

/// A session of 10.0.0.`from` with 10.0.0.`to`. Three seconds of silence end it: a busy machine may be
/// silent for one.
fn session(name: &str, from: u8, to: u8) -> String {
    format!(
        "bfd_instance {name} {{\n neighbor_ip 10.0.0.{to}\n source_ip 10.0.0.{from}\n \
         min_rx 300\n min_tx 300\n multiplier 10\n}}\n"
    )
}

/// 10.0.0.2 waits for its session; `more` besides.
fn configuration(more: &str) -> String {
    let sessions = session("peer", 1, 2) + &session("nobody", 1, 9);
    format!(
        "{sessions}virtual_server 192.0.2.1 80 {{\n lb_algo rr\n lb_kind DR\n protocol TCP\n \
         real_server 10.0.0.2 80 {{\n  BFD_CHECK {{\n   name peer\n   alpha\n  }}\n }}\n{more}}}\n"
    )
}

/// A server with `BFD_CHECK`.
fn server(host: u8, session: &str, alpha: &str) -> String {
    format!(
        " real_server 10.0.0.{host} 80 {{\n  BFD_CHECK {{\n   name {session}\n{alpha}  }}\n }}\n"
    )
}

/// The servers in the pool.
fn pool(agent: &Agent) -> Result<Vec<String>> {
    let text = agent.dump("--format json services")?;
    let dump: serde_json::Value = serde_json::from_str(&text)?;
    let services = dump.pointer("/services/0/servers").context("no servers")?;
    let servers = services.as_array().context("no list")?.iter();
    let mut up: Vec<String> = servers
        .filter_map(|server| Some(server.get("address")?.as_str()?.to_owned()))
        .collect();
    up.sort();
    Ok(up)
}

#[test]
fn a_server_goes_down_and_comes_up_with_its_session() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    // As with keepalived, a session that never begins takes out a server that does not wait for it.
    let mut agent = pair.direct(&server(9, "nobody", ""))?;
    agent.wait_for("Removing service [10.0.0.9]:tcp:80", PATIENCE)?;
    ensure!(pool(&agent)?.is_empty(), "{}", agent.log());
    ensure!(!agent.log().contains(ADDED), "{}", agent.log());

    let neighbour = pair.answer()?;
    agent.wait_for(SUCCESS, PATIENCE)?;
    agent.wait_for(ADDED, PATIENCE)?;

    let heard = agent.log().len();
    neighbour.kill()?;
    agent.wait_for_after(heard, FAILED, PATIENCE)?;
    agent.wait_for_after(heard, REMOVED, PATIENCE)?;

    let heard = agent.log().len();
    let neighbour = pair.answer()?;
    agent.wait_for_after(heard, SUCCESS, PATIENCE)?;
    agent.wait_for_after(heard, ADDED, PATIENCE)?;
    ensure!(
        !agent.log().contains("Adding service [10.0.0.9]"),
        "{}",
        agent.log()
    );

    // What an operator shuts down is no failure.
    let heard = agent.log().len();
    neighbour.terminate()?;
    agent.wait_for_after(heard, "(peer) Entering Down state", PATIENCE)?;
    let said = agent.log();
    ensure!(
        !said.get(heard..).unwrap_or_default().contains(FAILED),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_reload_tells_new_checks_and_leaves_old_ones_alone() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let _neighbour = pair.answer()?;
    let mut agent = pair.direct("")?;
    agent.wait_for(ADDED, PATIENCE)?;
    let heard = agent.log().len();
    agent.reload(&configuration(&server(3, "peer", "   alpha\n")))?;
    let line = "Adding service [10.0.0.3]:tcp:80 to VS [192.0.2.1]:tcp:80";
    agent.wait_for_after(heard, line, PATIENCE)?;

    // Another interval is another session; its servers stay while it begins.
    let other = configuration(&server(3, "peer", "   alpha\n")).replace("min_tx 300", "min_tx 400");
    let begun = agent.log().len();
    agent.reload(&other)?;
    agent.wait_for_after(begun, "(peer) Entering Up state", PATIENCE)?;
    let said = agent.log();
    let since = said.get(heard..).unwrap_or_default();
    ensure!(!since.contains("Removing service"), "{said}");
    Ok(())
}

#[test]
fn what_was_up_before_a_restart_goes_down_when_its_session_does_not_begin() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let neighbour = pair.answer()?;
    let mut agent = pair.direct("")?;
    agent.wait_for(ADDED, PATIENCE)?;
    agent.terminate()?;
    neighbour.kill()?;
    let mut agent = pair.direct("")?;
    let there = || {
        let pool = pool(&agent).ok()?;
        pool.contains(&"10.0.0.2".to_owned()).then_some(())
    };
    wait_until(PATIENCE, there).with_context(|| format!("not restored:\n{}", agent.log()))?;
    agent.wait_for(FAILED, PATIENCE)?;
    agent.wait_for(REMOVED, PATIENCE)?;
    agent.signal(Signal::SIGTERM)
}
