//! An address that the kernel does not take back at once.

use anyhow::{Context, Result, ensure};
use ipnet::IpNet;
use lb_agent::vrrp::State;
use lb_agent::vrrp::settings::VirtualAddress;
use lb_tests::{skipped, wait_until};

use crate::NEEDS;
use crate::pair::{PATIENCE, Pair, VIP, alone};

/// The kernel tells that it is gone, takes none while IPv6 is disabled, and tells nothing when it is
/// enabled again.
#[test]
fn an_ipv6_address_is_back_when_ipv6_is_enabled_again() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let machine = pair.ours_namespace();
    let six: IpNet = "fd00::100/64".parse()?;
    let ours = pair.ours_as(100, "", &[VIP], |router| {
        router.virtual_ipaddress_excluded = vec![VirtualAddress::new(six, "eth0")];
    })?;
    ours.wait_for_state(State::Master)?;
    let wait_for = |there: bool| {
        let seen = || machine.has_address("fd00::100").is_ok_and(|it| it == there);
        wait_until(PATIENCE, || seen().then_some(()))
            .with_context(|| format!("fd00::100 on {}: not {there}", machine.name()))
    };
    wait_for(true)?;
    machine.sysctl("ipv6.conf.eth0.disable_ipv6", "1")?;
    wait_for(false)?;
    // It is tried again, and refused, meanwhile.
    let sent = ours.status()?.stats.advert_sent;
    ours.wait_until(|status| status.stats.advert_sent >= sent + 2)?;
    let status = ours.status()?;
    ensure!(
        status.state == State::Master && status.stats.address_restored == 0,
        "{status:?}"
    );
    machine.sysctl("ipv6.conf.eth0.disable_ipv6", "0")?;
    wait_for(true)?;
    ours.wait_until(|status| status.stats.address_restored == 1)?;
    ours.stop();
    wait_for(false)
}
