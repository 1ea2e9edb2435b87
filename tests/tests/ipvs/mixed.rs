//! One director on XDP, the other on IPVS, with the same file.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Cluster, Layout, Mode, Need, configurations, needs, skipped, wait_until};

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn new_connections_go_on_when_the_other_director_serves_by_the_other_plane() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs]) {
        return Ok(());
    }
    let [first, second] = configurations::demo(Mode::Dr);
    let with = |text: &str, mode: &str| format!("global_defs {{\nxdp_mode {mode}\n}}\n{text}");
    let configurations = [with(&first, "auto"), with(&second, "off")];
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.start(1)?;
    cluster
        .agent(1)?
        .wait_for("Entering BACKUP STATE", PATIENCE)?;
    let log = cluster.agent(0)?.log();
    ensure!(!log.contains("IPVS"), "the first serves by XDP:\n{log}");
    let served = |cluster: &Cluster| -> Result<[usize; 2]> {
        let tally = cluster.requests(8)?;
        ensure!(tally.failures.is_empty(), "{:?}", tally.failures);
        Ok(["rs1", "rs2"].map(|name| tally.from(name)))
    };
    wait_until(PATIENCE, || served(&cluster).ok()).context("XDP does not serve")?;
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    cluster.wait_for_master(1)?;
    let both = wait_until(PATIENCE, || served(&cluster).ok()).context("IPVS does not serve")?;
    ensure!(both == [4, 4], "{both:?}");
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    wait_until(PATIENCE, || served(&cluster).ok()).context("XDP does not serve again")?;
    Ok(())
}
