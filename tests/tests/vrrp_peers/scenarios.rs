//! Preemption, equal priorities, lists that differ, sync groups, and two masters that find each
//! other again: both roles beside keepalived 2.2.7.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Agent, Capture, Deaf, Frame, Need, skipped, wait_until};

use crate::adverts::in_time;
use crate::pair::{OURS, PATIENCE, Pair, THEIRS, VIP, alone, beside_others};
use crate::{MASTER_DOWN_80, NEEDS, SKEW_80};

/// One instance, as both would have it.
pub(crate) fn instance(priority: u8, lines: &str, vips: &[&str]) -> String {
    let vips = vips.join("\n");
    format!(
        "vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 66\n \
         priority {priority}\n advert_int 1\n {lines}\n virtual_ipaddress {{\n{vips}\n}}\n}}\n"
    )
}

#[test]
fn keepalived_preempts_us_when_it_is_the_better_one() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let ours = pair.ours_from(&instance(80, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    let theirs = pair.keepalived_from(&instance(100, "", &[VIP]))?;
    theirs.wait_for("received lower priority (80) advert from 10.0.0.1 - discarding")?;
    theirs.wait_for("Entering MASTER STATE")?;
    ours.wait_for_state(State::Backup)?;
    let gone = || matches!(pair.ours_namespace().has_address(VIP), Ok(false)).then_some(());
    wait_until(PATIENCE, gone).context("the address is left behind")
}

#[test]
fn keepalived_replaces_an_agent_that_was_killed() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(|| {
        let pair = Pair::new()?;
        let mut agent = Agent::start(pair.ours_namespace(), &instance(100, "", &[VIP]))?;
        agent.wait_for("Entering MASTER STATE", PATIENCE)?;
        let theirs = pair.keepalived_from(&instance(80, "", &[VIP]))?;
        theirs.wait_for("Entering BACKUP STATE (init)")?;
        let wire = pair.capture()?;
        wire.0.wait_for(PATIENCE, |frames| frames.len() >= 2)?;
        agent.kill()?;
        theirs.wait_for("Entering MASTER STATE")?;
        wire.finish()?
            .ensure_handover(OURS, 100, THEIRS, MASTER_DOWN_80)
    })
}

/// Neither hears the other: both are masters of the same priority. Then the one that will win hears
/// again, and then the other one.
fn merge(swapped: bool) -> Result<()> {
    // Ours is the lower address, if not swapped; the higher one wins.
    let pair = if swapped {
        Pair::with_addresses([THEIRS, OURS])?
    } else {
        Pair::new()?
    };
    let (winner, loser) = (THEIRS, OURS);
    let ours_deaf = Deaf::new(pair.ours_namespace())?;
    let theirs_deaf = Deaf::new(pair.theirs_namespace())?;
    let ours = pair.ours_from(&instance(100, "", &[VIP]))?;
    let theirs = pair.keepalived_from(&instance(100, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Entering MASTER STATE")?;
    // The bursts of becoming master are over; what comes now comes of hearing the other.
    sleep(Duration::from_secs(6));
    let wire = pair.capture()?;
    let arp = Capture::start(pair.ours_namespace(), "eth0", "inout", "arp")?;
    let (machine, winner_deaf, loser_deaf) = if swapped {
        (pair.ours_namespace(), ours_deaf, theirs_deaf)
    } else {
        (pair.theirs_namespace(), theirs_deaf, ours_deaf)
    };
    drop(winner_deaf);
    // Ethernet: everybody, from the winner; ARP: about the address.
    let mac = Pair::mac(machine)?;
    let announces = |frame: &Frame| {
        let bytes = |at: usize, length| frame.bytes.get(at..at + length).unwrap_or_default();
        bytes(0, 6) == [0xff; 6] && bytes(6, 6) == mac && bytes(28, 4) == [10, 0, 0, 100]
    };
    arp.wait_for(PATIENCE, |frames| frames.iter().any(announces))
        .context("the winner does not announce the address")?;
    ensure!(ours.status()?.state == State::Master, "it has heard nobody");

    drop(loser_deaf);
    let heard = wire.count(winner)?;
    if swapped {
        theirs.wait_for("with same priority 100 but higher IP address than ours")?;
        theirs.wait_for("Entering BACKUP STATE")?;
        ensure!(ours.status()?.state == State::Master);
    } else {
        ours.wait_for_state(State::Backup)?;
    }
    // The first advert that it hears is enough; one more may have been on its way.
    wire.wait_for_count(winner, heard + 4)?;
    wire.finish()?.ensure_silent_after(winner, heard + 2, loser)
}

#[test]
fn of_two_equal_masters_that_meet_keepalived_stays_at_the_higher_address() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft")]) {
        return Ok(());
    }
    let _turn = beside_others();
    merge(false)
}

