//! Why XDP does not serve, in the log and in `dump services`, one cause after the other. Marks and
//! kernels without modules have tests of their own (`kernel`, `loader`), what keeps the program out of the kernel
//! in `without_xdp`, what keeps it from native mode in the program `not_native`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};

use crate::agent::wait_for;
use crate::ipvsadm::ipvsadm;
use crate::machine;

const PATIENCE: Duration = Duration::from_mins(1);

/// What `ipvsadm -Sn` says of [`text`].
const SAVED: [&str; 2] = [
    "-A -t 192.0.2.1:80 -s rr",
    "-a -t 192.0.2.1:80 -r 192.0.2.9:80 -g -w 1",
];

/// One virtual server on the director's only interface.
pub(crate) fn text(mode: &str) -> String {
    format!(
        "global_defs {{\nxdp_mode {mode}\n}}\nvirtual_server 192.0.2.1 80 {{\nlb_algo rr\n\
         lb_kind DR\nprotocol TCP\nreal_server 192.0.2.9 80 {{\n}}\n}}\n"
    )
}

/// A director with one interface; `None`: this machine cannot run the test.
pub(crate) fn director() -> Result<Option<Namespace>> {
    let Some(machine) = machine()? else {
        return Ok(None);
    };
    for command in [
        "link add name eth0 type veth peer name far",
        "address add 192.0.2.1/24 dev eth0",
        "link set eth0 up",
        "link set far up",
    ] {
        machine.ip(command)?;
    }
    Ok(Some(machine))
}

/// The agent goes to IPVS, and says why.
pub(crate) fn goes_to_ipvs(machine: &Namespace, mut agent: Agent, why: &str) -> Result<()> {
    agent.wait_for("is served by the kernel's IPVS: ", PATIENCE)?;
    let log = agent.log();
    let told = log
        .lines()
        .find(|line| line.contains("is served by the kernel's IPVS: "));
    ensure!(
        told.is_some_and(|line| line.contains(why)),
        "no {why:?}:\n{log}"
    );
    wait_for(machine, &SAVED).with_context(|| agent.log())?;
    let dump = || machine.enter(|| agent.dump("services"));
    let shown = wait_until(PATIENCE, || dump().ok()?.contains(why).then_some(()));
    ensure!(shown.is_some(), "{}", dump()?);
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}

/// The agent does not start, and says why and what to do.
pub(crate) fn does_not_start(machine: &Namespace, text: &str, why: &str) -> Result<()> {
    let exit = Agent::start(machine, text)?.wait(PATIENCE)?;
    for part in [
        "no data plane carries virtual server [192.0.2.1]:tcp:80: ",
        why,
        "with `xdp_required off` in global_defs the agent runs without",
    ] {
        ensure!(exit.log.contains(part), "no {part:?}:\n{}", exit.log);
    }
    ensure!(exit.status.code() == Some(1), "{}", exit.status);
    Ok(())
}

#[test]
fn another_program_on_the_interface() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    lb_tests::load(&machine, "eth0", "pass")?;
    let why = "another XDP program is attached there: pass (id ";
    goes_to_ipvs(&machine, Agent::start(&machine, &text("auto"))?, why)?;
    does_not_start(&machine, &text("native"), why)
}

#[test]
fn a_missing_capability() -> Result<()> {
    if skipped(&[Need::Bpf, Need::Program("setpriv")]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let agent = Agent::start_without(&machine, &text("auto"), "bpf,sys_admin")?;
    goes_to_ipvs(&machine, agent, "CAP_BPF")
}

/// A virtual server whose only server is the director itself, on another port.
const HERE: &str = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
     real_server 192.0.2.1 8080 {\n}\n}\n";

