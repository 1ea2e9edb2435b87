//! The one place where the configuration becomes [`Setup`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::{
    Authentication, Family, Filter, Global, Kind, OldUnicastChecksum, Peer, ReceiveBuffer, Setup,
    SyncGroup, Tracked, Version, VirtualAddress, VirtualRouter, vmac,
};
use crate::config::model::{self, Config, RxBufs, Served, VrrpInstance, XdpAttach};
use crate::runtime::priority::Priority;
use crate::vrrp::isolation::Isolation;
use crate::wire::vrrp::MAX_ADVERTISE_INTERVAL;

impl From<&Config> for Setup {
    fn from(config: &Config) -> Self {
        let vrrp = &config.global_defs.vrrp;
        let mut setup = Self::of(&config.vrrp_instances, vrrp);
        let process = &config.global_defs.process;
        for (instance, of) in setup.instances.iter_mut().zip(&config.vrrp_instances) {
            instance.filter = filter(vrrp);
            instance.xdp_attach_master = waits_for_program(config, instance);
            instance.receive_buffer = receive_buffer(vrrp, of.kernel_rx_buf_size);
        }
        setup.global = Global {
            vrrp_startup_delay: vrrp.vrrp_startup_delay,
            vrrp_delay_after_boot: vrrp.vrrp_delay_after_boot,
            disable_local_igmp: vrrp.disable_local_igmp,
            interface_up_down_delays: config.environment.interface_up_down_delays.clone(),
            garp_groups: config.garp_groups.clone(),
            dont_release: false,
            log_unknown_vrids: vrrp.log_unknown_vrids,
            mark: String::new(),
            isolation: Isolation {
                priority: Priority {
                    nice: process.vrrp_priority,
                    real_time: process.vrrp_rt_priority,
                },
                max_auto_priority: process
                    .max_auto_priority
                    .and_then(|priority| u8::try_from(priority).ok())
                    .filter(|priority| *priority > 0),
                min_auto_priority_delay: process.min_auto_priority_delay,
            },
        };
        let statics = config.static_ipaddress.iter();
        setup.static_ipaddress = statics
            .map(|line| VirtualAddress::from(&line.address))
            .collect();
        let groups = config.static_ipaddress.iter();
        setup.static_ipaddress_groups = groups.map(|line| line.track_group.clone()).collect();
        for group in &config.track_groups {
            setup.follow(group);
        }
        setup.static_routes.clone_from(&config.static_routes);
        setup.static_rules.clone_from(&config.static_rules);
        for group in &config.vrrp_sync_groups {
            setup.join(group);
        }
        setup
    }
}

impl Setup {
    /// The instances alone.
    fn of(instances: &[VrrpInstance], vrrp: &model::VrrpDefaults) -> Self {
        let mut names = vmac::Names::new(instances, vrrp);
        let router = |config: &VrrpInstance| {
            let mut router = VirtualRouter::from(config);
            router.take_vmacs(config, &mut names);
            router
        };
        Self {
            instances: instances.iter().map(router).collect(),
            ..Self::default()
        }
    }

    /// A track group: its instances are FAULT while something static that names it is not set and
    /// cannot be.
    fn follow(&mut self, group: &model::TrackGroup) {
        let mut instances = self.instances.iter_mut();
        for instance in instances
            .by_ref()
            .filter(|it| group.group.contains(&it.name))
        {
            instance.tracked.push(Tracked {
                kind: Kind::Static,
                name: group.name.clone(),
                weight: 0,
                reverse: false,
            });
        }
        self.track_groups.push(group.name.clone());
    }

    /// A sync group: what it tracks every member tracks, and the members' own weights do not
    /// count unless `sync_group_tracking_weight` says so: priorities that move one by one would
    /// tear the group apart.
    fn join(&mut self, config: &model::VrrpSyncGroup) {
        let is_member = |instance: &VirtualRouter| config.group.contains(&instance.name);
        let places = self.instances.iter().enumerate();
        let members = places.filter(|(_, instance)| is_member(instance));
        let members = members.map(|(place, _)| place).collect();
        for instance in self.instances.iter_mut().filter(|it| is_member(it)) {
            if !config.sync_group_tracking_weight {
                instance.tracked.retain(|tracked| tracked.weight == 0);
            }
            instance.tracked.extend(tracked(&config.track));
        }
        let name = config.name.clone();
        self.groups.push(SyncGroup { name, members });
    }
}

impl From<Vec<VrrpInstance>> for Setup {
    fn from(instances: Vec<VrrpInstance>) -> Self {
        Self::of(&instances, &model::VrrpDefaults::default())
    }
}

