//! What VRRP needs to know of the configuration, typed for its own use.
//!
//! [`Setup`] is made of the configuration here and nowhere else. What keepalived does when a
//! keyword is missing, and what `vrrp_strict` takes back, stands in `config`; what a combination of
//! settings means for the protocol (which family, which version) stands here.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::isolation::Isolation;
use crate::config::model::{AuthHmac, Garp, GarpGroup, InitialState, Route, Rule, UpDownDelay};
use crate::net::virtual_link::VirtualKind;
use crate::wire::vrrp::AddressLen;

mod address;
mod from_config;
mod keys;
mod tracked;
mod vmac;

pub use address::VirtualAddress;
pub(super) use from_config::{adver_int_seconds, centiseconds};
pub use keys::MAX_KEY_FILE;
pub use tracked::{Kind, Status, Tracked};
pub use vmac::Naming;

/// Everything the VRRP thread is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// `vrrp_instance`, in the order of the configuration: their places are their numbers.
    pub instances: Vec<VirtualRouter>,
    /// `vrrp_sync_group`.
    pub groups: Vec<SyncGroup>,
    /// `global_defs`.
    pub global: Global,
    /// `static_ipaddress`.
    pub static_ipaddress: Vec<VirtualAddress>,
    /// `track_group` of each of these.
    pub static_ipaddress_groups: Vec<Option<String>>,
    /// `track_group`: their names.
    pub track_groups: Vec<String>,
    /// `static_routes`.
    pub static_routes: Vec<Route>,
    /// `static_rules`.
    pub static_rules: Vec<Rule>,
}

impl Setup {
    /// Whether there is nothing to do: no instance, nothing `static_…`.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
            && self.static_ipaddress.is_empty()
            && self.static_routes.is_empty()
            && self.static_rules.is_empty()
    }

    /// Takes the instances out, each with what it has of the groups and of [`Global`].
    pub(super) fn complete(&mut self) -> Vec<VirtualRouter> {
        let mut instances = std::mem::take(&mut self.instances);
        for (place, instance) in instances.iter_mut().enumerate() {
            instance.startup_delay = self.global.vrrp_startup_delay;
            let mut groups = self.groups.iter();
            let group = groups.find(|group| group.members.contains(&place));
            instance.sync_group = group.map(|group| group.name.clone());
        }
        instances
    }

    /// Whether an instance tracks it.
    pub fn tracks(&self, kind: Kind, name: &str) -> bool {
        let mut tracked = self.instances.iter().flat_map(|it| &it.tracked);
        tracked.any(|it| it.kind == kind && it.name == name)
    }

    /// Leaves out what nobody will report on: an instance would wait for the first report for ever.
    pub fn untrack(&mut self, kind: Kind, name: &str) {
        for instance in &mut self.instances {
            instance
                .tracked
                .retain(|it| it.kind != kind || it.name != name);
        }
    }
}

/// What concerns all instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// `vrrp_startup_delay`: for so long after the start nobody becomes MASTER.
    pub vrrp_startup_delay: Duration,
    /// `vrrp_delay_after_boot`: the same, counted from when the host was started.
    pub vrrp_delay_after_boot: Duration,
    /// `disable_local_igmp`: the kernel reports no groups of the link.
    pub disable_local_igmp: bool,
    /// `interface_up_down_delays`.
    pub interface_up_down_delays: Vec<UpDownDelay>,
    /// `vrrp_rt_priority`, `max_auto_priority`.
    pub isolation: Isolation,
    /// `garp_group`.
    pub garp_groups: Vec<GarpGroup>,
    /// `--dont-release-vrrp`: at the end everything stays as it is, and nobody is told.
    pub dont_release: bool,
    /// `log_unknown_vrids`: adverts that no instance listens for are worth a line.
    pub log_unknown_vrids: bool,
    /// What is written on interfaces that are made ([`crate::net::virtual_link::alias`]), so that the next
    /// run knows its own. Not the configuration's: whoever starts sets it.
    pub mark: String,
}

/// `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroup {
    /// The name.
    pub name: String,
    /// Places of its members in [`Setup::instances`].
    pub members: Vec<usize>,
}

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// RFC 3768.
    #[default]
    V2,
    /// RFC 9568.
    V3,
}

impl Version {
    /// As on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// The family of an instance's adverts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// How long an address is on the wire.
    pub const fn address_len(self) -> AddressLen {
        match self {
            Self::V4 => AddressLen::V4,
            Self::V6 => AddressLen::V6,
        }
    }

    /// As keepalived's log has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// `authentication`, version 2 only.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// `PASS`: the password, padded with zeros.
    Pass([u8; 8]),
    /// `AH`: the key, at most 8 bytes.
    Ah(Vec<u8>),
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pass(_) => "Pass(********)",
            Self::Ah(_) => "Ah(********)",
        })
    }
}

/// One line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`: adverts that come with less are from too far away. 0: any.
    pub min_ttl: u8,
    /// `max_ttl`: adverts that come with more are from too near. 255: any.
    pub max_ttl: u8,
}

/// `use_vmac`, `use_ipvlan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// Its name.
    pub name: String,
    /// How that was found; `None`: the configuration has it.
    pub naming: Option<Naming>,
    /// The interface below.
    pub base: String,
    /// `group`.
    pub group: Option<u32>,
    /// What it is.
    pub kind: VirtualKind,
    /// `vmac_xmit_base`: adverts go out by the interface below.
    pub xmit_base: bool,
}

/// `old_unicast_checksum`: old keepalived computed the checksum of version 3 with the multicast
/// group as destination, for unicast, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldUnicastChecksum {
    /// Sent once it was received.
    #[default]
    Follow,
    /// Sent from the beginning.
    Always,
    /// `never`: neither sent nor accepted.
    Never,
}

