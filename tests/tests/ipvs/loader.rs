//! IPVS's module: a kernel that loads none, and a loader that hangs.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lb_tests::{Agent, Namespace, wait_until};

use crate::agent::{PLAIN, wait_for};
use crate::ipvsadm::saved;
use crate::machine;

const PATIENCE: Duration = Duration::from_mins(1);

/// Where the kernel says which program loads its modules.
pub(crate) const LOADER: &str = "/proc/sys/kernel/modprobe";

#[test]
fn a_kernel_that_loads_no_modules_is_told_and_with_xdp_required_off_survived() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    let before = fs::read_to_string(LOADER)?;
    // In use by nobody else: tests run one at a time in a guest.
    let unloaded = unload();
    fs::write(LOADER, "/bin/false")?;
    let outcome = unloaded.and_then(|()| without_modules(&machine));
    fs::write(LOADER, before.trim())?;
    outcome?;
    // And when it does load them, all is well.
    let _agent = Agent::start(&machine, PLAIN)?;
    let there = wait_until(PATIENCE, || {
        (machine.enter(saved).ok()?.len() == 3).then_some(())
    });
    there.context("the module is not loaded")
}

/// Takes IPVS out of the kernel, with all that hangs on it.
pub(crate) fn unload() -> Result<()> {
    let modules = fs::read_to_string("/proc/modules")?;
    let names: Vec<&str> = modules
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| name.starts_with("ip_vs_"))
        .chain(["ip_vs"])
        .collect();
    let gone = wait_until(PATIENCE, || {
        let mut rmmod = Command::new("rmmod");
        // Namespaces of earlier tests may take their time to go.
        let _some = rmmod.args(&names).output().ok()?;
        let left = fs::read_to_string("/proc/modules").ok()?;
        (!left.contains("ip_vs")).then_some(())
    });
    gone.context("ip_vs stays in use")
}

fn without_modules(machine: &Namespace) -> Result<()> {
    let exit = Agent::start(machine, PLAIN)?.wait(PATIENCE)?;
    for part in [
        "no data plane carries virtual server [192.0.2.1]:tcp:80: `xdp_mode` is off; this kernel \
         has no IPVS: `/bin/false ip_vs` failed",
        "run `modprobe ip_vs` as root",
        "with `xdp_required off` in global_defs the agent runs without",
    ] {
        ensure!(
            !exit.status.success() && exit.log.contains(part),
            "{}",
            exit.log
        );
    }
    let lenient = PLAIN.replacen("global_defs {", "global_defs {\nxdp_required off", 1);
    let mut agent = Agent::start(machine, &lenient)?;
    agent.wait_for("virtual server [192.0.2.1]:tcp:80 is not served", PATIENCE)?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}

#[test]
fn a_scheduler_that_the_kernel_has_not_is_shown_with_what_to_do() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    let text = format!(
        "{}{}",
        PLAIN.replace("lb_algo rr", "lb_algo twos"),
        PLAIN.replace("192.0.2.1 80", "192.0.2.2 80")
    );
    let before = fs::read_to_string(LOADER)?;
    // Some kernels have it.
    let unloaded = unload();
    let mut rmmod = Command::new("modprobe");
    let loaded = unloaded.and_then(|()| Ok(rmmod.args(["-a", "ip_vs", "ip_vs_rr"]).output()?));
    fs::write(LOADER, "/bin/false")?;
    let outcome = loaded.and_then(|_| without_a_scheduler(&machine, &text));
    fs::write(LOADER, before.trim())?;
    outcome
}

