//! What keeps XDP from native mode: who leaves the mode open has generic mode, and is told why in the
//! log and in `dump services`; who asks for native has nothing else.

use std::time::Duration;

use anyhow::{Result, ensure};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};

const PATIENCE: Duration = Duration::from_mins(1);

/// The end of each reason is the kernel's, which differs by version.
const ADVICE: &str = "with `xdp_required off` in global_defs the agent runs without";

/// One virtual server on the director's only interface.
fn text(mode: &str) -> String {
    format!(
        "global_defs {{\nxdp_mode {mode}\n}}\nvirtual_server 192.0.2.1 80 {{\nlb_algo rr\n\
         lb_kind DR\nprotocol TCP\nreal_server 192.0.2.9 80 {{\n}}\n}}\n"
    )
}

/// A director whose only interface these commands of ip(8) make; `None`: this machine cannot run
/// the test, which has been said.
fn director(commands: &[&str]) -> Result<Option<Namespace>> {
    if skipped(&[Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")]) {
        return Ok(None);
    }
    let machine = Namespace::new("director")?;
    for command in commands {
        machine.ip(command)?;
    }
    machine.ip("address add 192.0.2.1/24 dev eth0")?;
    machine.ip("link set eth0 up")?;
    Ok(Some(machine))
}

/// `why` keeps the program from native mode on eth0.
fn only_generic(machine: &Namespace, why: &str) -> Result<()> {
    let why = format!("cannot attach to eth0 in native mode: {why}");
    let exit = Agent::start(machine, &text("native"))?.wait(PATIENCE)?;
    for part in [&*why, ADVICE] {
        ensure!(exit.log.contains(part), "no {part:?}:\n{}", exit.log);
    }
    ensure!(exit.status.code() == Some(1), "{}", exit.status);
    ensure!(machine.program("eth0")?.is_none(), "it is left behind");
    let mut agent = Agent::start(machine, &text("auto"))?;
    agent.wait_for(&format!("{why}; trying generic mode"), PATIENCE)?;
    agent.wait_for("XDP program attached to eth0 (generic)", PATIENCE)?;
    let line = format!("{:<28} XDP    generic mode: {why}", "[192.0.2.1]:tcp:80");
    shown(&agent, |dump| dump.contains(&line))?;
    // Who asks for generic mode has what he asks for.
    agent.reload(&text("generic"))?;
    shown(&agent, |dump| !dump.contains("generic mode: "))?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    machine.wait_until_free("eth0")
}

fn shown(agent: &Agent, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let dump = || agent.dump("services");
    let shown = wait_until(PATIENCE, || wanted(&dump().ok()?).then_some(()));
    ensure!(shown.is_some(), "{}\n{}", dump()?, agent.log());
    Ok(())
}

#[test]
fn an_mtu_that_native_xdp_does_not_take() -> Result<()> {
    let commands = [
        "link add name eth0 mtu 9000 type veth peer name far mtu 9000",
        "link set far up",
    ];
    let Some(machine) = director(&commands)? else {
        return Ok(());
    };
    only_generic(&machine, "the MTU is too large for XDP")?;
    // With a smaller one native mode is there, and nothing is to be told.
    for link in ["eth0", "far"] {
        machine.ip(&format!("link set {link} mtu 1500"))?;
    }
    let mut agent = Agent::start(&machine, &text("auto"))?;
    agent.wait_for("XDP program attached to eth0 (native)", PATIENCE)?;
    shown(&agent, |dump| {
        dump.contains("192.0.2.1:80") && !dump.contains("cannot attach")
    })
}

#[test]
fn a_driver_without_native_xdp() -> Result<()> {
    // Neither has XDP in its driver; a kernel may lack one of them.
    let dummy = director(&["link add name eth0 type dummy"]);
    let made = dummy.or_else(|_| director(&["link add name eth0 type ifb"]))?;
    let Some(machine) = made else {
        return Ok(());
    };
    only_generic(&machine, "the driver has no XDP, or LRO is on")
}

#[test]
fn a_bridge_has_no_native_xdp_in_any_kernel() -> Result<()> {
    let commands = [
        "link add name eth0 type bridge",
        "link add name port type veth peer name far",
        "link set port master eth0",
        "link set port up",
        "link set far up",
    ];
    let Some(machine) = director(&commands)? else {
        return Ok(());
    };
    let agent = Agent::start(&machine, &text("auto"))?;
    let why = "generic mode: eth0 is a bridge, where the kernel has no native XDP";
    shown(&agent, |dump| dump.contains(why))
}

/// The next agent wants the other mode: to see whether that works, the old attachment has to go.
#[test]
fn a_start_that_native_mode_is_refused_leaves_the_program_of_a_killed_agent_as_it_was() -> Result<()>
{
    let commands = [
        "link add name eth0 mtu 9000 type veth peer name far mtu 9000",
        "link set far up",
    ];
    let Some(machine) = director(&commands)? else {
        return Ok(());
    };
    let mut agent = Agent::start(&machine, &text("generic"))?;
    agent.wait_for("XDP program attached to eth0 (generic)", PATIENCE)?;
    shown(&agent, |dump| dump.contains("192.0.2.1:80"))?;
    agent.kill()?;
    let exit = Agent::start(&machine, &text("native"))?.wait(PATIENCE)?;
    for part in [
        "cannot attach to eth0 in native mode: the MTU is too large for XDP",
        "XDP program attached to eth0 (generic), as before",
        "what an earlier agent has left goes on forwarding",
    ] {
        ensure!(exit.log.contains(part), "no {part:?}:\n{}", exit.log);
    }
    ensure!(exit.status.code() == Some(1), "{}", exit.status);
    ensure!(machine.program("eth0")?.is_some(), "{}", exit.log);
    let mut agent = Agent::start(&machine, &text("generic"))?;
    agent.wait_for("adopted the data plane of an earlier agent", PATIENCE)?;
    shown(&agent, |dump| dump.contains("192.0.2.1:80"))?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    machine.wait_until_free("eth0")
}
