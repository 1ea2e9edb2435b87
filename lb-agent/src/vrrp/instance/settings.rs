//! What the machine needs of an instance's configuration.

use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::{Garp, InitialState, VrrpInstance};
use crate::vrrp::timers::Timers;

/// The settings of an instance. Fields are named as their keywords.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct Settings {
    pub(super) state: InitialState,
    pub(super) priority: u8,
    pub(super) timers: Timers,
    pub(super) nopreempt: bool,
    pub(super) preempt_delay: Duration,
    pub(super) lower_prio_no_advert: bool,
    pub(super) higher_prio_send_advert: bool,
    pub(super) dont_track_primary: bool,
    pub(super) unicast: bool,
    pub(super) garp: Garp,
    /// Which of all virtual addresses ARP can announce: those of IPv4.
    pub(super) announced: Vec<usize>,
}

impl From<&VrrpInstance> for Settings {
    fn from(config: &VrrpInstance) -> Self {
        let addresses = config
            .virtual_ipaddress
            .iter()
            .chain(&config.virtual_ipaddress_excluded);
        Self {
            state: config.state,
            priority: config.priority,
            timers: Timers {
                adver_int: Duration::from_secs(u64::from(adver_int_seconds(config.advert_int))),
                down_timer_adverts: config.down_timer_adverts,
            },
            nopreempt: config.nopreempt,
            preempt_delay: config.preempt_delay,
            lower_prio_no_advert: config.lower_prio_no_advert,
            higher_prio_send_advert: config.higher_prio_send_advert,
            dont_track_primary: config.dont_track_primary,
            unicast: !config.unicast_peer.is_empty(),
            garp: config.garp,
            announced: addresses
                .enumerate()
                .filter(|(_, address)| matches!(address.address, IpNet::V4(_)))
                .map(|(place, _)| place)
                .collect(),
        }
    }
}

/// `advert_int` as version 2 has it on the wire (RFC 3768 5.3.7): whole seconds, 1–255.
pub(in crate::vrrp) fn adver_int_seconds(advert_int: Duration) -> u8 {
    let rounded = (advert_int + Duration::from_millis(500)).as_secs();
    u8::try_from(rounded).unwrap_or(u8::MAX).max(1)
}
