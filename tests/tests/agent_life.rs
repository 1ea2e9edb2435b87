//! How an agent begins and ends: its scripts, its process id, signals that come early; and what it
//! does without a virtual router.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, PATIENCE, Process, Switch, built, needs, skipped, wait_until};
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// A director with an interface, and a folder for its files.
struct Bench {
    director: Namespace,
    folder: TempDir,
    switch: Switch,
}

impl Bench {
    fn new() -> Result<Self> {
        let switch = Switch::new("outside")?;
        let director = Namespace::new("director1")?;
        switch.plug(&director, "eth0", "10.0.0.1/24")?;
        Ok(Self {
            director,
            folder: tempfile::tempdir()?,
            switch,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A script that does `what`.
    fn script(&self, name: &str, what: &str) -> Result<String> {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{what}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path.display().to_string())
    }

    /// A script that appends its name and its arguments to the file `log`.
    fn telling(&self, name: &str) -> Result<String> {
        let log = self.path("log").display().to_string();
        self.script(name, &format!("echo {name} \"$@\" >> {log}"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn wait_for(&self, line: &str) -> Result<()> {
        let is_there = || self.log().lines().any(|it| it == line).then_some(());
        wait_until(PATIENCE, is_there).with_context(|| format!("no {line:?} in {:?}", self.log()))
    }
}

fn exists(path: &Path) -> impl FnMut() -> Option<()> + '_ {
    || path.exists().then_some(())
}

#[test]
fn signals_that_come_while_the_startup_script_runs_are_not_lost() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let (begun, go) = (bench.path("begun"), bench.path("go"));
    let what = format!(
        "touch {}; while [ -d {} ] && [ ! -e {} ]; do sleep 0.1; done",
        begun.display(),
        bench.folder.path().display(),
        go.display()
    );
    let startup = bench.script("startup", &what)?;
    let text = format!(
        "global_defs {{\n script_user root\n startup_script {startup}\n}}\n\
         vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n \
         virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n"
    );
    // One that keepalived would act on later does not end the agent, and neither does a reload.
    let mut agent = Agent::start(&bench.director, &text)?;
    wait_until(PATIENCE, exists(&begun)).context("no startup script")?;
    agent.signal(Signal::SIGHUP)?;
    agent.signal(Signal::SIGUSR2)?;
    fs::write(&go, "")?;
    agent.wait_for("Reload complete", PATIENCE)?;
    assert!(agent.terminate()?.status.success());

    fs::remove_file(&begun)?;
    fs::remove_file(&go)?;
    let mut agent = Agent::start(&bench.director, &text)?;
    wait_until(PATIENCE, exists(&begun)).context("no startup script")?;
    agent.signal(Signal::SIGTERM)?;
    let exit = agent.wait(PATIENCE)?;
    assert!(exit.status.success(), "{}", exit.log);
    assert!(exit.log.contains("nothing was started"), "{}", exit.log);
    Ok(())
}

#[test]
fn the_shutdown_script_is_that_of_the_configuration_in_force() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let text = |script: &str| {
        format!("global_defs {{\n script_user root\n shutdown_script {script}\n}}\n")
    };
    let (old, new) = (bench.telling("old")?, bench.telling("new")?);
    let agent = Agent::start(&bench.director, &text(&old))?;
    let socket = Path::new("/run/lb-agent").join(bench.director.name());
    let socket = socket.join("control");
    wait_until(PATIENCE, || fs::exists(&socket).ok()?.then_some(())).context("no socket")?;
    agent.reload(&text(&new))?;
    assert!(agent.terminate()?.status.success());
    assert_eq!(bench.log(), "new\n");
    Ok(())
}

#[test]
fn addresses_for_all_the_time_need_no_virtual_router() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let text = "static_ipaddress {\n 10.0.0.77/24 dev eth0\n}\n\
                static_routes {\n 10.9.0.0/16 via 10.0.0.2 dev eth0\n}\n";
    let agent = Agent::start(&bench.director, text)?;
    let is_set = || bench.director.has_address("10.0.0.77").ok()?.then_some(());
    wait_until(PATIENCE, is_set).with_context(|| agent.log())?;
    let routes = || bench.director.ip("route show 10.9.0.0/16");
    wait_until(PATIENCE, || {
        routes().ok()?.contains("via 10.0.0.2").then_some(())
    })
    .with_context(|| agent.log())?;
    // A reload takes one away and brings another.
    agent.reload("static_ipaddress {\n 10.0.0.78/24 dev eth0\n}\n")?;
    let is_other = || bench.director.has_address("10.0.0.78").ok()?.then_some(());
    wait_until(PATIENCE, is_other).with_context(|| agent.log())?;
    assert!(!bench.director.has_address("10.0.0.77")? && routes()?.is_empty());
    assert!(agent.terminate()?.status.success());
    assert!(!bench.director.has_address("10.0.0.78")?);
    Ok(())
}

#[test]
fn an_agent_that_is_refused_does_not_touch_the_other_one_s_pid_file() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let (file, pid) = (bench.path("keepalived.conf"), bench.path("pid"));
    fs::write(&file, "static_ipaddress {\n 10.0.0.77/24 dev eth0\n}\n")?;
    let start = || -> Result<Process> {
        let mut command = Command::new(built::lb_agent()?);
        command.args(["-n", "-l", "--instance", bench.director.name()]);
        command.arg("-f").arg(&file).arg("-p").arg(&pid);
        bench.director.start(&mut command)
    };
    let mut first = start()?;
    let is_there = || bench.director.has_address("10.0.0.77").ok()?.then_some(());
    wait_until(PATIENCE, is_there).context("the first does not start")?;
    let ours = format!("{}\n", first.id());
    assert_eq!(fs::read_to_string(&pid)?, ours);
    let status = start()?.wait(PATIENCE)?;
    assert_eq!(status.code(), Some(1));
    assert_eq!(fs::read_to_string(&pid)?, ours);
    first.signal(Signal::SIGTERM)?;
    assert!(first.wait(PATIENCE)?.success());
    assert!(!pid.exists());
    Ok(())
}

