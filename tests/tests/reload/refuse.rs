//! A configuration that cannot be used, and commands that nobody can follow.

use anyhow::{Context, Result};
use lb_tests::{Cluster, Layout, Mode, Told, configurations, needs, skipped, wait_until};

use super::{SOON, connections, dumped, state};

#[test]
fn a_file_that_cannot_be_used_changes_nothing_and_says_why() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let probe = cluster.patient_probe()?;
    let [text, _] = cluster.configurations.clone();
    let agent = cluster.agent(0)?;
    let before = dumped(agent, "backends")?;
    let bad = [
        // (the file, exit status as of `check`, what is said)
        (
            text.replace("virtual_router_id 66", "virtual_router_id"),
            2,
            "virtual_router_id",
        ),
        (
            format!("{text}\nincludea /no/such/file\n"),
            5,
            "/no/such/file",
        ),
    ];
    for (text, status, said) in bad {
        agent.rewrite(&text)?;
        let told = agent.tell("reload")?;
        assert_eq!(told.status, Some(status), "{told:?}");
        assert!(told.error.contains(said), "{told:?}");
        assert!(
            told.error.contains("everything goes on as it was"),
            "{told:?}"
        );
    }
    // The log is written behind the agent's back.
    agent.wait_for(
        "has errors that the running configuration does not have",
        SOON,
    )?;
    let log = agent.log();
    assert_eq!(log.matches("Reload failed").count(), 2, "{log}");
    assert_eq!(dumped(agent, "backends")?, before);
    // The status file is written once a second.
    let master = || (state(agent).ok()? == "MASTER").then_some(());
    wait_until(SOON, master).context("it is not MASTER any more")?;
    let conns = connections(agent, 80)?;
    // And it can still be reloaded.
    agent.reload(&text)?;
    assert!(connections(agent, 80)? >= conns);
    assert_eq!(probe.report().failures(), 0);
    Ok(())
}

#[test]
fn a_command_for_an_agent_that_does_not_run_says_so() -> Result<()> {
    for arguments in ["reload", "drain 10.0.0.1:80 10.0.0.2", "check-now"] {
        let told = Told::by("nobody-is-called-so", arguments)?;
        assert_eq!(told.status, Some(1));
        let said = "no agent called \"nobody-is-called-so\" runs here";
        assert!(told.error.contains(said), "{}", told.error);
    }
    Ok(())
}
