//! `sorry_server_lvs_method`: the sorry server is reached by a method of its own.

use anyhow::{Context, Result, ensure};
use lb_tests::http::Tally;
use lb_tests::{Agent, Layout, Mode, PATIENCE, Site, needs, skipped, wait_until};

/// Nobody listens on the port that is checked, so the sorry server serves. Servers in DR mode know
/// the virtual address, and no tunnel.
fn text(site: &Site, line: &str) -> String {
    let (vip, [one, two]) = (site.layout.virtual_address, site.layout.servers);
    format!(
        "virtual_server {vip} 80 {{\ndelay_loop 1\nlb_algo rr\nlb_kind TUN\nprotocol TCP\nalpha\n\
         sorry_server {one} 80\n{line}\nreal_server {two} 80 {{\nTCP_CHECK {{\nconnect_port 81\n\
         connect_timeout 1\n}}\n}}\n}}\n"
    )
}

#[test]
fn a_sorry_server_is_reached_by_its_own_method() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Dr))?;
    let (vip, target) = (site.layout.virtual_address, site.service());
    site.directors[0].ip(&format!("address add {vip}/24 dev ens33"))?;
    let requests = || site.client.enter(|| Ok(Tally::of(4, target, None)));
    let mut agent = Agent::start(
        &site.directors[0],
        &text(&site, "sorry_server_lvs_method DR"),
    )?;
    let served = || {
        let tally = requests().ok()?;
        (tally.failures.is_empty() && tally.from("rs1") == 4).then_some(())
    };
    wait_until(PATIENCE, served).with_context(|| agent.log())?;
    let dump = agent.dump("services")?;
    let sorry = format!("-> {}:80", site.layout.servers[0]);
    let line = dump.lines().find(|line| line.contains(&sorry));
    ensure!(line.is_some_and(|line| line.contains("Route")), "{dump}");
    // Without it the method is the virtual server's, and nobody takes its packets out of the tunnel.
    agent.reload(&text(&site, ""))?;
    agent.wait_for("Reload", PATIENCE)?;
    let lost = || (requests().ok()?.failures.len() == 4).then_some(());
    wait_until(PATIENCE, lost).with_context(|| agent.log())?;
    agent.reload(&text(&site, "sorry_server_lvs_method DR"))?;
    wait_until(PATIENCE, served).with_context(|| agent.log())?;
    Ok(())
}
