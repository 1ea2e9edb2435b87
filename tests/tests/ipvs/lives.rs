//! What is ours in the kernel's tables, over the agent's end, a kill, a failed start, a refused
//! reload, and the end of the module.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};
use nix::sys::signal::Signal;

use crate::agent::{PLAIN, PLAIN_SAVED, wait_for};
use crate::ipvsadm::{ipvsadm, saved};
use crate::loader::{LOADER, children, unload};
use crate::machine;

const PATIENCE: Duration = Duration::from_mins(1);

/// Somebody else's.
const THEIRS: [&str; 2] = [
    "-A -t 192.0.2.9:80 -s lc",
    "-a -t 192.0.2.9:80 -r 10.0.0.9:80 -g -w 1",
];

/// Another virtual server.
const OTHER: &str = "global_defs {\nxdp_mode off\n}\n\
     virtual_server 192.0.2.5 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
     real_server 10.0.0.5 80 {\n}\n}\n";

/// What nobody can carry: XDP meets a packet before it is marked.
const NATIVE: &str = "virtual_server fwmark 5 {\nxdp_mode native\nlb_algo rr\nlb_kind DR\n\
     real_server 10.0.0.1 80 {\n}\n}\n";

/// Both.
const ALL_SAVED: [&str; 5] = [
    PLAIN_SAVED[0],
    THEIRS[0],
    PLAIN_SAVED[1],
    PLAIN_SAVED[2],
    THEIRS[1],
];

/// A machine on which somebody else uses IPVS, too; `None`: this machine cannot run the test.
fn shared() -> Result<Option<Namespace>> {
    let Some(machine) = machine()? else {
        return Ok(None);
    };
    machine.ip("link set lo up")?;
    for line in THEIRS {
        machine.enter(|| ipvsadm(line))?;
    }
    Ok(Some(machine))
}

fn with(line: &str, text: &str) -> String {
    text.replacen("global_defs {", &format!("global_defs {{\n{line}"), 1)
}

#[test]
fn whoever_is_killed_at_once_leaves_nothing_that_the_next_agent_does_not_know() -> Result<()> {
    let Some(machine) = shared()? else {
        return Ok(());
    };
    let agent = Agent::start(&machine, PLAIN)?;
    // The first service is there: no second has passed.
    let first = wait_until(PATIENCE, || {
        (machine.enter(saved).ok()?.len() > 2).then_some(())
    });
    ensure!(first.is_some(), "{}", agent.log());
    agent.kill()?;
    let next = Agent::start(&machine, OTHER)?;
    let wanted = [
        "-A -t 192.0.2.5:80 -s rr",
        THEIRS[0],
        "-a -t 192.0.2.5:80 -r 10.0.0.5:80 -g -w 1",
        THEIRS[1],
    ];
    wait_for(&machine, &wanted).with_context(|| next.log())?;
    // The same after an end that leaves the services.
    next.terminate()?;
    let stays = Agent::start_as_keepalived(&machine, PLAIN, &["-I"])?;
    wait_for(&machine, &ALL_SAVED).with_context(|| stays.log())?;
    stays.terminate()?;
    wait_for(&machine, &ALL_SAVED).context("-I")?;
    // A start that comes to nothing takes nothing away, and forgets nothing.
    let fails = format!("{OTHER}{NATIVE}");
    let exit = Agent::start(&machine, &fails)?.wait(PATIENCE)?;
    ensure!(!exit.status.success(), "{}", exit.log);
    wait_for(&machine, &ALL_SAVED).with_context(|| exit.log.clone())?;
    let next = Agent::start(&machine, OTHER)?;
    wait_for(&machine, &wanted).with_context(|| next.log())
}

#[test]
fn a_start_or_a_reload_that_fails_leaves_the_tables_as_they_are() -> Result<()> {
    let Some(machine) = shared()? else {
        return Ok(());
    };
    for line in ["lvs_flush_on_stop", "lvs_flush"] {
        let text = format!("{}{NATIVE}", with(line, PLAIN));
        let exit = Agent::start(&machine, &text)?.wait(PATIENCE)?;
        let why = "no data plane carries virtual server FWM 5";
        ensure!(
            exit.status.code() == Some(1) && exit.log.contains(why),
            "{}",
            exit.log
        );
        wait_for(&machine, &THEIRS).context(line)?;
    }
    // Nobody needs IPVS until the reload, which is refused: not for what the file says, since the
    // agent runs with that already, but because nobody carries it.
    let unserved = format!("global_defs {{\nxdp_mode native\nxdp_required off\n}}\n{NATIVE}");
    let agent = Agent::start(&machine, &unserved)?;
    // Once it runs, the file may change.
    let runs = || (agent.tell("reload").ok()?.status == Some(0)).then_some(());
    wait_until(PATIENCE, runs).with_context(|| agent.log())?;
    agent.rewrite(&format!("{}{NATIVE}", with("lvs_flush", PLAIN)))?;
    let told = agent.tell("reload")?;
    let why = "no data plane carries virtual server FWM 5";
    ensure!(
        told.status == Some(1) && told.error.contains(why),
        "{told:?}"
    );
    wait_for(&machine, &THEIRS).with_context(|| format!("{told:?}\n{}", agent.log()))?;
    // One that is not refused does not flush either: `lvs_flush` is of the start.
    agent.reload(&with("lvs_flush", PLAIN))?;
    wait_for(&machine, &ALL_SAVED).with_context(|| agent.log())
}