/// An instance on the interface as it is: without VMACs.
impl From<&VrrpInstance> for VirtualRouter {
    fn from(config: &VrrpInstance) -> Self {
        let mut router = Self {
            name: config.name.clone(),
            state: config.state,
            interface: config.interface.clone(),
            virtual_router_id: config.virtual_router_id,
            version: if config.version == 3 {
                Version::V3
            } else {
                Version::V2
            },
            family: if config.native_ipv6 {
                Family::V6
            } else {
                Family::V4
            },
            priority: config.priority,
            advert_int: config.advert_int,
            authentication: config.authentication.as_ref().map(Authentication::from),
            virtual_ipaddress: addresses(&config.virtual_ipaddress),
            virtual_ipaddress_excluded: addresses(&config.virtual_ipaddress_excluded),
            nopreempt: config.nopreempt,
            preempt_delay: config.preempt_delay,
            source: config.unicast_src_ip.or(config.mcast_src_ip),
            unicast_peer: peers(config),
            unicast_ttl: config.unicast_ttl,
            check_unicast_src: config.check_unicast_src,
            mcast_dst_ip: config.mcast_dst_ip,
            v3_checksum_as_v2: config.v3_checksum_as_v2,
            old_unicast_checksum: match config.old_unicast_checksum {
                None => OldUnicastChecksum::Follow,
                Some(true) => OldUnicastChecksum::Always,
                Some(false) => OldUnicastChecksum::Never,
            },
            owner_ignore_adverts: config.owner_ignore_adverts,
            skip_check_adv_addr: config.skip_check_adv_addr,
            dont_track_primary: config.dont_track_primary,
            lower_prio_no_advert: config.lower_prio_no_advert,
            higher_prio_send_advert: config.higher_prio_send_advert,
            down_timer_adverts: config.down_timer_adverts,
            garp: config.garp,
            tracked: tracked(&config.track).collect(),
            sync_group: None,
            startup_delay: Duration::ZERO,
            promote_secondaries: config.promote_secondaries,
            vmac: None,
            ipvlan_address: None,
            address_vmacs: Vec::new(),
            source_interface: config.interface.clone(),
            virtual_routes: config.virtual_routes.clone(),
            virtual_rules: config.virtual_rules.clone(),
            auth_hmac: config.auth_hmac.clone(),
            track_src_ip: config.track_src_ip,
            lacks_peer: config.unicast_fault_no_peer && config.unicast_peer.is_empty(),
            timer_expired_backup: config.timer_expired_backup,
            receive_buffer: ReceiveBuffer::default(),
            filter: Filter::default(),
            xdp_attach_master: false,
            accept: config.accept,
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
        if family == Family::V6 {
            self.garp.interval = self.garp.gna_interval;
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

/// `xdp_attach master`: only who has virtual servers has to wait for anything.
fn waits_for_program(config: &Config, instance: &VirtualRouter) -> bool {
    let serves = || {
        let addresses: BTreeSet<IpAddr> =
            instance.addresses().map(|it| it.address.addr()).collect();
        let mut servers = config.virtual_servers.iter();
        servers.any(|server| {
            let mut served = config.served(server).into_iter();
            served.any(|it| matches!(it, Served::Address(key) if addresses.contains(&key.address)))
        })
    };
    config.global_defs.xdp_attach == XdpAttach::Master && serves()
}

fn filter(vrrp: &model::VrrpDefaults) -> Filter {
    let default = Filter::default();
    Filter {
        table: vrrp.nftables.clone().unwrap_or(default.table),
        priority: vrrp.nftables_priority.unwrap_or(default.priority),
        counters: vrrp.nftables_counters,
    }
}

fn receive_buffer(vrrp: &model::VrrpDefaults, own: Option<u32>) -> ReceiveBuffer {
    let multiplier = vrrp.vrrp_rx_bufs_multiplier.unwrap_or(3);
    match (own, vrrp.vrrp_rx_bufs_policy) {
        (Some(bytes), _) | (None, Some(RxBufs::Bytes(bytes))) => ReceiveBuffer::Bytes(bytes),
        (None, Some(RxBufs::Mtu)) => ReceiveBuffer::Mtu(multiplier),
        (None, Some(RxBufs::Advert)) => ReceiveBuffer::Advert(multiplier),
        (None, None) => ReceiveBuffer::Kernel,
    }
}

fn addresses(config: &[model::VirtualAddress]) -> Vec<VirtualAddress> {
    config.iter().map(VirtualAddress::from).collect()
}

fn peers(config: &VrrpInstance) -> Vec<Peer> {
    let peer = |address: IpAddr| {
        let mut limits = config.unicast_peer_ttl.iter();
        let limits = limits.rfind(|limits| limits.peer == address);
        Peer {
            address,
            min_ttl: limits.and_then(|limits| limits.min_ttl).unwrap_or(0),
            max_ttl: limits.and_then(|limits| limits.max_ttl).unwrap_or(u8::MAX),
        }
    };
    let addresses = config.unicast_peer.iter().copied();
    addresses.map(peer).collect()
}

fn tracked(config: &model::Tracking) -> impl Iterator<Item = Tracked> + '_ {
    let blocks = [
        (Kind::Interface, &config.track_interface),
        (Kind::Script, &config.track_script),
        (Kind::File, &config.track_file),
        (Kind::Process, &config.track_process),
        (Kind::Bfd, &config.track_bfd),
    ];
    blocks.into_iter().flat_map(|(kind, lines)| {
        lines.iter().map(move |line| Tracked {
            kind,
            name: line.name.clone(),
            weight: line.weight.weight,
            reverse: line.weight.reverse,
        })
    })
}

impl From<&model::Authentication> for Authentication {
    fn from(config: &model::Authentication) -> Self {
        match config {
            model::Authentication::Pass(password) => Self::Pass(*password),
            model::Authentication::Ah(key) => Self::Ah(key.bytes().to_vec()),
        }
    }
}
