//! FRR's `vrrpd` and we where the two are not alike, or too much so: intervals, lists of addresses,
//! equal priorities, a reload. FRR has neither authentication nor unicast, groups or delays.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_agent::vrrp::settings::Version;
use lb_tests::{Deaf, Need, skipped, wait_until};
use nix::sys::signal::Signal;

use crate::adverts::in_time;
use crate::frr::{
    FOUR, Family, Frr, NEEDS, SIX, THEIR_SKEW_80, THREE_INTERVALS, both_families, ours,
};
use crate::pair::{OURS, Ours, PATIENCE, Pair, THEIRS, VIP, beside_others};

/// The skew of priority 80 at half a second, as we have it and in whole centiseconds.
const OUR_HALF_SKEW_80: Duration = Duration::from_micros(343_750);
const THEIR_HALF_SKEW_80: Duration = Duration::from_millis(340);

/// Its interval is half a second, ours one: the master's counts.
fn we_adopt_its_interval(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = Frr::start_at(pair.theirs_namespace(), family, 100, 500)?;
    theirs.wait_for(family, "Master")?;
    let ours = ours(&pair, family, 80)?;
    ours.wait_until(|status| status.master_adver_int == Duration::from_millis(500))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 6)?;
    ensure!(ours.status()?.state == State::Backup);
    let wire = pair.capture()?;
    theirs.vrrpd.signal(Signal::SIGTERM)?;
    ours.wait_for_state(State::Master)?;
    let [us, them] = family.sources;
    wire.finish()?
        .ensure_handover(them, 0, us, OUR_HALF_SKEW_80)
}

/// The other way round.
fn it_adopts_our_interval(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let ours = pair.ours_as(100, "", family.vips, |router| {
        router.version = Version::V3;
        router.advert_int = Duration::from_millis(500);
    })?;
    ours.wait_for_state(State::Master)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 80)?;
    theirs.wait_for(family, "Backup")?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 10)?;
    ensure!(theirs.state(family)? == "Backup");
    let wire = pair.capture()?;
    ours.stop();
    theirs.wait_for(family, "Master")?;
    let [us, them] = family.sources;
    wire.wait_for(them)?;
    wire.finish()?
        .ensure_handover(us, 0, them, THEIR_HALF_SKEW_80 + family.mute)
}

/// One address more than the family has.
fn longer(family: Family) -> Family {
    let vips: &[&str] = if family.name == FOUR.name {
        &[VIP, "10.0.0.101"]
    } else {
        &["fe80::100", "fd00::100", "fd00::101"]
    };
    Family { vips, ..family }
}

/// Its list is longer than ours: followed, counted.
fn its_list_is_longer(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    let theirs = Frr::start(pair.theirs_namespace(), longer(family), 100)?;
    theirs.wait_for(family, "Master")?;
    let ours = ours(&pair, family, 80)?;
    // Longer than our master-down time.
    ours.wait_until(|status| status.stats.addr_list_err >= 5)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Backup && status.stats.become_master == 0,
        "{status:?}"
    );
    Ok(())
}

/// Ours is longer than its: FRR follows as well.
fn our_list_is_longer(family: Family) -> Result<()> {
    let pair = Pair::new()?;
    // FRR's addresses stay on its interface while it is Backup: its kernel would answer for them.
    let theirs = pair.theirs_namespace();
    theirs.sysctl("ipv4.conf.all.arp_ignore", "1")?;
    let ours = ours(&pair, longer(family), 100)?;
    ours.wait_for_state(State::Master)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 80)?;
    theirs.wait_for(family, "Backup")?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 6)?;
    ensure!(theirs.state(family)? == "Backup");
    let status = ours.status()?;
    ensure!(
        status.stats.advert_rcvd == 0 && status.split_brain.is_none(),
        "{status:?}"
    );
    Ok(())
}

/// We, the master, become the worse one and the better one again by reloads.
fn we_reload(family: Family) -> Result<()> {
    let text = |priority: u8| {
        let vips = family.vips.join("\n");
        format!(
            "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 66\n version 3\n \
             priority {priority}\n virtual_ipaddress {{\n{vips}\n}}\n}}\n"
        )
    };
    let pair = Pair::new()?;
    let mut ours = pair.ours_from(&text(100))?;
    ours.wait_for_state(State::Master)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 80)?;
    theirs.wait_for(family, "Backup")?;
    let [us, them] = family.sources;
    let wire = pair.capture()?;
    wire.wait_for(us)?;
    pair.reload(&mut ours, &text(70))?;
    theirs.wait_for(family, "Master")?;
    ours.wait_for_state(State::Backup)?;
    wire.wait_for(them)?;
    let adverts = wire.finish()?;
    // Over IPv6 its first advert is lost; the second one comes when it hears us or a second later.
    if family.mute.is_zero() {
        adverts.ensure_preemption(us, 100, them, THREE_INTERVALS + THEIR_SKEW_80)?;
    }
    pair.reload(&mut ours, &text(100))?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for(family, "Backup")
}