fn without_a_scheduler(machine: &Namespace, text: &str) -> Result<()> {
    let mut agent = Agent::start(machine, text)?;
    let other = [
        "-A -t 192.0.2.2:80 -s rr",
        "-a -t 192.0.2.2:80 -r 10.0.0.1:80 -g -w 1",
        "-a -t 192.0.2.2:80 -r 10.0.0.2:80 -g -w 3",
    ];
    wait_for(machine, &other).with_context(|| agent.log())?;
    agent.wait_for("try `modprobe ip_vs_twos`", PATIENCE)?;
    let told = "virtual server [192.0.2.1]:tcp:80 is not served: ";
    agent.wait_for(told, PATIENCE)?;
    let dump = || machine.enter(|| agent.dump("services"));
    let shown = wait_until(PATIENCE, || {
        let dump = dump().ok()?;
        let line = dump
            .lines()
            .find(|it| it.starts_with("[192.0.2.1]:tcp:80"))?;
        let told = line.contains(" none ") && line.contains("try `modprobe ip_vs_twos`");
        told.then_some(())
    });
    ensure!(shown.is_some(), "{}\n{}", dump()?, agent.log());
    // With another scheduler it is served.
    agent.reload(&text.replace("lb_algo twos", "lb_algo rr"))?;
    let shown = wait_until(PATIENCE, || {
        (!dump().ok()?.contains(" none ")).then_some(())
    });
    ensure!(shown.is_some(), "{}\n{}", dump()?, agent.log());
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}

/// Nothing in it asks for IPVS; that its server is this host does, and that XDP cannot be had where it
/// cannot.
const HERE: &str = "global_defs {\nxdp_required off\n}\n\
     virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
     real_server 192.0.2.1 8080 {\n}\n}\n";

#[test]
fn a_loader_that_hangs_holds_up_nobody_and_leaves_nothing_behind() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    machine.ip("address add 192.0.2.1/32 dev lo")?;
    let folder = tempfile::tempdir()?;
    let loader = folder.path().join("modprobe");
    fs::write(&loader, "#!/bin/sh\nexec sleep 600\n")?;
    fs::set_permissions(&loader, fs::Permissions::from_mode(0o755))?;
    let before = fs::read_to_string(LOADER)?;
    let unloaded = unload();
    fs::write(LOADER, loader.as_os_str().as_bytes())?;
    let outcome = unloaded.and_then(|()| with_a_loader_that_hangs(&machine));
    fs::write(LOADER, before.trim())?;
    outcome
}

fn with_a_loader_that_hangs(machine: &Namespace) -> Result<()> {
    let agent = Agent::start(machine, "global_defs {\n}\n")?;
    // What its checkers hold the agent alone knows.
    let asked = || machine.enter(|| agent.dump("checks"));
    wait_until(PATIENCE, || asked().ok()).with_context(|| agent.log())?;
    let mut answers = 0;
    thread::scope(|scope| {
        let reload = scope.spawn(|| agent.reload(HERE));
        while !reload.is_finished() {
            // Maps that are just being made are no answer.
            answers += usize::from(asked().is_ok());
            // The agent has other things to do, and the machine other tests.
            thread::sleep(Duration::from_millis(100));
        }
        let told = reload.join();
        told.unwrap_or_else(|_| bail!("the reload panicked"))
    })?;
    // Whoever waits for the loader answers when it is given up, and once more at the end.
    ensure!(answers > 3, "{answers} answers within ten seconds");
    // Killed by then, and waited for.
    let gone = || children(agent.id()).ok()?.is_empty().then_some(());
    wait_until(PATIENCE, gone).with_context(|| {
        let left = children(agent.id());
        format!("children: {left:?}\n{}", agent.log())
    })?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}

/// The processes that this one has started, as `/proc/<pid>/stat` has them: dead ones, too, until
/// they have been waited for.
pub(crate) fn children(parent: u32) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // It may have ended meanwhile, or be no process.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
            continue;
        };
        // The name may have blanks and brackets.
        let behind = stat.rsplit(')').next().unwrap_or_default();
        let of = behind.split_whitespace().nth(1);
        if of == Some(&*parent.to_string()) {
            found.push(stat);
        }
    }
    Ok(found)
}
