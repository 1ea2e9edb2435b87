//! Why XDP does not serve, in the log and in `dump services`, one cause after the other. Marks and
//! kernels without modules have tests of their own (`kernel`), what keeps the program out of the kernel
//! in `without_xdp`.

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
fn an_mtu_that_native_xdp_does_not_take() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    for link in ["eth0", "far"] {
        machine.ip(&format!("link set {link} mtu 9000"))?;
    }
    let why = "cannot attach to eth0 in native mode: the MTU is too large for XDP";
    does_not_start(&machine, &text("native"), why)?;
    // For who leaves it open generic mode does, and that is told with the cause.
    let mut agent = Agent::start(&machine, &text("auto"))?;
    agent.wait_for(&format!("{why}; trying generic mode"), PATIENCE)?;
    agent.wait_for("XDP program attached to eth0 (generic)", PATIENCE)?;
    Ok(())
}

#[test]
fn a_driver_without_native_xdp() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    // What an interface of a tunnel carries is no Ethernet; a dummy has no XDP in its driver.
    for command in [
        "link add name eth1 type dummy",
        "address del 192.0.2.1/24 dev eth0",
        "address add 192.0.2.1/24 dev eth1",
        "link set eth1 up",
    ] {
        machine.ip(command)?;
    }
    let why = "cannot attach to eth1 in native mode: the driver has no XDP";
    does_not_start(&machine, &text("native"), why)?;
    let mut agent = Agent::start(&machine, &text("auto"))?;
    agent.wait_for(
        &format!("{why}, or LRO is on; trying generic mode"),
        PATIENCE,
    )?;
    agent.wait_for("XDP program attached to eth1 (generic)", PATIENCE)?;
    Ok(())
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

#[test]
fn a_service_that_somebody_else_has_in_ipvs() -> Result<()> {
    if skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    machine.enter(|| ipvsadm("-A -t 192.0.2.1:80 -s wlc"))?;
    let why = "IPVS has a service TCP 192.0.2.1:80 already, which lb-agent has not left there";
    let why_shown = "IPVS has a service ";
    let agent = Agent::start(&machine, &text("auto"))?;
    goes_to_ipvs(&machine, agent, why_shown).context(why)?;
    // Also when it comes with a reload.
    machine.enter(|| ipvsadm("-A -t 192.0.2.1:80 -s wlc"))?;
    let other = text("auto").replace("192.0.2.1 80", "192.0.2.2 80");
    let mut agent = Agent::start(&machine, &other)?;
    agent.wait_for("virtual server", PATIENCE)?;
    agent.reload(&format!("{other}{}", text("auto")))?;
    agent.wait_for(
        "is served by the kernel's IPVS: IPVS has a service ",
        PATIENCE,
    )?;
    agent.wait_for("adopted virtual service TCP 192.0.2.1:80", PATIENCE)?;
    wait_for(&machine, &SAVED)
}
