//! A kernel without IPVS: what is missing and what to do is said.

mod without_bpf;

use anyhow::{Result, ensure};
use lb_agent::net::ipvs::{Ipvs, IpvsError};
use lb_tests::{Agent, Namespace, Need, PATIENCE, skipped, wait_until};

#[test]
fn without_the_module_the_error_says_what_to_install() {
    if skipped(&[Need::Root, Need::NoIpvs]) {
        return;
    }
    let Err(error) = Ipvs::open() else {
        panic!("the kernel has no IPVS");
    };
    assert!(matches!(error, IpvsError::Missing { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("this kernel has no IPVS: "), "{text}");
    assert!(
        text.contains("modprobe ip_vs") && text.contains("linux-image"),
        "{text}"
    );
}

/// What XDP cannot serve, on the address of an instance.
const MARKED: &str = "\
virtual_server fwmark 6 {
    lb_algo rr
    lb_kind DR
    real_server 192.0.2.9 80 {
    }
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 66
    priority 100
    virtual_ipaddress {
        192.0.2.1
    }
}
";

/// A director with one interface; `None`: this machine cannot run the test, which has been said.
fn director() -> Result<Option<Namespace>> {
    if skipped(&[
        Need::Root,
        Need::Namespaces,
        Need::Program("ip"),
        Need::NoIpvs,
    ]) {
        return Ok(None);
    }
    let machine = Namespace::new("director")?;
    machine.ip("link add name eth0 type veth peer name far")?;
    machine.ip("address add 192.0.2.7/24 dev eth0")?;
    for link in ["eth0", "far"] {
        machine.ip(&format!("link set {link} up"))?;
    }
    Ok(Some(machine))
}

#[test]
fn a_service_that_nobody_can_carry_ends_the_start_unless_it_need_not_be_carried() -> Result<()> {
    let Some(machine) = director()? else {
        return Ok(());
    };
    let exit = Agent::start(&machine, MARKED)?.wait(PATIENCE)?;
    for part in [
        "no data plane carries virtual server FWM 6: it sees a packet before a firewall marks it; \
         this kernel has no IPVS",
        "run `modprobe ip_vs` as root",
        "with `xdp_required off` in global_defs the agent runs without",
    ] {
        ensure!(exit.log.contains(part), "no {part:?} in:\n{}", exit.log);
    }
    ensure!(exit.status.code() == Some(1), "{}", exit.status);
    ensure!(!machine.has_address("192.0.2.1")?, "nothing was started");
    let lenient = format!("global_defs {{\nxdp_required off\n}}\n{MARKED}");
    let mut agent = Agent::start(&machine, &lenient)?;
    agent.wait_for("virtual server FWM 6 is not served", PATIENCE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let line = format!("{:<28} none ", "FWM 6");
    let told = wait_until(PATIENCE, || {
        let dump = agent.dump("services").ok()?;
        dump.contains(&line).then_some(())
    });
    ensure!(told.is_some(), "{}", agent.dump("services")?);
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    Ok(())
}

#[test]
fn a_kernel_with_neither_bpf_nor_ipvs_ends_the_start_and_says_what_each_wants() -> Result<()> {
    if without_bpf::is_impossible() {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let served = MARKED.replace("virtual_server fwmark 6 {", "virtual_server 192.0.2.1 80 {");
    let no_bpf = "this kernel has no BPF: it was built without CONFIG_BPF_SYSCALL";
    without_bpf::without_bpf(|| {
        let exit = Agent::start(&machine, &served)?.wait(PATIENCE)?;
        for part in [
            no_bpf,
            "this kernel has no IPVS",
            "run `modprobe ip_vs` as root",
            "with `xdp_required off` in global_defs the agent runs without",
        ] {
            ensure!(exit.log.contains(part), "no {part:?} in:\n{}", exit.log);
        }
        ensure!(exit.status.code() == Some(1), "{}", exit.status);
        let lenient = format!("global_defs {{\nxdp_required off\n}}\n{served}");
        let mut agent = Agent::start(&machine, &lenient)?;
        agent.wait_for("Entering MASTER STATE", PATIENCE)?;
        let told = wait_until(PATIENCE, || {
            let dump = agent.dump("services").ok()?;
            (dump.contains(" none ") && dump.contains(no_bpf)).then_some(())
        });
        ensure!(told.is_some(), "{}", agent.dump("services")?);
        let exit = agent.terminate()?;
        ensure!(exit.status.success(), "{}", exit.log);
        Ok(())
    })
}

/// A virtual server on the address of an instance, with these lines in `global_defs`.
fn served(lines: &str) -> String {
    let server = MARKED.replace(
        "virtual_server fwmark 6 {",
        "virtual_server 192.0.2.1 80 {\n    protocol TCP",
    );
    format!("global_defs {{\n{lines}\n}}\n{server}")
}

/// A director on whose interface somebody else's program is.
fn occupied() -> Result<Option<Namespace>> {
    if skipped(&[Need::Bpf]) {
        return Ok(None);
    }
    let Some(machine) = director()? else {
        return Ok(None);
    };
    lb_tests::load(&machine, "eth0", "pass")?;
    Ok(Some(machine))
}

/// What `dump services` says of the only virtual server, once it says all of this.
fn shown(agent: &Agent, plane: &str, parts: &[&str]) -> Result<()> {
    let start = format!("{:<28} {plane:<6} ", "[192.0.2.1]:tcp:80");
    let dump = || agent.dump("services");
    let told = wait_until(PATIENCE, || {
        let dump = dump().ok()?;
        let line = dump.lines().find(|line| line.starts_with(&start))?;
        parts.iter().all(|it| line.contains(it)).then_some(())
    });
    ensure!(told.is_some(), "no {parts:?}: {}\n{}", dump()?, agent.log());
    Ok(())
}

const OCCUPIED: &str = "another XDP program is attached there: pass (id ";

#[test]
fn what_an_interface_refuses_is_shown_to_have_nobody_until_the_interface_takes_it() -> Result<()> {
    let Some(machine) = occupied()? else {
        return Ok(());
    };
    for (mode, advice) in [
        ("auto", "run `modprobe ip_vs` as root"),
        ("native", OCCUPIED),
    ] {
        let text = served(&format!("xdp_mode {mode}"));
        let exit = Agent::start(&machine, &text)?.wait(PATIENCE)?;
        let why = "no data plane carries virtual server [192.0.2.1]:tcp:80: ";
        for part in [why, OCCUPIED, advice] {
            ensure!(exit.log.contains(part), "no {part:?} in:\n{}", exit.log);
        }
        let text = served(&format!("xdp_mode {mode}\nxdp_required off"));
        let mut agent = Agent::start(&machine, &text)?;
        let told = "virtual server [192.0.2.1]:tcp:80 is not served: ";
        agent.wait_for(told, PATIENCE)?;
        agent.wait_for("Entering MASTER STATE", PATIENCE)?;
        shown(&agent, "none", &[OCCUPIED, advice])?;
        if mode == "native" {
            // Nothing has to be done by hand once the way is free.
            machine.ip("link set dev eth0 xdp off")?;
            agent.wait_for("XDP program attached to eth0", PATIENCE)?;
            let dump = || agent.dump("services");
            let free = wait_until(PATIENCE, || {
                (!dump().ok()?.contains(" none ")).then_some(())
            });
            ensure!(free.is_some(), "{}\n{}", dump()?, agent.log());
        }
        let exit = agent.terminate()?;
        ensure!(exit.status.success(), "{}", exit.log);
    }
    Ok(())
}

#[test]
fn what_is_attached_by_a_master_alone_may_be_refused_then_and_is_shown() -> Result<()> {
    let Some(machine) = occupied()? else {
        return Ok(());
    };
    let mut agent = Agent::start(&machine, &served("xdp_attach master"))?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let told = "virtual server [192.0.2.1]:tcp:80 is not served: ";
    agent.wait_for(told, PATIENCE)?;
    shown(&agent, "none", &[OCCUPIED, "run `modprobe ip_vs` as root"])
}

#[test]
fn an_interface_that_refuses_beside_one_that_does_not_is_shown() -> Result<()> {
    let Some(machine) = occupied()? else {
        return Ok(());
    };
    machine.ip("link add name eth1 type veth peer name far1")?;
    for link in ["eth1", "far1"] {
        machine.ip(&format!("link set {link} up"))?;
    }
    let mut agent = Agent::start(&machine, &served("xdp_interfaces eth0 eth1"))?;
    let told = "virtual server [192.0.2.1]:tcp:80 is served by XDP: not what arrives by eth0: ";
    agent.wait_for(told, PATIENCE)?;
    shown(&agent, "XDP", &["not what arrives by eth0: ", OCCUPIED])
}
