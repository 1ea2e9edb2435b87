//! Version 3, IPv6, AH, sub-second intervals: both roles beside keepalived 2.2.7.

use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::vrrp::State;
use lb_agent::vrrp::settings::{Authentication, Peer, Version, VirtualRouter};
use lb_tests::skipped;

use crate::NEEDS;
use crate::adverts::in_time;
use crate::duplicates::ensure_usable;
use crate::pair::{Dialect, OURS, Pair, THEIRS, VIP, alone};

const SKEW_80: Duration = Duration::from_micros(687_500);

const V3: Dialect = Dialect {
    theirs: "version 3",
    ours: |router| router.version = Version::V3,
    vips: &[VIP, "10.0.0.101"],
    skew_80: SKEW_80,
    sources: [OURS, THEIRS],
};

/// A tenth of a second, which only version 3 can say.
const V3_FAST: Dialect = Dialect {
    theirs: "version 3\n advert_int 0.1",
    ours: |router| {
        router.version = Version::V3;
        router.advert_int = Duration::from_millis(100);
    },
    skew_80: Duration::from_micros(68_750),
    ..V3
};

const V3_UNICAST: Dialect = Dialect {
    theirs: "version 3\n UNICAST",
    ours: |router| {
        router.version = Version::V3;
        unicast(router, OURS, THEIRS);
    },
    ..V3
};

const SIX: Dialect = Dialect {
    theirs: "version 3",
    ours: |_router| {},
    vips: &["fe80::100", "fd00::100"],
    skew_80: SKEW_80,
    sources: ["fe80::1", "fe80::2"],
};

const SIX_UNICAST: Dialect = Dialect {
    theirs: "version 3\n unicast_src_ip fd00::2\n unicast_peer {\n fd00::1\n }",
    ours: |router| unicast(router, "fd00::1", "fd00::2"),
    sources: ["fd00::1", "fd00::2"],
    ..SIX
};

const AH: Dialect = Dialect {
    theirs: "authentication {\n auth_type AH\n auth_pass secret12\n }",
    ours: |router| router.authentication = Some(Authentication::Ah(b"secret12".to_vec())),
    vips: &[VIP],
    ..V3
};

const AH_UNICAST: Dialect = Dialect {
    theirs: "authentication {\n auth_type AH\n auth_pass secret12\n }\n UNICAST",
    ours: |router| {
        router.authentication = Some(Authentication::Ah(b"secret12".to_vec()));
        unicast(router, OURS, THEIRS);
    },
    ..AH
};

fn unicast(router: &mut VirtualRouter, source: &str, peer: &str) {
    router.source = source.parse().ok();
    router.unicast_peer = peer
        .parse()
        .map(|address| Peer {
            address,
            min_ttl: 0,
            max_ttl: 255,
        })
        .into_iter()
        .collect();
}

/// keepalived is master and stops; we are master after our skew.
fn takes_over(dialect: Dialect) -> Result<()> {
    let pair = Pair::new()?;
    let mut theirs = pair.keepalived_as(100, dialect.theirs, dialect.vips)?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_as(80, "", dialect.vips, dialect.ours)?;
    ours.wait_until(|status| status.stats.advert_rcvd >= 3)?;
    let status = ours.status()?;
    ensure!(status.state == State::Backup, "{status:?}");
    ensure!(status.master_priority == Some(100), "{status:?}");
    ensure!(status.stats.addr_list_err == 0, "{status:?}");

    let wire = pair.capture()?;
    theirs.terminate()?;
    ours.wait_for_state(State::Master)?;
    for vip in dialect.vips {
        ensure_usable(pair.ours_namespace(), vip)?;
    }
    let [us, them] = dialect.sources;
    wire.finish()?
        .ensure_handover(them, 0, us, dialect.skew_80)?;
    ours.stop();
    for vip in dialect.vips {
        ensure!(
            !pair.ours_namespace().has_address(vip)?,
            "{vip} is left behind"
        );
    }
    Ok(())
}

/// keepalived follows us, and is master after its skew when we stop.
fn hands_over(dialect: Dialect) -> Result<()> {
    let pair = Pair::new()?;
    let ours = pair.ours_as(100, "", dialect.vips, dialect.ours)?;
    let theirs = pair.keepalived_as(80, dialect.theirs, dialect.vips)?;
    ours.wait_for_state(State::Master)?;
    theirs.wait_for("Entering BACKUP STATE (init)")?;
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 5)?;
    let log = theirs.log()?;
    ensure!(!log.contains("Entering MASTER STATE"), "{log}");

    let wire = pair.capture()?;
    ours.stop();
    theirs.wait_for("Entering MASTER STATE")?;
    let [us, them] = dialect.sources;
    wire.finish()?.ensure_handover(us, 0, them, dialect.skew_80)
}

macro_rules! both_roles {
    ($($dialect:ident: $we:ident, $they:ident;)*) => {$(
        #[test]
        fn $we() -> Result<()> {
            if skipped(&NEEDS) {
                return Ok(());
            }
            let _turn = alone();
            in_time(|| takes_over($dialect))
        }

        #[test]
        fn $they() -> Result<()> {
            if skipped(&NEEDS) {
                return Ok(());
            }
            let _turn = alone();
            in_time(|| hands_over($dialect))
        }
    )*};
}

both_roles! {
    V3: in_version_3_we_take_over_from_keepalived, in_version_3_keepalived_takes_over_from_us;
    V3_FAST: at_a_tenth_of_a_second_we_take_over, at_a_tenth_of_a_second_keepalived_takes_over;
    V3_UNICAST: in_version_3_by_unicast_we_take_over, in_version_3_by_unicast_keepalived_takes_over;
    SIX: over_ipv6_we_take_over_from_keepalived, over_ipv6_keepalived_takes_over_from_us;
    SIX_UNICAST: over_ipv6_by_unicast_we_take_over, over_ipv6_by_unicast_keepalived_takes_over;
    AH: with_ah_we_take_over_from_keepalived, with_ah_keepalived_takes_over_from_us;
    AH_UNICAST: with_ah_by_unicast_we_take_over, with_ah_by_unicast_keepalived_takes_over;
}

/// Ours is one second, keepalived's half: the master's counts.
#[test]
fn a_backup_adopts_keepaliveds_interval_and_keepalived_ours() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let theirs = pair.keepalived_as(100, "version 3\n advert_int 0.5", V3.vips)?;
    theirs.wait_for("Entering MASTER STATE")?;
    let ours = pair.ours_as(80, "", V3.vips, V3.ours)?;
    ours.wait_until(|status| status.master_adver_int == Duration::from_millis(500))?;
    ensure!(ours.status()?.state == State::Backup);
    Ok(())
}