#[test]
fn timeouts_are_taken_back_at_a_reload_and_at_the_end() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    machine.enter(|| ipvsadm("--set 901 121 301"))?;
    let are = |wanted: &str| {
        let timeouts = || machine.enter(|| ipvsadm("-L --timeout"));
        let set = wait_until(PATIENCE, || timeouts().ok()?.contains(wanted).then_some(()));
        set.with_context(|| format!("not {wanted}: {:?}", timeouts()))
    };
    let set = with("lvs_timeouts tcp 77 udp 8", PLAIN);
    let agent = Agent::start(&machine, &set)?;
    are("77 121 8")?;
    agent.reload(PLAIN)?;
    are("901 121 301")?;
    agent.reload(&set)?;
    are("77 121 8")?;
    // A killed one cannot; the next one knows.
    agent.kill()?;
    let mut agent = Agent::start(&machine, &set)?;
    agent.wait_for(
        "an earlier agent has left virtual services in IPVS",
        PATIENCE,
    )?;
    wait_for(&machine, &PLAIN_SAVED)?;
    are("77 121 8")?;
    let exit = agent.terminate()?;
    are("901 121 301").context(exit.log)
}

#[test]
fn a_sync_daemon_of_a_killed_agent_is_stopped_by_one_that_wants_none() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    for command in [
        "link add name eth0 type veth peer name far",
        "address add 192.0.2.7/24 dev eth0",
        "link set eth0 up",
        "link set far up",
    ] {
        machine.ip(command)?;
    }
    let daemons = || machine.enter(|| ipvsadm("-L --daemon"));
    let agent = Agent::start(&machine, &with("lvs_sync_daemon eth0 id 7", PLAIN))?;
    let run = || daemons().ok()?.contains("syncid=7").then_some(());
    wait_until(PATIENCE, run).with_context(|| agent.log())?;
    agent.kill()?;
    ensure!(daemons()?.contains("syncid=7"));
    // One that comes to nothing forgets none.
    let exit = Agent::start(&machine, &format!("{PLAIN}{NATIVE}"))?.wait(PATIENCE)?;
    ensure!(exit.status.code() == Some(1), "{}", exit.log);
    let next = Agent::start(&machine, PLAIN)?;
    let gone = || daemons().ok()?.trim().is_empty().then_some(());
    wait_until(PATIENCE, gone).with_context(|| next.log())
}

#[test]
fn what_is_moved_out_of_ipvs_by_a_reload_leaves_nothing_of_ours_there_and_the_end_flushes()
-> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    machine.enter(|| ipvsadm("-A -t 192.0.2.9:80 -s lc"))?;
    let mut agent = Agent::start(&machine, &with("lvs_timeouts tcp 77", PLAIN))?;
    let there = || (machine.enter(saved).ok()?.len() == 4).then_some(());
    wait_until(PATIENCE, there).with_context(|| agent.log())?;
    agent.reload("global_defs {\nlvs_flush_on_stop\n}\n")?;
    agent.wait_for("IPVS has nothing of ours any more", PATIENCE)?;
    wait_for(&machine, &["-A -t 192.0.2.9:80 -s lc"])?;
    ensure!(machine.enter(|| ipvsadm("-L --timeout"))?.contains("900"));
    agent.terminate()?;
    // The table is flushed, whoever has filled it and whoever uses it.
    wait_for(&machine, &[])
}

/// Takes IPVS out of the kernel under an agent that sleeps meanwhile.
fn unload_under(agent: &mut Agent, machine: &Namespace) -> Result<()> {
    agent.signal(Signal::SIGSTOP)?;
    let unloaded = machine.enter(|| ipvsadm("-C")).and_then(|_| unload());
    agent.signal(Signal::SIGCONT)?;
    unloaded
}

#[test]
fn ipvs_that_is_unloaded_under_us_is_loaded_again_and_everything_is_put_back() -> Result<()> {
    if skipped(&[Need::Program("rmmod")]) {
        return Ok(());
    }
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    let mut agent = Agent::start(&machine, &with("lvs_timeouts tcp 77 udp 8", PLAIN))?;
    wait_for(&machine, &PLAIN_SAVED)?;
    unload_under(&mut agent, &machine)?;
    wait_for(&machine, &PLAIN_SAVED).with_context(|| agent.log())?;
    let timeouts = || machine.enter(|| ipvsadm("-L --timeout"));
    let set = || timeouts().ok()?.contains("77 120 8").then_some(());
    wait_until(PATIENCE, set).with_context(|| format!("{:?}\n{}", timeouts(), agent.log()))?;
    let again = "IPVS was taken out of the kernel (`modprobe -r ip_vs`) and is there again, empty";
    agent.wait_for(again, PATIENCE)?;
    agent.wait_for("IPVS is as it should be again", PATIENCE)?;
    ensure!(
        !agent.log().contains("somebody has removed"),
        "{}",
        agent.log()
    );
    // Where it cannot be loaded that is told once, and tried again.
    let before = fs::read_to_string(LOADER)?;
    fs::write(LOADER, "/bin/false")?;
    // It may be loading schedulers yet.
    let idle = || children(agent.id()).ok()?.is_empty().then_some(());
    wait_until(PATIENCE, idle).with_context(|| agent.log())?;
    let position = agent.log().len();
    let told = unload_under(&mut agent, &machine).and_then(|()| {
        let why =
            "IPVS was taken out of the kernel, and cannot be loaded again: `/bin/false ip_vs`";
        agent.wait_for_after(position, why, PATIENCE)
    });
    fs::write(LOADER, before.trim())?;
    told?;
    wait_for(&machine, &PLAIN_SAVED).with_context(|| agent.log())?;
    let log = agent.log().split_off(position);
    let told = log.matches("not as it should be").count();
    ensure!((1..=2).contains(&told), "told {told} times:\n{log}");
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}
