//! What operators set by hand, what is remembered of servers, and checks that cannot wait.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Agent, Cluster, Layout, Mode, configurations, needs, skipped, wait_until};
use serde_json::Value;

use super::SOON;

const VIP: &str = "192.168.159.200:80";
const RS1: &str = "192.168.159.105";
const RS2: &str = "192.168.159.106";

/// On a loaded machine; less than what changes that follow each other wait for.
const AT_ONCE: Duration = Duration::from_secs(4);

/// What is set by hand, by real servers.
fn by_hand(agent: &Agent) -> Result<Vec<(String, u64)>> {
    let list = super::dumped_as(agent, "services", "by_hand")?;
    let pair = |it: &Value| {
        let server = it.get("real_server").and_then(Value::as_str)?;
        Some((server.to_owned(), it.get("weight").and_then(Value::as_u64)?))
    };
    list.iter()
        .map(pair)
        .collect::<Option<_>>()
        .context("not as in docs/dump.md")
}

/// Waits until the status file, which is written once a second, says so.
fn wait_for_hand(agent: &Agent, wanted: &[(&str, u64)]) -> Result<()> {
    let wanted: Vec<(String, u64)> = wanted
        .iter()
        .map(|(server, weight)| (format!("[{server}]:tcp:80"), *weight))
        .collect();
    wait_until(SOON, || (by_hand(agent).ok()? == wanted).then_some(()))
        .with_context(|| format!("set by hand is {:?}", by_hand(agent)))
}

fn done(agent: &Agent, command: &str) -> Result<String> {
    let told = agent.tell(command)?;
    ensure!(told.status == Some(0), "{command}: {told:?}");
    Ok(told.text)
}

/// Opens a connection, of which nothing is asked yet.
fn open(target: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, SOON)?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// The name of the server at the other end.
fn ask(mut stream: TcpStream) -> Result<String> {
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let page = answer.rsplit("\r\n\r\n").next().unwrap_or_default();
    let name = page.split_whitespace().next();
    Ok(name.context("an empty page")?.to_owned())
}

#[test]
fn a_drained_server_gets_no_new_connections_and_keeps_the_old_ones() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let target = cluster.site.service();
    let held: Vec<TcpStream> = cluster
        .site
        .client
        .enter(|| (0..20).map(|_| open(target)).collect())?;
    let agent = cluster.agent(0)?;
    let text = done(agent, &format!("drain {VIP} {RS1}"))?;
    assert!(text.contains("no new connections"), "{text}");
    let tally = cluster.requests(40)?;
    assert_eq!((tally.from("rs1"), tally.from("rs2")), (0, 40), "{tally:?}");
    let served: Vec<String> = held.into_iter().map(ask).collect::<Result<_>>()?;
    let old = served.iter().filter(|name| *name == "rs1").count();
    assert!((8..=12).contains(&old), "{served:?}");

    let agent = cluster.agent(0)?;
    wait_for_hand(agent, &[(RS1, 0)])?;
    let table = agent.dump("services")?;
    assert!(
        table.contains("Set by hand") && table.contains("drained"),
        "{table}"
    );
    done(agent, &format!("weight {VIP} {RS1}:80 3"))?;
    wait_for_hand(agent, &[(RS1, 3)])?;
    let tally = cluster.requests(40)?;
    assert!(tally.from("rs1").abs_diff(30) <= 2, "{tally:?}");
    done(cluster.agent(0)?, &format!("enable {VIP} {RS1}"))?;
    let tally = cluster.requests(40)?;
    assert!(tally.from("rs1").abs_diff(20) <= 2, "{tally:?}");
    wait_for_hand(cluster.agent(0)?, &[])?;
    let told = cluster
        .agent(0)?
        .tell(&format!("drain {VIP} 192.168.159.9"))?;
    assert_eq!(told.status, Some(1));
    assert!(
        told.error.contains("there are [192.168.159.105]:tcp:80"),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn hands_results_and_counters_outlive_a_reload_a_crash_and_a_stop() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let [text, _] = cluster.configurations.clone();
    let agent = cluster.agent(0)?;
    done(agent, &format!("drain {VIP} {RS1}"))?;
    agent.reload(&text.replace("weight 1", "weight 9"))?;
    agent.reload(&text)?;
    wait_for_hand(agent, &[(RS1, 0)])?;
    // And a server that is down.
    drop(cluster.site.web[1].take());
    done(cluster.agent(0)?, &format!("check-now {VIP}"))?;
    cluster
        .agent(0)?
        .wait_for("Removing service [192.168.159.106]:tcp:80", 6 * SOON)?;
    let path = state_file(&cluster);
    let remembered = || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        (text.contains("\"drain\"") && text.contains("\"up\":false")).then_some(())
    };
    wait_until(3 * SOON, remembered).context("it is not in the state file")?;

    for crash in [true, false] {
        let agent = cluster.take(0)?;
        if crash {
            agent.kill()?;
        } else {
            agent.terminate()?;
        }
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        let agent = cluster.agent(0)?;
        wait_for_hand(agent, &[(RS1, 0)])?;
        let log = agent.log();
        assert!(!log.contains("Removing service"), "it was known: {log}");
        let services = super::dumped(agent, "services")?;
        let servers = services
            .first()
            .and_then(|it| it.get("servers")?.as_array());
        let servers = servers.context("no servers")?;
        let mut served: Vec<(Option<&str>, Option<u64>)> = servers
            .iter()
            .map(|it| {
                let address = it.get("address").and_then(Value::as_str);
                (address, it.get("weight").and_then(Value::as_u64))
            })
            .collect();
        served.sort_unstable();
        // The sorry server, and beside it who is drained, not who is down.
        let expected = [("127.0.0.1", 1), ("192.168.159.105", 0)];
        assert_eq!(
            served,
            expected.map(|(it, weight)| (Some(it), Some(weight)))
        );
    }
    // Each agent has made one or two: the counters go on where the last one ended.
    let goes_on = || {
        let state: Value = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
        let mut checkers = state.get("checkers")?.as_object()?.values();
        checkers
            .any(|it| it.pointer("/counters/probes").and_then(Value::as_u64) > Some(2))
            .then_some(())
    };
    wait_until(6 * SOON, goes_on).with_context(|| fs::read_to_string(&path).unwrap_or_default())
}

