//! Reloads beside keepalived 2.2.7: another priority, another list of addresses, ours and
//! keepalived's.

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Namespace, skipped, wait_until};

use crate::adverts::in_time;
use crate::pair::{OURS, Ours, PATIENCE, Pair, THEIRS, VIP, beside_others};
use crate::scenarios::instance;
use crate::{MASTER_DOWN_80, NEEDS};

const SECOND: &str = "10.0.0.101";

fn wait_for_address(machine: &Namespace, address: &str, wanted: bool) -> Result<()> {
    let is = || matches!(machine.has_address(address), Ok(there) if there == wanted).then_some(());
    wait_until(PATIENCE, is).with_context(|| format!("{address}: not {wanted}"))
}

/// We, the master, become the worse one: keepalived waits from our last advert as the better one.
/// Then we become the better one again.
fn we_become_worse_and_better() -> Result<()> {
    let pair = Pair::new()?;
    let mut ours = pair.ours_from(&instance(100, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    let theirs = pair.keepalived_from(&instance(80, "", &[VIP]))?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    let wire = pair.capture()?;
    wire.wait_for(OURS)?;
    pair.reload(&mut ours, &instance(70, "", &[VIP]))?;
    theirs.wait_for("received lower priority (70) advert from 10.0.0.1 - discarding")?;
    theirs.wait_for("Entering MASTER STATE")?;
    ours.wait_for_state(State::Backup)?;
    wire.finish()?
        .ensure_preemption(OURS, 100, THEIRS, MASTER_DOWN_80)?;

    pair.reload(&mut ours, &instance(100, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.1 with higher priority 100, ours 80")?;
    wait_for_address(pair.theirs_namespace(), VIP, false)?;
    wait_for_address(pair.ours_namespace(), VIP, true)
}

/// The other way round.
fn keepalived_becomes_worse_and_better() -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_from(&instance(100, "", &[VIP]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&instance(80, "", &[VIP]))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 1)?;
    let wire = pair.capture()?;
    wire.wait_for(THEIRS)?;
    theirs.reload(&instance(70, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.1 with higher priority 80, ours 70")?;
    wire.finish()?
        .ensure_preemption(THEIRS, 100, OURS, MASTER_DOWN_80)?;

    theirs.reload(&instance(100, "", &[VIP]))?;
    ours.wait_for_state(State::Backup)?;
    wait_for_address(pair.ours_namespace(), VIP, false)?;
    wait_for_address(pair.theirs_namespace(), VIP, true)
}

/// Longer than keepalived's master-down time we stay master, and it backup.
fn nothing_moves(ours: &Ours) -> Result<()> {
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 6)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Master && status.stats.become_master == 1,
        "{status:?}"
    );
    Ok(())
}

#[test]
fn when_both_reload_another_list_we_stay_master_and_keepalived_backup() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let (one, two) = ([VIP].as_slice(), [VIP, SECOND].as_slice());
    let mut ours = pair.ours_from(&instance(100, "", one))?;
    ours.wait_for_state(State::Master)?;
    let mut theirs = pair.keepalived_from(&instance(80, "", one))?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    for (vips, there) in [(two, true), (one, false)] {
        pair.reload(&mut ours, &instance(100, "", vips))?;
        theirs.reload(&instance(80, "", vips))?;
        wait_for_address(pair.ours_namespace(), SECOND, there)?;
        nothing_moves(&ours)?;
        let log = theirs.log()?;
        ensure!(!log.contains("Entering MASTER STATE"), "{log}");
    }
    ours.stop();
    theirs.wait_for("Entering MASTER STATE")?;
    wait_for_address(pair.theirs_namespace(), VIP, true)?;
    ensure!(!pair.theirs_namespace().has_address(SECOND)?);
    Ok(())
}

#[test]
fn when_keepalived_reloads_another_list_we_follow_it_and_reload_when_we_like() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_from(&instance(100, "", &[VIP]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let mut ours = pair.ours_from(&instance(80, "", &[VIP]))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 1)?;
    let two = [VIP, SECOND];
    theirs.reload(&instance(100, "", &two))?;
    // Longer than our master-down time.
    ours.wait_until(|status| status.stats.addr_list_err >= 5)?;
    wait_for_address(pair.theirs_namespace(), SECOND, true)?;
    pair.reload(&mut ours, &instance(80, "", &two))?;
    ours.wait_until(|status| status.virtual_ipaddress.len() == 2)?;
    // One may have been judged before the thread went on with the new list.
    ours.wait_for_advert()?;
    let before = ours.status()?.stats;
    ours.wait_until(|status| status.stats.advert_rcvd >= before.advert_rcvd + 4)?;
    let stats = ours.status()?.stats;
    ensure!(
        stats.addr_list_err == before.addr_list_err && stats.become_master == 0,
        "{before:?}, {stats:?}"
    );
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    wait_for_address(pair.ours_namespace(), VIP, true)?;
    wait_for_address(pair.ours_namespace(), SECOND, true)
}

#[test]
fn when_we_reload_a_lower_priority_keepalived_takes_over_and_with_a_higher_one_we_do() -> Result<()>
{
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    in_time(we_become_worse_and_better)
}

#[test]
fn when_keepalived_reloads_a_lower_priority_we_take_over_and_with_a_higher_one_it_does()
-> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    in_time(keepalived_becomes_worse_and_better)
}
