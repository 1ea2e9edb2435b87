//! Where adverts come from: the source that is configured, and how far away it may be.

use anyhow::{Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::skipped;

use crate::NEEDS;
use crate::pair::{OURS, Pair, THEIRS, VIP, beside_others};

/// One instance at `address`, with `lines`.
fn instance(priority: u8, lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 66\n \
         priority {priority}\n advert_int 1\n {lines}\n virtual_ipaddress {{\n{VIP}\n}}\n}}\n"
    )
}

/// Unicast lines: own address, peer with its limits, what is sent.
fn unicast(own: &str, peer: &str, limits: &str, ttl: u8) -> String {
    format!("unicast_src_ip {own}\n unicast_ttl {ttl}\n unicast_peer {{\n {peer} {limits}\n }}")
}

#[test]
fn we_hear_a_keepalived_that_is_as_far_as_min_ttl_and_max_ttl_allow_and_no_other() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let theirs = pair.keepalived_from(&instance(100, &unicast(THEIRS, OURS, "", 64)))?;
    theirs.wait_for("Entering MASTER STATE")?;
    for limits in ["min_ttl 65", "max_ttl 63", "min_ttl 200 max_ttl 255"] {
        let ours = pair.ours_from(&instance(80, &unicast(OURS, THEIRS, limits, 255)))?;
        ours.wait_until(|status| status.stats.ip_ttl_err >= 2)?;
        ours.wait_for_state(State::Master)?;
        ensure!(ours.status()?.stats.advert_rcvd == 0, "{limits}");
        ours.stop();
    }
    let ours = pair.ours_from(&instance(
        80,
        &unicast(OURS, THEIRS, "min_ttl 64 max_ttl 64", 255),
    ))?;
    // Longer than our master-down time.
    ours.wait_until(|status| status.stats.advert_rcvd >= 6)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Backup && status.stats.ip_ttl_err == 0,
        "{status:?}"
    );
    Ok(())
}

#[test]
fn keepalived_hears_us_as_far_as_its_min_ttl_allows() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let limits = "min_ttl 100 max_ttl 255";
    let far = pair.ours_from(&instance(100, &unicast(OURS, THEIRS, "", 64)))?;
    far.wait_for_state(State::Master)?;
    let theirs = pair.keepalived_from(&instance(80, &unicast(THEIRS, OURS, limits, 255)))?;
    theirs.wait_for("Entering MASTER STATE")?;
    far.stop();
    let near = pair.ours_from(&instance(100, &unicast(OURS, THEIRS, "", 100)))?;
    near.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.1 with higher priority 100, ours 80")
}

#[test]
fn mcast_src_ip_is_what_keepalived_hears_us_from_and_we_hear_it_from_its_own() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let (our_second, their_second) = ("10.0.0.9", "10.0.0.8");
    let pair = Pair::new()?;
    for (machine, address) in [
        (pair.ours_namespace(), our_second),
        (pair.theirs_namespace(), their_second),
    ] {
        machine.ip(&format!("address add {address}/24 dev eth0"))?;
    }
    let theirs = format!("mcast_src_ip {their_second}");
    let theirs = pair.keepalived_from(&instance(80, &theirs))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let wire = pair.capture()?;
    let ours = pair.ours_from(&instance(100, &format!("mcast_src_ip {our_second}")))?;
    ours.wait_until(|status| status.master == their_second.parse().ok())?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.9 with higher priority 100, ours 80")?;
    ensure!(ours.status()?.source == our_second.parse().ok());
    wire.wait_for(our_second)?;
    wire.finish()?.ensure_nothing_from(OURS)
}

#[test]
fn a_keepalived_that_is_no_peer_is_heard_without_check_unicast_src_only() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let theirs = pair.keepalived_from(&instance(100, &unicast(THEIRS, OURS, "", 255)))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let stranger = unicast(OURS, "10.0.0.7", "", 255);
    let ours = pair.ours_from(&instance(80, &stranger))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 5)?;
    ensure!(ours.status()?.state == State::Backup);
    ours.stop();
    let ours = pair.ours_from(&instance(80, &format!("{stranger}\n check_unicast_src")))?;
    ours.wait_until(|status| status.stats.src_err >= 2)?;
    ours.wait_for_state(State::Master)?;
    ensure!(ours.status()?.stats.advert_rcvd == 0);
    Ok(())
}

#[test]
fn in_a_group_of_our_own_we_and_keepalived_hear_each_other_and_nobody_else_does() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let elsewhere = "mcast_dst_ip 224.0.0.99";
    let theirs = pair.keepalived_from(&instance(90, elsewhere))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let deaf = pair.ours_from(&instance(80, ""))?;
    deaf.wait_for_state(State::Master)?;
    ensure!(deaf.status()?.stats.advert_rcvd == 0);
    deaf.stop();
    let worse = pair.ours_from(&instance(80, elsewhere))?;
    worse.wait_until(|status| status.stats.advert_rcvd >= 5)?;
    ensure!(worse.status()?.state == State::Backup);
    worse.stop();
    let better = pair.ours_from(&instance(100, elsewhere))?;
    better.wait_for_state(State::Master)?;
    theirs.wait_for("Master received advert from 10.0.0.1 with higher priority 100, ours 90")
}
