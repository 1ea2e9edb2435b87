//! Our VRRP thread and Debian's keepalived 2.2.7 as the two routers of one link, with the same
//! configuration file but for state and priority.
//!
//! Each test has two namespaces and a cable of its own, and takes some seconds of real time: the
//! other side has no virtual clock.

use std::time::Duration;

use adverts::in_time;
use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Need, skipped, wait_until};
use pair::{OURS, PATIENCE, Pair, THEIRS, VIP, alone};

#[path = "vrrp_peers/adverts.rs"]
mod adverts;
#[path = "vrrp_peers/dialects.rs"]
mod dialects;
#[path = "vrrp_peers/duplicates.rs"]
mod duplicates;
#[path = "vrrp_peers/frr.rs"]
mod frr;
#[path = "vrrp_peers/pair.rs"]
mod pair;
#[path = "vrrp_peers/scenarios.rs"]
mod scenarios;
#[path = "vrrp_peers/sources.rs"]
mod sources;
#[path = "vrrp_peers/tshark.rs"]
mod tshark;

const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
    Need::Program("tcpdump"),
];

/// Three intervals of a second and the skew of priority 80.
const MASTER_DOWN_80: Duration = Duration::from_micros(3_687_500);
/// The skew of priority 80.
const SKEW_80: Duration = Duration::from_micros(687_500);

/// keepalived is master, hears SIGTERM, sends priority 0: we are master after our skew.
fn takes_over_from_keepalived(common: &str) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived(100, common)?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours(80, common)?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 3)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Backup,
        "{:?} beside a better master",
        status.state
    );
    ensure!(status.master_priority == Some(100), "{status:?}");
    ensure!(!pair.ours_namespace().has_address(VIP)?);

    let wire = pair.capture()?;
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    wire.finish()?.ensure_handover(THEIRS, 0, OURS, SKEW_80)?;
    ensure!(
        pair.ours_namespace().has_address(VIP)?,
        "the address is not here"
    );
    ensure!(ours.status()?.stats.pri_zero_rcvd == 1);
    ours.stop();
    ensure!(
        !pair.ours_namespace().has_address(VIP)?,
        "the address is left behind"
    );
    Ok(())
}

/// The other way round: keepalived follows us, and is master after its skew when we stop.
fn hands_over_to_keepalived(common: &str) -> Result<()> {
    let pair = Pair::new()?;
    let ours = pair.ours(100, common)?;
    let theirs = pair.keepalived(80, common)?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    // Longer than its master-down time: it hears us, and believes what it hears.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 5)?;
    ensure!(
        !theirs.log()?.contains("Entering MASTER STATE"),
        "{}",
        theirs.log()?
    );

    let wire = pair.capture()?;
    ours.stop();
    theirs.wait_for("Backup received priority 0 advertisement")?;
    theirs.wait_for("Entering MASTER STATE")?;
    wire.finish()?.ensure_handover(OURS, 0, THEIRS, SKEW_80)?;
    let there = || matches!(pair.theirs_namespace().has_address(VIP), Ok(true)).then_some(());
    wait_until(PATIENCE, there).context("keepalived has not set the address")
}

const PASS: &str = "authentication {\n auth_type PASS\n auth_pass 12345678\n }";

#[test]
fn with_a_password_we_take_over_from_keepalived() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(|| takes_over_from_keepalived(PASS))
}

#[test]
fn with_a_password_keepalived_takes_over_from_us() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(|| hands_over_to_keepalived(PASS))
}

#[test]
fn by_unicast_we_take_over_from_keepalived() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(|| takes_over_from_keepalived(pair::UNICAST))
}

#[test]
fn by_unicast_keepalived_takes_over_from_us() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(|| hands_over_to_keepalived(pair::UNICAST))
}

#[test]
fn a_keepalived_that_falls_silent_is_replaced_and_heard_again() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(keepalived_falls_silent)
}

fn keepalived_falls_silent() -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived(100, "")?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours(80, "")?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 1)?;

    let wire = pair.capture()?;
    ours.wait_for_advert()?;
    theirs.freeze()?;
    ours.wait_for_state(State::Master)?;
    wire.finish()?
        .ensure_handover(THEIRS, 100, OURS, MASTER_DOWN_80)?;

    // Two masters now; the better one goes on.
    theirs.thaw()?;
    ours.wait_for_state(State::Backup)?;
    ensure!(!pair.ours_namespace().has_address(VIP)?);
    Ok(())
}

#[test]
fn we_preempt_a_worse_keepalived() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let theirs = pair.keepalived(80, "")?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours(100, "")?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.1 with higher priority 100, ours 80")?;
    let gone = || matches!(pair.theirs_namespace().has_address(VIP), Ok(false)).then_some(());
    wait_until(PATIENCE, gone).context("keepalived keeps the address")?;
    Ok(())
}

#[test]
fn with_nopreempt_we_leave_a_worse_keepalived_alone() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived(80, "")?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours(100, "nopreempt")?;
    // Longer than our master-down time.
    ours.wait_until(|status| status.stats.advert_rcvd >= 6)?;
    ensure!(ours.status()?.state == State::Backup);
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    Ok(())
}

#[test]
fn different_passwords_make_two_masters_and_both_say_why() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let ours = pair.ours(100, PASS)?;
    let theirs = pair.keepalived(80, &PASS.replace("12345678", "other"))?;
    // One is enough: a keepalived whose timer is restarted by what it drops may send no more.
    ours.wait_until(|status| status.stats.auth_failure >= 1)?;
    let stats = ours.status()?.stats;
    ensure!(
        stats.advert_rcvd == 0 && ours.status()?.state == State::Master,
        "{stats:?}"
    );
    theirs.wait_for("received an invalid passwd!")?;
    Ok(())
}
