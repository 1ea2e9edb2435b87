//! Virtual IPv6 addresses are usable as soon as they are set, and stay so on the master that stays
//! when two had them: nobody waits for the detection of duplicates (RFC 4862 5.4).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Deaf, Namespace, Need, skipped, wait_until};

use crate::NEEDS;
use crate::pair::{PATIENCE, Pair, alone};

const VIPS: [&str; 2] = ["fe80::100", "fd00::100"];

/// Whether the kernel answers for the address on `eth0` now; IPv4 has no such states.
pub(crate) fn ensure_usable(machine: &Namespace, address: &str) -> Result<()> {
    let shown = machine.ip("-oneline address show dev eth0")?;
    let prefix = format!("{address}/");
    let is_it = |line: &&str| {
        let of = line.split_whitespace().nth(3);
        of.is_some_and(|of| of.starts_with(&prefix))
    };
    let line = shown.lines().find(is_it);
    let line = line.with_context(|| format!("{address} is not here:\n{shown}"))?;
    let has = |word: &str| line.split_whitespace().any(|it| it == word);
    ensure!(!has("tentative") && !has("dadfailed"), "{line}");
    ensure!(has("nodad") || !address.contains(':'), "{line}");
    Ok(())
}

/// Somebody at the other end reaches it.
fn ensure_answers(client: &Namespace, address: &str) -> Result<()> {
    if skipped(&[Need::Program("ping")]) {
        return Ok(());
    }
    client.enter(|| {
        let mut ping = Command::new("ping");
        let output = ping.args(["-n", "-c", "1", "-w", "20", address]).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    })
}

#[test]
fn an_ipv6_address_that_two_masters_had_is_usable_on_the_one_that_stays() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("nft")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let (machine, other) = (pair.ours_namespace(), pair.theirs_namespace());
    // Of two equal masters the one with the higher address stays.
    machine.ip("address del fe80::1/64 dev eth0")?;
    machine.ip("address add fe80::9/64 dev eth0 nodad")?;
    let deaf = [Deaf::new(machine)?, Deaf::new(other)?];
    let theirs = pair.keepalived_as(100, "version 3", &VIPS)?;
    theirs.wait_for("Entering MASTER STATE")?;
    let has_both = |machine: &Namespace| {
        let mut vips = VIPS.into_iter();
        vips.all(|vip| machine.has_address(vip).unwrap_or(false))
    };
    wait_until(PATIENCE, || has_both(other).then_some(())).context("keepalived has set nothing")?;
    let ours = pair.ours_as(100, "", &VIPS, |_router| {})?;
    ours.wait_for_state(State::Master)?;
    for vip in VIPS {
        ensure_usable(machine, vip)?;
    }
    ensure!(has_both(other), "two masters have the addresses");

    drop(deaf);
    theirs.wait_for("with same priority 100 but higher IP address than ours")?;
    let gone = || matches!(other.has_address("fd00::100"), Ok(false)).then_some(());
    wait_until(PATIENCE, gone).context("keepalived keeps the address")?;
    ensure!(ours.status()?.state == State::Master);
    for vip in VIPS {
        ensure_usable(machine, vip)?;
    }
    ensure_answers(other, "fd00::100")
}