#[test]
fn virtual_servers_that_a_reload_adds_are_told_by_their_own_scripts() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let gained = bench.telling("gained")?;
    let global = "global_defs {\n script_user root\n}\n\
                  static_ipaddress {\n 10.0.0.77/24 dev eth0\n}\n";
    let agent = Agent::start(&bench.director, global)?;
    let is_there = || bench.director.has_address("10.0.0.77").ok()?.then_some(());
    wait_until(PATIENCE, is_there).context("it does not start")?;
    agent.reload(&format!(
        "{global}virtual_server 10.0.0.77 80 {{\n lb_kind DR\n protocol TCP\n \
         quorum_up \"{gained} quorum\"\n real_server 10.0.0.5 80 {{\n weight 1\n }}\n}}\n"
    ))?;
    bench.wait_for("gained quorum")?;
    assert!(agent.terminate()?.status.success());
    Ok(())
}

#[test]
fn a_second_master_is_told_to_the_script_with_its_address_and_when_it_is_over() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let bench = Bench::new()?;
    let other = Namespace::new("director2")?;
    bench.switch.plug(&other, "eth0", "10.0.0.2/24")?;
    let split = bench.telling("split")?;
    // Two virtual routers with one address: neither heeds the other's adverts, both answer for it.
    let text = |vrid: u8, more: &str| {
        format!(
            "global_defs {{\n script_user root\n}}\n\
             vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id {vrid}\n {more}\n \
             virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n"
        )
    };
    let notify = format!("notify_split_brain \"{split} brain\"");
    let mut ours = Agent::start(&bench.director, &text(51, &notify))?;
    ours.wait_for("Entering MASTER STATE", PATIENCE)?;
    let mut theirs = Agent::start(&other, &text(52, ""))?;
    theirs.wait_for("Entering MASTER STATE", PATIENCE)?;
    ours.wait_for("SPLIT BRAIN", PATIENCE)?;
    let link = other.ip("link show dev eth0")?;
    let mac = link
        .split_whitespace()
        .skip_while(|word| *word != "link/ether")
        .nth(1);
    let mac = mac.context("eth0 has no MAC")?;
    bench.wait_for(&format!(
        "split brain INSTANCE VI_1 SPLIT_BRAIN 100 10.0.0.100 {mac}"
    ))?;
    assert!(theirs.terminate()?.status.success());
    bench.wait_for("split brain INSTANCE VI_1 SPLIT_BRAIN_HEALED 100")?;
    assert!(ours.terminate()?.status.success());
    Ok(())
}
