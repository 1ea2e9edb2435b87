//! `vrrp_strict` on both: no authentication though the file has one, and nobody reaches the address,
//! as with keepalived 2.2.7; nothing of it stays behind.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Namespace, Need, skipped, wait_until};

use crate::pair::{PATIENCE, Pair, VIP, beside_others};
use crate::scenarios::instance;
use crate::{NEEDS, PASS};

fn strict(priority: u8) -> String {
    let instance = instance(priority, PASS, &[VIP]);
    format!("global_defs {{\n vrrp_strict\n}}\n{instance}")
}

fn reaches(machine: &Namespace, address: &str) -> Result<bool> {
    machine.enter(|| {
        let mut ping = Command::new("ping");
        let output = ping
            .args(["-n", "-c", "2", "-i", "0.2", "-W", "1", address])
            .output()?;
        Ok(output.status.success())
    })
}

/// Waits until the packet filter of a machine has the address, or has it no more.
fn wait_for_filter(machine: &Namespace, wanted: bool) -> Result<()> {
    let rules = || machine.run(Command::new("nft").args(["list", "ruleset"]));
    let is = || rules().is_ok_and(|rules| rules.contains(VIP) == wanted);
    wait_until(PATIENCE, || is().then_some(()))
        .with_context(|| format!("{VIP} in the packet filter: not {wanted}: {:?}", rules()))
}

#[test]
fn a_strict_master_of_ours_is_followed_by_a_strict_keepalived_and_not_reached() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft"), Need::Program("ping")]) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let ours = pair.ours_from(&strict(100))?;
    ours.wait_for_state(State::Master)?;
    let theirs = pair.keepalived_from(&strict(80))?;
    theirs.wait_for("Strict mode does not support authentication. Ignoring.")?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    // Longer than its master-down time.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 5)?;
    let log = theirs.log()?;
    ensure!(!log.contains("Entering MASTER STATE"), "{log}");
    wait_for_filter(pair.ours_namespace(), true)?;
    ensure!(!reaches(pair.theirs_namespace(), VIP)?, "strict");
    ensure!(
        reaches(pair.theirs_namespace(), "10.0.0.1")?,
        "only the address"
    );
    ours.stop();
    theirs.wait_for("Entering MASTER STATE")?;
    wait_for_filter(pair.ours_namespace(), false)?;
    ensure!(!pair.ours_namespace().has_address(VIP)?);
    Ok(())
}

#[test]
fn beside_a_strict_keepalived_a_strict_one_of_ours_is_backup_and_then_the_same() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft"), Need::Program("ping")]) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_from(&strict(100))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&strict(80))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 6)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Backup && status.stats.authtype_mismatch == 0,
        "{status:?}"
    );
    ensure!(!reaches(pair.ours_namespace(), VIP)?, "keepalived's");
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    wait_for_filter(pair.ours_namespace(), true)?;
    ensure!(!reaches(pair.theirs_namespace(), VIP)?, "ours");
    ours.stop();
    wait_for_filter(pair.ours_namespace(), false)
}