#[test]
fn what_was_answered_is_kept_though_the_agent_is_killed_at_once() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let steps: [(String, &[(&str, u64)]); 3] = [
        (format!("drain {VIP} {RS1}"), &[(RS1, 0)]),
        (format!("weight {VIP} {RS2} 4"), &[(RS1, 0), (RS2, 4)]),
        (format!("enable {VIP} {RS1}"), &[(RS2, 4)]),
    ];
    for (command, wanted) in steps {
        let text = done(cluster.agent(0)?, &command)?;
        assert!(!text.contains("may not know"), "{text}");
        cluster.take(0)?.kill()?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        wait_for_hand(cluster.agent(0)?, wanted).context(command)?;
    }
    Ok(())
}

#[test]
fn a_server_that_was_just_found_down_is_not_back_after_a_crash() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    drop(cluster.site.web[1].take());
    done(cluster.agent(0)?, &format!("check-now {VIP}"))?;
    let agent = cluster.agent(0)?;
    agent.wait_for("Removing service [192.168.159.106]:tcp:80", 6 * SOON)?;
    // The first change is written when it comes; only what follows it within 5 s has to wait.
    let path = state_file(&cluster);
    let written = || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        text.contains("\"up\":false").then_some(())
    };
    wait_until(AT_ONCE, written).context("it is not written at once")?;
    cluster.take(0)?.kill()?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let agent = cluster.agent(0)?;
    let services = super::dumped(agent, "services")?;
    let servers = services.first().and_then(|it| it.get("servers"));
    let servers = servers.context("no servers")?.to_string();
    assert!(servers.contains(RS1) && !servers.contains(RS2), "{servers}");
    let log = agent.log();
    assert!(!log.contains("Removing service"), "it was known: {log}");
    Ok(())
}

#[test]
fn a_damaged_state_file_is_said_and_ignored() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let path = state_file(&cluster);
    fs::create_dir_all(path.parent().context("no folder")?)?;
    fs::write(&path, "{\"version\": 2, \"checkers\": ")?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let log = cluster.agent(0)?.log();
    assert!(log.contains("state.json is damaged"), "{log}");
    drop(cluster.probe()?);
    // It is written anew.
    done(cluster.agent(0)?, &format!("drain {VIP} {RS2}"))?;
    let anew = || {
        fs::read_to_string(&path)
            .ok()?
            .contains("\"drain\"")
            .then_some(())
    };
    wait_until(SOON, anew).context("it is not written anew")?;
    Ok(())
}

#[test]
fn a_check_that_cannot_wait_is_made_now() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let [text, other] = configurations::demo(Mode::Dr);
    // A check an hour, and no second chance.
    let text = text
        .replace("delay_loop 6", "delay_loop 3600\n      warmup 1")
        .replace("retry 3", "retry 0");
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), [text, other])?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    drop(cluster.probe()?);
    // The first checks are over.
    std::thread::sleep(Duration::from_secs(2));
    drop(cluster.site.web[0].take());
    let text = done(cluster.agent(0)?, &format!("check-now {VIP} {RS1}"))?;
    assert_eq!(text, "1 check starts now\n");
    cluster
        .agent(0)?
        .wait_for("Removing service [192.168.159.105]:tcp:80", SOON)?;
    assert_eq!(
        done(cluster.agent(0)?, "check-now")?,
        "2 checks start now\n"
    );
    Ok(())
}

/// Where the first director's agent keeps what outlives it.
fn state_file(cluster: &Cluster) -> PathBuf {
    let folder = PathBuf::from("/var/lib/lb-agent");
    folder
        .join(cluster.site.directors[0].name())
        .join("state.json")
}
