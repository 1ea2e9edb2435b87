//! An interface that somebody else's XDP program is on.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{
    Agent, Cluster, Layout, Mode, Namespace, Need, PATIENCE, built, configurations, needs, skipped,
};

#[test]
fn what_xdp_loader_has_put_there_is_named_with_the_way_to_remove_it() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("xdp-loader")]) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let director = &cluster.site.directors[0];
    let object = built::bpf_object("pass")?;
    let object = object.to_str().context("no text")?;
    xdp_loader(director, &["load", "ens33", object])?;
    let refused = Agent::start(director, &cluster.configurations[0])?.wait(PATIENCE)?;
    ensure!(!refused.status.success(), "{}", refused.log);
    let told = "cannot attach to ens33: another XDP program is attached there: ";
    let (_, whose) = refused.log.split_once(told).context(refused.log.clone())?;
    // Where the kernel has no programs of the type EXT, xdp-loader does without a dispatcher.
    let (name, remedy) = if whose.starts_with("libxdp's dispatcher") {
        (
            "which calls pass (id ",
            "`xdp-loader unload ens33 --all` removes it",
        )
    } else {
        ("pass (id ", "`ip link set dev ens33 xdp off` removes it")
    };
    let line = whose.lines().next().unwrap_or_default();
    ensure!(line.contains(name) && line.contains(remedy), "{line}");
    ensure!(
        director.program("ens33")?.is_some(),
        "it is not ours to take away"
    );
    xdp_loader(director, &["unload", "ens33", "--all"])?;
    director.wait_until_free("ens33")?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    Ok(())
}

fn xdp_loader(machine: &Namespace, arguments: &[&str]) -> Result<String> {
    machine.run(Command::new("xdp-loader").args(arguments))
}
