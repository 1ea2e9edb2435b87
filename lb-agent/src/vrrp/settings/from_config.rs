//! The one place where the configuration becomes [`Setup`].

use std::net::IpAddr;
use std::time::Duration;

use super::{
    Authentication, Family, Global, OldUnicastChecksum, Peer, Setup, Version, VirtualAddress,
    VirtualRouter,
};
use crate::config::model::{self, Config, VrrpInstance};
use crate::wire::vrrp::MAX_ADVERTISE_INTERVAL;

impl From<&Config> for Setup {
    fn from(config: &Config) -> Self {
        Self::from(config.vrrp_instances.clone())
    }
}

impl From<Vec<VrrpInstance>> for Setup {
    fn from(instances: Vec<VrrpInstance>) -> Self {
        Self {
            instances: instances.iter().map(VirtualRouter::from).collect(),
            groups: Vec::new(),
            global: Global::default(),
        }
    }
}

impl From<&VrrpInstance> for VirtualRouter {
    fn from(config: &VrrpInstance) -> Self {
        let version = Version::V2;
        let mut router = Self {
            name: config.name.clone(),
            state: config.state,
            interface: config.interface.clone(),
            virtual_router_id: config.virtual_router_id,
            version,
            family: Family::V4,
            priority: config.priority,
            advert_int: config.advert_int,
            authentication: config.authentication.as_ref().map(Authentication::from),
            virtual_ipaddress: addresses(&config.virtual_ipaddress),
            virtual_ipaddress_excluded: addresses(&config.virtual_ipaddress_excluded),
            nopreempt: config.nopreempt,
            preempt_delay: config.preempt_delay,
            source: config.source.map(IpAddr::V4),
            unicast_peer: config.unicast_peer.iter().copied().map(peer).collect(),
            unicast_ttl: config.unicast_ttl,
            check_unicast_src: false,
            mcast_dst_ip: config.mcast_dst_ip.into(),
            v3_checksum_as_v2: false,
            old_unicast_checksum: OldUnicastChecksum::Follow,
            owner_ignore_adverts: false,
            skip_check_adv_addr: config.skip_check_adv_addr,
            dont_track_primary: config.dont_track_primary,
            lower_prio_no_advert: config.lower_prio_no_advert,
            higher_prio_send_advert: config.higher_prio_send_advert,
            down_timer_adverts: config.down_timer_adverts,
            garp: config.garp,
            tracked: Vec::new(),
            grouped: false,
            startup_delay: Duration::ZERO,
            accept: true,
        };
        router.settle();
        router
    }
}

impl VirtualRouter {
    /// Makes the settings agree with each other, as keepalived does: the first virtual address
    /// decides the family, those of the other one are not advertised; IPv6 needs version 3; the
    /// interval is what the version can say; version 3 has no authentication.
    pub fn settle(&mut self) {
        if let Some(first) = self.virtual_ipaddress.first() {
            self.family = Family::of(first.address.addr());
        }
        let family = self.family;
        let is_ours = |address: &VirtualAddress| Family::of(address.address.addr()) == family;
        let (ours, others) = self
            .virtual_ipaddress
            .drain(..)
            .partition::<Vec<_>, _>(is_ours);
        self.virtual_ipaddress = ours;
        self.virtual_ipaddress_excluded.splice(0..0, others);
        self.unicast_peer
            .retain(|peer| Family::of(peer.address) == family);
        self.source = self.source.filter(|source| Family::of(*source) == family);
        if family == Family::V6 {
            self.version = Version::V3;
        }
        if Family::of(self.mcast_dst_ip) != family {
            self.mcast_dst_ip = default_group(family);
        }
        match self.version {
            Version::V2 => {
                let seconds = adver_int_seconds(self.advert_int);
                self.advert_int = Duration::from_secs(seconds.into());
            }
            Version::V3 => {
                let interval = centiseconds(self.advert_int);
                self.advert_int = Duration::from_millis(u64::from(interval) * 10);
                self.authentication = None;
            }
        }
    }
}

/// RFC 9568 5.1.1.2 and 5.1.2.2.
fn default_group(family: Family) -> IpAddr {
    match family {
        Family::V4 => [224, 0, 0, 18].into(),
        Family::V6 => [0xff02, 0, 0, 0, 0, 0, 0, 0x12].into(),
    }
}

/// An interval as version 2 has it on the wire (RFC 3768 5.3.7): whole seconds, 1–255.
pub(in crate::vrrp) fn adver_int_seconds(advert_int: Duration) -> u8 {
    let rounded = (advert_int + Duration::from_millis(500)).as_secs();
    u8::try_from(rounded).unwrap_or(u8::MAX).max(1)
}

/// An interval as version 3 has it on the wire (RFC 9568 5.2.7): centiseconds, 1–4095.
pub(in crate::vrrp) fn centiseconds(advert_int: Duration) -> u16 {
    let rounded = (advert_int + Duration::from_millis(5)).as_millis() / 10;
    u16::try_from(rounded)
        .unwrap_or(u16::MAX)
        .clamp(1, MAX_ADVERTISE_INTERVAL)
}

fn addresses(config: &[model::VirtualAddress]) -> Vec<VirtualAddress> {
    config.iter().map(VirtualAddress::from).collect()
}

fn peer(address: impl Into<IpAddr>) -> Peer {
    Peer {
        address: address.into(),
        min_ttl: 0,
        max_ttl: u8::MAX,
    }
}

impl From<&model::Authentication> for Authentication {
    fn from(config: &model::Authentication) -> Self {
        match config {
            model::Authentication::Pass(password) => Self::Pass(*password),
        }
    }
}