#[test]
fn a_server_that_is_this_host_on_another_port_is_ipvs_s_also_when_a_reload_brings_it() -> Result<()>
{
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let saved = [
        "-A -t 192.0.2.1:80 -s rr",
        "-a -t 192.0.2.1:80 -r 192.0.2.1:8080 -m -w 1",
    ];
    let mut agent = Agent::start(&machine, "global_defs {\n}\n")?;
    let runs = || (agent.tell("reload").ok()?.status == Some(0)).then_some(());
    wait_until(PATIENCE, runs).with_context(|| agent.log())?;
    for text in [HERE.to_owned(), format!("{HERE}! again\n")] {
        agent.reload(&text)?;
        wait_for(&machine, &saved).with_context(|| agent.log())?;
        // Nobody needs XDP, so nobody has it for a moment.
        let log = agent.log();
        ensure!(!log.contains("XDP program attached"), "{log}");
    }
    agent.wait_for(
        "is served by the kernel's IPVS: XDP has no way to port 8080 of 192.0.2.1, which is this \
         host",
        PATIENCE,
    )?;
    // What no start would take, no reload does.
    let secure = HERE.replace("192.0.2.1 80 {", "192.0.2.1 443 {\nxdp_mode native");
    let both = format!("{HERE}{secure}");
    agent.rewrite(&both)?;
    let told = agent.tell("reload")?;
    let why = "no data plane carries virtual server [192.0.2.1]:tcp:443: IPVS serves";
    ensure!(
        told.status == Some(1) && told.error.contains(why),
        "{told:?}"
    );
    wait_for(&machine, &saved).with_context(|| agent.log())?;
    agent.terminate()?;
    let exit = Agent::start(&machine, &both)?.wait(PATIENCE)?;
    ensure!(exit.log.contains(why), "{}", exit.log);
    Ok(())
}

#[test]
fn a_service_that_somebody_else_has_in_ipvs() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    machine.enter(|| ipvsadm("-A -t 192.0.2.1:80 -s wlc"))?;
    // What `lvs_flush` is about to remove is in nobody's way.
    let flush = text("auto").replace("xdp_mode auto", "lvs_flush");
    let mut agent = Agent::start(&machine, &flush)?;
    agent.wait_for("XDP program attached to eth0", PATIENCE)?;
    wait_for(&machine, &[]).with_context(|| agent.log())?;
    agent.terminate()?;
    machine.enter(|| ipvsadm("-A -t 192.0.2.1:80 -s wlc"))?;
    let why = "IPVS has a service TCP 192.0.2.1:80 already, which lb-agent has not left there";
    let agent = Agent::start(&machine, &text("auto"))?;
    goes_to_ipvs(&machine, agent, why)?;
    // Also when it comes with a reload.
    machine.enter(|| ipvsadm("-A -t 192.0.2.1:80 -s wlc"))?;
    let other = text("auto").replace("192.0.2.1 80", "192.0.2.2 80");
    let mut agent = Agent::start(&machine, &other)?;
    agent.wait_for("virtual server", PATIENCE)?;
    // What XDP serves already stays with it.
    machine.enter(|| ipvsadm("-A -t 192.0.2.2:80 -s wlc"))?;
    agent.reload(&format!("{other}{}", text("auto")))?;
    let told = format!("is served by the kernel's IPVS: {why}");
    agent.wait_for(&told, PATIENCE)?;
    agent.wait_for("adopted virtual service TCP 192.0.2.1:80", PATIENCE)?;
    let theirs = "-A -t 192.0.2.2:80 -s wlc";
    wait_for(&machine, &[SAVED[0], theirs, SAVED[1]])
}

#[test]
fn another_port_of_an_address_that_somebody_else_has_in_ipvs() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let theirs = "-A -t 192.0.2.1:443 -s wlc";
    machine.enter(|| ipvsadm(theirs))?;
    let why = "is served by the kernel's IPVS: IPVS has a service TCP 192.0.2.1:443 already, which \
               lb-agent has not left there";
    let mut agent = Agent::start(&machine, &text("auto"))?;
    agent.wait_for(why, PATIENCE)?;
    wait_for(&machine, &[theirs, SAVED[0], SAVED[1]]).with_context(|| agent.log())?;
    agent.terminate()?;
    // It takes nothing from who has XDP or nobody.
    let native = "virtual_server 192.0.2.1 81 {\nxdp_mode native\nlb_algo rr\nlb_kind DR\n\
                  protocol TCP\nreal_server 192.0.2.9 81 {\n}\n}\n";
    let mut agent = Agent::start(&machine, &format!("{}{native}", text("auto")))?;
    agent.wait_for("XDP program attached to eth0", PATIENCE)?;
    wait_for(&machine, &[theirs]).with_context(|| agent.log())
}