#[test]
fn of_two_equal_masters_that_meet_we_stay_at_the_higher_address() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft")]) {
        return Ok(());
    }
    let _turn = beside_others();
    merge(true)
}

/// RFC 9568 and keepalived from 2.3.3: said, counted, accepted.
#[test]
fn we_follow_a_keepalived_whose_addresses_are_others() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let theirs = pair.keepalived_from(&instance(100, "", &[VIP, "10.0.0.101"]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&instance(80, "", &[VIP]))?;
    ours.wait_until(|status| status.stats.addr_list_err >= 5)?;
    ensure!(ours.status()?.state == State::Backup);
    ensure!(ours.status()?.stats.become_master == 0);
    Ok(())
}

/// A keepalived with these addresses that becomes master beside us, who are the better one: we say so,
/// and who it is. What it says of us is returned.
fn is_named(pair: &Pair, vips: &[&str], rival: impl Fn(&str) -> String) -> Result<String> {
    let in_words = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    let ours = in_words(Pair::mac(pair.ours_namespace())?);
    let theirs = in_words(Pair::mac(pair.theirs_namespace())?);
    let text = instance(100, "", &[VIP, "10.0.0.101"]);
    let mut agent = Agent::start(pair.ours_namespace(), &text)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let keepalived = pair.keepalived_from(&instance(80, "", vips))?;
    keepalived.wait_for("Entering MASTER STATE")?;
    agent.wait_for("SPLIT BRAIN", PATIENCE)?;
    let log = agent.log();
    let line = log.lines().find(|line| line.contains("SPLIT BRAIN"));
    let line = line.context("no line")?;
    for part in [rival(&theirs), format!("{OURS} ({ours})")] {
        ensure!(line.contains(&part), "no {part}: {line}");
    }
    let shown = || {
        agent
            .dump("vrrp")
            .is_ok_and(|it| it.contains("SPLIT BRAIN"))
    };
    wait_until(PATIENCE, || shown().then_some(()))
        .with_context(|| format!("{:?}", agent.dump("vrrp")))?;
    let log = agent.log();
    ensure!(!log.contains("Entering BACKUP STATE\n"), "{log}");
    keepalived.log()
}

/// keepalived 2.2.7 drops our adverts then, and is master beside us: its rule, not ours. Each of them
/// puts off its own next one, so it may send no more; but it answers for the address.
#[test]
fn a_keepalived_that_drops_our_list_is_a_split_brain_that_we_name() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    let log = is_named(&Pair::new()?, &[VIP], |mac| {
        format!("{mac} answers for {VIP}")
    })?;
    let dropped = "received an unexpected ip number count 2, expected 1!";
    ensure!(log.contains(dropped), "{log}");
    Ok(())
}

/// It goes on, and has none of our addresses to answer for.
#[test]
fn a_keepalived_that_does_not_hear_us_is_a_split_brain_that_we_name() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft")]) {
        return Ok(());
    }
    let _turn = beside_others();
    let pair = Pair::new()?;
    let _deaf = Deaf::new(pair.theirs_namespace())?;
    is_named(&pair, &["10.0.0.102"], |mac| {
        format!("{THEIRS} ({mac}) goes on as MASTER")
    })
    .map(drop)
}