both_families! { beside_others:
    we_adopt_its_interval: we_adopt_frrs_interval, over_ipv6_we_adopt_frrs_interval;
    it_adopts_our_interval: frr_adopts_our_interval, over_ipv6_frr_adopts_our_interval;
    its_list_is_longer: we_follow_an_frr_whose_addresses_are_others,
        over_ipv6_we_follow_an_frr_whose_addresses_are_others;
    our_list_is_longer: an_frr_whose_addresses_are_others_follows_us,
        over_ipv6_an_frr_whose_addresses_are_others_follows_us;
    we_reload: frr_takes_over_when_we_reload_a_lower_priority,
        over_ipv6_frr_takes_over_when_we_reload_a_lower_priority;
}

/// Waits until the two are in these states.
fn wait_for_both(ours: &Ours, theirs: &Frr, family: Family, states: (State, &str)) -> Result<()> {
    ours.wait_until(|status| status.state == states.0)?;
    theirs.wait_for(family, states.1)
}

/// Two masters of one priority that do not hear each other, and then do: the one that will win hears
/// first. `we_win`: ours is the higher address.
fn meets(pair: &Pair, family: Family, we_win: bool) -> Result<()> {
    let ours_deaf = Deaf::new(pair.ours_namespace())?;
    let theirs_deaf = Deaf::new(pair.theirs_namespace())?;
    let ours = ours(pair, family, 100)?;
    let theirs = Frr::start(pair.theirs_namespace(), family, 100)?;
    wait_for_both(&ours, &theirs, family, (State::Master, "Master"))?;
    let wire = pair.capture()?;
    let [us, them] = family.sources;
    // Before its first advert FRR does not know its own address, and yields to any other one's; over IPv6
    // that is a second later, since it sends one when its interface has no address yet.
    wire.wait_for(them)?;
    let (winner, loser) = if we_win { (us, them) } else { (them, us) };
    let (winner_deaf, loser_deaf) = if we_win {
        (ours_deaf, theirs_deaf)
    } else {
        (theirs_deaf, ours_deaf)
    };
    drop(winner_deaf);
    // It hears some, and stays.
    wire.wait_for_count(loser, wire.count(loser)? + 3)?;
    sleep(Duration::from_millis(100));
    wait_for_both(&ours, &theirs, family, (State::Master, "Master"))?;
    drop(loser_deaf);
    let heard = wire.count(winner)?;
    let after = if we_win {
        (State::Master, "Backup")
    } else {
        (State::Backup, "Master")
    };
    wait_for_both(&ours, &theirs, family, after)?;
    // The first advert that it hears is enough; one more may have been on its way.
    wire.wait_for_count(winner, heard + 4)?;
    wire.finish()?
        .ensure_silent_after(winner, heard + 2, loser)?;
    let here = || {
        pair.ours_namespace()
            .has_address(family.vips.first().copied()?)
            .ok()
    };
    wait_until(PATIENCE, || (here() == Some(we_win)).then_some(()))
        .with_context(|| format!("the address: not {we_win}"))
}

macro_rules! meeting {
    ($($test:ident: $pair:expr, $family:expr, $we_win:expr;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            if skipped(&NEEDS) || skipped(&[Need::Program("nft")]) {
                return Ok(());
            }
            let _turn = beside_others();
            meets(&$pair?, $family, $we_win)
        }
    )*};
}

/// With the addresses changed.
const FOUR_SWAPPED: Family = Family {
    sources: [THEIRS, OURS],
    ..FOUR
};

/// The same over IPv6.
const SIX_SWAPPED: Family = Family {
    sources: ["fe80::3:3", "fe80::2:2"],
    ..SIX
};

/// Two machines of which ours has the higher link-local address.
fn swapped_over_ipv6() -> Result<Pair> {
    let pair = Pair::new()?;
    let [ours, _] = SIX_SWAPPED.sources;
    let machine = pair.ours_namespace();
    machine.ip("address delete fe80::1/64 dev eth0")?;
    machine.ip(&format!("address add {ours}/64 dev eth0 nodad"))?;
    Ok(pair)
}

meeting! {
    of_two_equal_masters_that_meet_frr_stays_at_the_higher_address: Pair::new(), FOUR, false;
    of_two_equal_masters_that_meet_we_stay_and_frr_yields:
        Pair::with_addresses([THEIRS, OURS]), FOUR_SWAPPED, true;
    over_ipv6_of_two_equal_masters_that_meet_frr_stays_at_the_higher_address:
        Pair::new(), SIX, false;
    over_ipv6_of_two_equal_masters_that_meet_we_stay_and_frr_yields:
        swapped_over_ipv6(), SIX_SWAPPED, true;
}
