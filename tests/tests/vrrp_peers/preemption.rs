//! `nopreempt` and `preempt_delay` beside keepalived 2.2.7, in both roles, with what they take by a
//! capture. A preemption without either is `reloads`': only there the advert that counted last is on
//! the wire.

use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::skipped;

use crate::adverts::in_time;
use crate::pair::{OURS, Pair, THEIRS, VIP, beside_others};
use crate::scenarios::instance;
use crate::{MASTER_DOWN_100, NEEDS, SKEW_100};

const PREEMPT_DELAY: Duration = Duration::from_secs(10);

/// keepalived 80 is master: with this line we wait until it stops, and then our skew.
fn we_wait_with(line: &str) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_from(&instance(80, "", &[VIP]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&instance(100, line, &[VIP]))?;
    // Longer than our master-down time.
    ours.wait_until(|status| status.stats.advert_rcvd >= 6)?;
    ensure!(ours.status()?.state == State::Backup);
    let wire = pair.capture()?;
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    wire.finish()?.ensure_handover(THEIRS, 0, OURS, SKEW_100)
}

fn we_wait_for_the_end() -> Result<()> {
    we_wait_with("nopreempt")
}

/// The delay does not hold us back from a master that stops.
fn our_delay_ends_with_the_master() -> Result<()> {
    we_wait_with("preempt_delay 60")
}

/// The same, but it falls silent: every advert of the worse one has counted.
fn we_wait_for_silence() -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_from(&instance(80, "", &[VIP]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_from(&instance(100, "nopreempt", &[VIP]))?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 2)?;
    let wire = pair.capture()?;
    ours.wait_for_advert()?;
    theirs.freeze()?;
    ours.wait_for_state(State::Master)?;
    wire.finish()?
        .ensure_handover(THEIRS, 80, OURS, MASTER_DOWN_100)
}

/// The other way round: with this line keepalived waits, and has said so.
fn keepalived_waits_with(line: &str, said: &str) -> Result<()> {
    let pair = Pair::new()?;
    let ours = pair.ours_from(&instance(80, "", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    let theirs = pair.keepalived_from(&instance(100, line, &[VIP]))?;
    theirs.wait_for(said)?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 6)?;
    ensure!(!theirs.log()?.contains("Entering MASTER STATE"));
    ensure!(ours.status()?.state == State::Master);
    let wire = pair.capture()?;
    ours.stop();
    theirs.wait_for("Entering MASTER STATE")?;
    wire.finish()?.ensure_handover(OURS, 0, THEIRS, SKEW_100)
}

fn keepalived_waits_for_the_end() -> Result<()> {
    keepalived_waits_with("nopreempt", "Entering BACKUP STATE (init)")
}

/// Nor keepalived.
fn the_delay_ends_with_the_master() -> Result<()> {
    keepalived_waits_with("preempt_delay 60", "start preempt delay")
}

/// Counted from the first advert of the worse one that we hear; then the down timer runs out as ever.
fn we_are_held_back() -> Result<()> {
    let pair = Pair::new()?;
    let theirs = pair.keepalived_from(&instance(80, "", &[VIP]))?;
    theirs.wait_for("Entering MASTER STATE")?;
    let wire = pair.capture()?;
    let ours = pair.ours_from(&instance(100, "preempt_delay 10", &[VIP]))?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("with higher priority 100, ours 80")?;
    let heard = usize::try_from(ours.status()?.stats.advert_rcvd)?;
    wire.finish()?.ensure_delayed_preemption(
        THEIRS,
        Some(heard),
        OURS,
        PREEMPT_DELAY,
        MASTER_DOWN_100,
    )
}

/// The other way round; it listens from our first advert on.
fn keepalived_is_held_back() -> Result<()> {
    let pair = Pair::new()?;
    let wire = pair.capture()?;
    let theirs = pair.keepalived_from(&instance(100, "preempt_delay 10", &[VIP]))?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    // Master in a second, long before its down timer runs out.
    let at_once = instance(80, "", &[VIP]).replace("state BACKUP", "state MASTER");
    let ours = pair.ours_from(&at_once)?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("start preempt delay (10.000000)")?;
    theirs.wait_for("Entering MASTER STATE")?;
    ours.wait_for_state(State::Backup)?;
    wire.finish()?
        .ensure_delayed_preemption(OURS, None, THEIRS, PREEMPT_DELAY, MASTER_DOWN_100)
}

macro_rules! in_time {
    ($($scenario:ident: $test:ident;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            if skipped(&NEEDS) {
                return Ok(());
            }
            let _turn = beside_others();
            in_time($scenario)
        }
    )*};
}

in_time! {
    we_wait_for_the_end: with_nopreempt_we_leave_a_worse_keepalived_alone_until_it_stops;
    we_wait_for_silence: with_nopreempt_we_replace_a_worse_keepalived_that_falls_silent;
    keepalived_waits_for_the_end: a_keepalived_with_nopreempt_leaves_us_alone_until_we_stop;
    we_are_held_back: preempt_delay_holds_us_back_as_long_as_it_says;
    keepalived_is_held_back: preempt_delay_holds_keepalived_back_as_long_as_it_says;
    the_delay_ends_with_the_master: preempt_delay_does_not_hold_keepalived_back_when_we_leave;
    our_delay_ends_with_the_master: preempt_delay_does_not_hold_us_back_when_keepalived_leaves;
}
