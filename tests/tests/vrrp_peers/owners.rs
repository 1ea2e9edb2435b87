//! Two owners (priority 255), which is a mistake: beside keepalived 2.2.7 the one at the higher
//! address stays, whoever it is.

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Namespace, skipped, wait_until};

use crate::NEEDS;
use crate::pair::{OURS, PATIENCE, Pair, THEIRS, VIP, beside_others};
use crate::scenarios::instance;

fn owner() -> String {
    instance(255, "", &[VIP]).replace("state BACKUP", "state MASTER")
}

fn wait_for_vip(machine: &Namespace, wanted: bool) -> Result<()> {
    let is = || matches!(machine.has_address(VIP), Ok(there) if there == wanted).then_some(());
    wait_until(PATIENCE, is).with_context(|| format!("{VIP}: not {wanted}"))
}

#[test]
fn of_two_owners_we_yield_to_a_keepalived_at_the_higher_address() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let ours = pair.ours_from(&owner())?;
    ours.wait_for_state(State::Master)?;
    let mut theirs = pair.keepalived_from(&owner())?;
    theirs.wait_for("Entering MASTER STATE")?;
    // Longer than a master-down time.
    ours.wait_until(|status| status.state == State::Backup && status.stats.advert_rcvd >= 6)?;
    let status = ours.status()?;
    ensure!(
        status.master == THEIRS.parse().ok() && status.master_priority == Some(255),
        "{status:?}"
    );
    wait_for_vip(pair.ours_namespace(), false)?;
    let log = theirs.log()?;
    ensure!(!log.contains("Entering BACKUP STATE\n"), "{log}");
    // The mistake is mended: we are the owner.
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    ensure!(ours.status()?.effective_priority == 255);
    wait_for_vip(pair.ours_namespace(), true)
}

#[test]
fn of_two_owners_keepalived_yields_to_us_at_the_higher_address() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::with_addresses([THEIRS, OURS])?;
    let theirs = pair.keepalived_from(&owner())?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&owner())?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("both configured as address owner")?;
    theirs.wait_for("Entering BACKUP STATE")?;
    wait_for_vip(pair.theirs_namespace(), false)?;
    // Longer than its master-down time: it follows us.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 5)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Master && status.effective_priority == 255,
        "{status:?}"
    );
    ensure!(status.stats.become_master == 1, "{status:?}");
    ours.stop();
    wait_for_vip(pair.theirs_namespace(), true)
}
