//! What the machine needs of an instance's configuration.

use std::time::Duration;

use crate::config::model::{Garp, InitialState};
use crate::vrrp::settings::{Family, Tracked, VirtualRouter};
use crate::vrrp::timers::Timers;

/// The settings of an instance. Fields are named as their keywords.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct Settings {
    pub(super) state: InitialState,
    pub(super) family: Family,
    pub(super) priority: u8,
    pub(super) timers: Timers,
    pub(super) nopreempt: bool,
    pub(super) preempt_delay: Duration,
    pub(super) lower_prio_no_advert: bool,
    pub(super) higher_prio_send_advert: bool,
    pub(super) dont_track_primary: bool,
    pub(super) unicast: bool,
    pub(super) garp: Garp,
    /// How many addresses there are to announce.
    pub(super) addresses: usize,
    pub(super) tracked: Vec<Tracked>,
    /// Member of a sync group.
    pub(super) grouped: bool,
    pub(super) vrrp_startup_delay: Duration,
    /// `unicast_fault_no_peer`, and there is none.
    pub(super) lacks_peer: bool,
    pub(super) timer_expired_backup: Option<u8>,
    /// `xdp_attach master`: addresses wait for the data plane.
    pub(super) xdp_attach_master: bool,
    /// `garp_extra_if`: places of the addresses that it announces.
    pub(super) extra_addresses: Vec<usize>,
}

impl From<&VirtualRouter> for Settings {
    fn from(router: &VirtualRouter) -> Self {
        Self {
            state: router.state,
            family: router.family,
            priority: router.priority,
            timers: Timers::new(router.version, router.advert_int, router.down_timer_adverts),
            nopreempt: router.nopreempt,
            preempt_delay: router.preempt_delay,
            lower_prio_no_advert: router.lower_prio_no_advert,
            higher_prio_send_advert: router.higher_prio_send_advert,
            dont_track_primary: router.dont_track_primary,
            unicast: router.is_unicast(),
            garp: router.garp,
            addresses: router.addresses().count(),
            tracked: router.tracked.clone(),
            grouped: router.sync_group.is_some(),
            vrrp_startup_delay: router.startup_delay,
            lacks_peer: router.lacks_peer,
            timer_expired_backup: router.timer_expired_backup,
            xdp_attach_master: router.xdp_attach_master,
            extra_addresses: extra_addresses(router),
        }
    }
}

/// `garp_extra_if`: what stands on another interface than the adverts go out by, since no advert
/// tells the switches where that is. Without `all` only VMACs, whose addresses nobody else has.
fn extra_addresses(router: &VirtualRouter) -> Vec<usize> {
    let Some(extra) = router.garp.extra_if else {
        return Vec::new();
    };
    let is_vmac = |dev: &str| router.vmacs().any(|vmac| vmac.name == dev);
    let places = router.addresses().enumerate();
    let extra = places.filter(|(_, address)| {
        address.dev != router.interface && (extra.all || is_vmac(&address.dev))
    });
    extra.map(|(place, _)| place).collect()
}