/// What the socket of an instance should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiveBuffer {
    /// As much as the kernel likes.
    #[default]
    Kernel,
    /// So many bytes.
    Bytes(u32),
    /// So many packets of the interface's MTU.
    Mtu(u32),
    /// So many of the instance's adverts.
    Advert(u32),
}

/// The nftables table of `no_accept`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `nftables TABLE`: what its name begins with; the rest tells instances apart.
    pub table: String,
    /// `nftables_priority`.
    pub priority: i32,
    /// `nftables_counters`.
    pub counters: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            table: "lb-agent".into(),
            // Before the usual filters, as keepalived.
            priority: -1,
            counters: false,
        }
    }
}

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct VirtualRouter {
    /// The name behind `vrrp_instance`.
    pub name: String,
    /// `state`: the wish at start.
    pub state: InitialState,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`, 1–255.
    pub virtual_router_id: u8,
    /// `version`.
    pub version: Version,
    /// Of the first virtual address, else `native_ipv6`.
    pub family: Family,
    /// `priority`, 1–255.
    pub priority: u8,
    /// `advert_int`, as the version can say it: whole seconds 1–255, or centiseconds 1–4095.
    pub advert_int: Duration,
    /// `authentication`; never with version 3.
    pub authentication: Option<Authentication>,
    /// `virtual_ipaddress` in order, all of [`Self::family`]: what stands in the advert.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`, and those of the other family.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `unicast_src_ip` or `mcast_src_ip`, else [`Self::ipvlan_address`].
    pub source: Option<IpAddr>,
    /// `unicast_peer`, all of [`Self::family`]; not empty = unicast.
    pub unicast_peer: Vec<Peer>,
    /// `unicast_ttl`.
    pub unicast_ttl: u8,
    /// `check_unicast_src`: only peers are listened to.
    pub check_unicast_src: bool,
    /// `mcast_dst_ip`, of [`Self::family`].
    pub mcast_dst_ip: IpAddr,
    /// `v3_checksum_as_v2`: without the pseudo-header.
    pub v3_checksum_as_v2: bool,
    /// `old_unicast_checksum`.
    pub old_unicast_checksum: OldUnicastChecksum,
    /// `owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `dont_track_primary`.
    pub dont_track_primary: bool,
    /// `lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `down_timer_adverts`.
    pub down_timer_adverts: u8,
    /// `garp_*`.
    pub garp: Garp,
    /// What is tracked, the group's included.
    pub tracked: Vec<Tracked>,
    /// The sync group that it is a member of.
    pub sync_group: Option<String>,
    /// `vrrp_startup_delay`, of [`Global`].
    pub startup_delay: Duration,
    /// `promote_secondaries`: of the interface, while the agent runs.
    pub promote_secondaries: bool,
    /// `use_vmac` or `use_ipvlan`: an interface of its own for the virtual addresses.
    pub vmac: Option<Vmac>,
    /// The `ADDRESS` of `use_ipvlan`, of [`Self::family`]: set all the time.
    pub ipvlan_address: Option<IpNet>,
    /// `use_vmac_addr`, and `use_vmac` of an address: interfaces for addresses that do not stand on
    /// the instance's.
    pub address_vmacs: Vec<Vmac>,
    /// Where the address is that adverts are sent from; the interface below a VMAC.
    pub source_interface: String,
    /// `virtual_routes`.
    pub virtual_routes: Vec<Route>,
    /// `virtual_rules`.
    pub virtual_rules: Vec<Rule>,
    /// `auth_hmac`.
    pub auth_hmac: Option<AuthHmac>,
    /// `track_src_ip`: FAULT while [`Self::source`] is not set.
    pub track_src_ip: bool,
    /// `unicast_fault_no_peer`, and there is none.
    pub lacks_peer: bool,
    /// `timer_expired_backup`: the priority of who may have taken over.
    pub timer_expired_backup: Option<u8>,
    /// `kernel_rx_buf_size`, else `vrrp_rx_bufs_policy`: what its socket should hold.
    pub receive_buffer: ReceiveBuffer,
    /// `nftables*`: where `no_accept` has its rules.
    pub filter: Filter,
    /// `xdp_attach master`, and a virtual server has one of the addresses: a new MASTER sets them
    /// when the program is attached.
    pub xdp_attach_master: bool,
    /// `accept`: packets to the virtual addresses are taken in, also by who does not own them.
    pub accept: bool,
}

impl VirtualRouter {
    /// Every virtual address, the excluded ones after the others.
    pub fn addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.virtual_ipaddress
            .iter()
            .chain(&self.virtual_ipaddress_excluded)
    }

    /// Whether it is the same virtual router on the same link (RFC 9568 1.7), and speaks by the
    /// same interface: then it can go on with other settings.
    pub fn is_same_router(&self, other: &Self) -> bool {
        let identity = |it: &Self| (it.virtual_router_id, it.version, it.family);
        // How a name was found does not matter.
        let own = |it: &Self| {
            let vmac = it.vmac.clone();
            vmac.map(|vmac| Vmac {
                naming: None,
                ..vmac
            })
        };
        identity(self) == identity(other)
            && self.interface == other.interface
            && self.source_interface == other.source_interface
            && own(self) == own(other)
    }

    /// Every interface that is made for it.
    pub fn vmacs(&self) -> impl Iterator<Item = &Vmac> {
        self.vmac.iter().chain(&self.address_vmacs)
    }

    /// Whether adverts go to peers and not to a group.
    pub const fn is_unicast(&self) -> bool {
        !self.unicast_peer.is_empty()
    }

    /// Whether adverts have an authentication header.
    pub const fn has_ah(&self) -> bool {
        matches!(self.authentication, Some(Authentication::Ah(_)))
    }
}

#[cfg(test)]
mod tests;