/// Two instances on two cables that move together.
fn group(priority: u8, lines: &str) -> String {
    let of = |number: u8, lines: &str| {
        let cable = number - 1;
        format!(
            "vrrp_instance VI_{number} {{\n state BACKUP\n interface eth{cable}\n \
             virtual_router_id 6{number}\n priority {priority}\n advert_int 1\n {lines}\n \
             virtual_ipaddress {{\n10.0.{cable}.100/24\n}}\n}}\n"
        )
    };
    let group = "vrrp_sync_group G1 {\n group {\n VI_1\n VI_2\n }\n}\n";
    format!("{group}{}{}", of(1, ""), of(2, lines))
}

/// A fault of the second member takes the first along; so does the end.
fn group_moves() -> Result<()> {
    let pair = Pair::new()?;
    pair.add_cable()?;
    let machine = pair.ours_namespace();
    machine.ip("link add name uplink type veth peer name far")?;
    machine.ip("link set far up")?;
    machine.ip("link set uplink up")?;
    let ours = pair.ours_from(&group(100, "track_interface {\nuplink\n}"))?;
    ours.wait_for_all(State::Master)?;
    let theirs = pair.keepalived_from(&group(80, ""))?;
    theirs.wait_for("(VI_2) Entering BACKUP STATE (init)")?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 3)?;
    let there = |address| matches!(pair.theirs_namespace().has_address(address), Ok(true));
    let both = || (there(VIP) && there("10.0.1.100")).then_some(());

    let wire = pair.capture()?;
    machine.ip("link set uplink down")?;
    ours.wait_for_all(State::Fault)?;
    theirs.wait_for("VRRP_Group(G1) Syncing instances to MASTER state")?;
    wait_until(PATIENCE, both).context("keepalived has not set both addresses")?;
    wire.finish()?.ensure_handover(OURS, 0, THEIRS, SKEW_80)?;
    machine.ip("link set uplink up")?;
    ours.wait_for_all(State::Master)?;
    theirs.wait_for("VRRP_Group(G1) Syncing instances to BACKUP state")?;

    let wire = pair.capture()?;
    ours.stop();
    wait_until(PATIENCE, both).context("keepalived has not set both addresses again")?;
    wire.finish()?.ensure_handover(OURS, 0, THEIRS, SKEW_80)
}

#[test]
fn a_sync_group_moves_as_one_between_us_and_keepalived() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    in_time(group_moves)
}

/// The same with keepalived as the better one.
fn keepaliveds_group_moves() -> Result<()> {
    let pair = Pair::new()?;
    pair.add_cable()?;
    let machine = pair.theirs_namespace();
    machine.ip("link add name uplink type veth peer name far")?;
    machine.ip("link set far up")?;
    machine.ip("link set uplink up")?;
    let theirs = pair.keepalived_from(&group(100, "track_interface {\nuplink\n}"))?;
    theirs.wait_for("VRRP_Group(G1) Syncing instances to MASTER state")?;
    let ours = pair.ours_from(&group(80, ""))?;
    let heard = || {
        let statuses = ours.statuses();
        let all = statuses.iter().all(|status| status.stats.advert_rcvd >= 3);
        all.then_some(())
    };
    wait_until(PATIENCE, heard).with_context(|| format!("{:?}", ours.statuses()))?;
    let have = |wanted: bool| {
        let here =
            |address| matches!(pair.ours_namespace().has_address(address), Ok(it) if it == wanted);
        wait_until(PATIENCE, || (here(VIP) && here("10.0.1.100")).then_some(()))
            .with_context(|| format!("both addresses here: not {wanted}"))
    };
    let wire = pair.capture()?;
    wire.wait_for(THEIRS)?;
    machine.ip("link set uplink down")?;
    ours.wait_for_all(State::Master)?;
    theirs.wait_for("VRRP_Group(G1) Syncing instances to FAULT state")?;
    have(true)?;
    wire.finish()?.ensure_handover(THEIRS, 0, OURS, SKEW_80)?;
    machine.ip("link set uplink up")?;
    ours.wait_for_all(State::Backup)?;
    have(false)
}

#[test]
fn when_a_member_of_keepaliveds_sync_group_fails_we_take_over_the_whole_group() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = beside_others();
    in_time(keepaliveds_group_moves)
}
