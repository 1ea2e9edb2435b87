//! What checks make of the pool, and whom the start tells: keywords that only the whole agent shows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Agent, WebServer, skipped, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use super::{NEEDS, PATIENCE, case, configuration, machine};

/// The servers of the only virtual server, as the data plane has them: the last byte of the address, and the
/// weight.
fn pool(agent: &Agent) -> Option<Vec<(String, u64)>> {
    let dump: Value = serde_json::from_str(&agent.dump("services --format json").ok()?).ok()?;
    let servers = dump.pointer("/services/0/servers")?.as_array()?;
    let servers = servers.iter().map(|server| {
        let address = server.get("address")?.as_str()?;
        let weight = server.get("weight")?.as_u64()?;
        Some((address.rsplit('.').next()?.to_owned(), weight))
    });
    let mut servers = servers.collect::<Option<Vec<_>>>()?;
    servers.sort_unstable();
    Some(servers)
}

#[test]
fn a_file_check_weighs_its_server_and_takes_it_out_of_the_pool() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("files")?;
    let folder = TempDir::new()?;
    let (more, down) = (folder.path().join("more"), folder.path().join("down"));
    let text = format!(
        "global_defs {{\n xdp_mode generic\n}}\n\
         track_file more {{\n file {}\n}}\ntrack_file down {{\n file {}\n weight 0\n}}\n\
         virtual_server 192.0.2.1 80 {{\n lb_algo wrr\n lb_kind DR\n protocol TCP\n\
         real_server 10.0.0.1 80 {{\n weight 10\n FILE_CHECK {{\n track_file more\n weight 2\n }}\n \
         FILE_CHECK {{\n track_file down\n }}\n }}\n\
         real_server 10.0.0.2 80 {{\n weight 7\n }}\n}}\n",
        more.display(),
        down.display()
    );
    let agent = Agent::start(&machine, &text)?;
    let becomes = |weight: Option<u64>| {
        let mut wanted: Vec<_> = weight.map(|it| ("1".to_owned(), it)).into_iter().collect();
        wanted.push(("2".to_owned(), 7));
        let found = || (pool(&agent)? == wanted).then_some(());
        let seen = || format!("{:?}, not {wanted:?}\n{}", pool(&agent), agent.log());
        wait_until(PATIENCE, found).with_context(seen)
    };
    // A file that is not there says 0.
    becomes(Some(10))?;
    for (value, weight) in [("5", 20), ("-3", 4), ("-100", 0), ("0", 10)] {
        fs::write(&more, value)?;
        becomes(Some(weight)).with_context(|| format!("the file says {value}"))?;
    }
    // A weight of 0: any other number is a fault.
    fs::write(&down, "1")?;
    becomes(None)?;
    fs::write(&more, "1")?;
    fs::write(&down, "0")?;
    becomes(Some(12))?;
    let log = agent.log();
    ensure!(log.contains("Removing service [10.0.0.1]:tcp:80"), "{log}");
    ensure!(log.contains("Adding service [10.0.0.1]:tcp:80"), "{log}");
    agent.terminate().map(drop)
}

/// With an hour between two urls a server has to be up, and up again, long before.
#[test]
fn fast_recovery_asks_for_all_urls_at_once() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("fast")?;
    let web = WebServer::start(&machine, "web", 200)?;
    let urls = "fast_recovery\nurl {\n path /a\n}\nurl {\n path /b\n}\nurl {\n path /c\n}";
    let slow = urls.replace("fast_recovery\n", "");
    let cases = [
        case(1, "HTTP_GET", 80, urls, ""),
        case(2, "HTTP_GET", 80, &slow, ""),
    ];
    let text = configuration(&cases).replace("delay_loop 1\n", "delay_loop 3600\n");
    ensure!(text.contains("delay_loop 3600"), "{text}");
    let mut agent = Agent::start(&machine, &text)?;
    let up = "Remote Web server [10.0.0.1]:tcp:80 succeed on service.";
    agent.wait_for(up, PATIENCE)?;
    drop(web);
    agent.tell("check-now 192.0.2.1:80 10.0.0.1:80")?;
    agent.wait_for("HTTP_CHECK on service [10.0.0.1]:tcp:80 failed.", PATIENCE)?;
    let position = agent.log().len();
    let _web = WebServer::start(&machine, "web", 200)?;
    agent.tell("check-now 192.0.2.1:80 10.0.0.1:80")?;
    agent.wait_for_after(position, up, PATIENCE)?;
    let log = agent.log();
    ensure!(
        !log.contains("Remote Web server [10.0.0.2]:tcp:80 succeed"),
        "without it the next url waits for its turn: {log}"
    );
    agent.terminate().map(drop)
}

/// Lines of a file that scripts write to, sorted.
fn told(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn rs_init_notifies_tells_each_server_that_is_up_at_the_start() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    for (keyword, expected) in [
        ("rs_init_notifies", &["quorum", "rs1", "rs3"][..]),
        ("", &["quorum"][..]),
    ] {
        let machine = machine("init")?;
        let folder = TempDir::new()?;
        let path = folder.path().join("told");
        let tell = |what: &str| format!("\"/bin/sh -c 'echo {what} >> {}'\"", path.display());
        // The first checks are an hour away; the second server waits for its own.
        let server = |number: u8, check: &str| {
            format!(
                "real_server 10.0.0.{number} 80 {{\n notify_up {}\n{check}\n}}\n",
                tell(&format!("rs{number}"))
            )
        };
        let text = format!(
            "global_defs {{\n script_user root\n xdp_mode generic\n {keyword}\n}}\n\
             virtual_server 192.0.2.1 80 {{\n delay_loop 3600\n lb_algo rr\n lb_kind DR\n protocol \
             TCP\n quorum_up {}\n{}{}{}}}\n",
            tell("quorum"),
            server(1, "TCP_CHECK {\n warmup 3600\n}"),
            server(2, "TCP_CHECK {\n warmup 3600\n alpha\n}"),
            server(3, ""),
        );
        let agent = Agent::start(&machine, &text)?;
        let all = || (told(&path) == expected).then_some(());
        wait_until(PATIENCE, all).with_context(|| format!("{:?}\n{}", told(&path), agent.log()))?;
        // Who is told too much is told late, perhaps.
        std::thread::sleep(Duration::from_secs(1));
        ensure!(told(&path) == expected, "{:?}", told(&path));
        agent.terminate()?;
    }
    Ok(())
}
