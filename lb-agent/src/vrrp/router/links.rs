//! Interfaces that come, go, and change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use tracing::{error, info};

use super::{Member, Router};
use crate::net::link::Link;
use crate::vrrp::effects::{Channel, Kernel};
use crate::vrrp::instance::{Input, Interface};
use crate::vrrp::settings::{Kind, ReceiveBuffer, Status};

/// What one socket hears, for all instances that use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hearing {
    groups: BTreeSet<IpAddr>,
    /// Bytes that it should hold; `None`: as many as the kernel likes.
    buffer: Option<u32>,
}

impl<K: Kernel> Router<K> {
    pub(super) fn read_links(&mut self, now: Instant) {
        let links = match self.outside.kernel.links() {
            Ok(links) => links,
            Err(error) => return error!("{error}"),
        };
        self.earlier
            .get_or_insert_with(|| links.iter().map(|link| link.index).collect());
        for (index, name) in self.interfaces.missing_from(&links) {
            self.remove_link(index, &name, now);
        }
        // Who has the name of a VMAC is judged by the interface below, which may come later here.
        let named = |link: &&Link| self.is_vmac_name(&link.name);
        let (vmacs, others): (Vec<&Link>, Vec<&Link>) = links.iter().partition(named);
        for link in others.into_iter().chain(vmacs) {
            self.update_link(link.clone(), now);
        }
        self.judge_names(now);
        // Not before all are known: one of them may be what an earlier run has made.
        for link in &links {
            self.make_vmacs(link);
        }
        self.read_sources(now);
        self.miss_tracked(now);
    }

    pub(super) fn update_link(&mut self, link: Link, now: Instant) {
        if let Some(former) = self.interfaces.displaced_by(&link) {
            // Renamed, or made anew under the same name.
            self.remove_link(former.index, &former.name, now);
        }
        let before = self.interfaces.by_name(&link.name).map(|link| link.up);
        if before.is_some_and(|up| up != link.up) && self.is_used(&link.name) {
            info!(
                "Netlink reports {} {}",
                link.name,
                if link.up { "up" } else { "down" }
            );
        }
        let (name, up) = (link.name.clone(), link.up);
        let is_new_primary = before.is_none() && self.is_primary(&name);
        if is_new_primary {
            self.open(&link);
        }
        self.interfaces.insert(link);
        if self.is_vmac_name(&name) || (before.is_none() && self.is_below_vmac(&name)) {
            self.judge_names(now);
        }
        if is_new_primary {
            self.read_sources(now);
        }
        if before == Some(up) {
            return;
        }
        self.statics
            .complete(&mut self.outside.kernel, &self.interfaces);
        self.tell_link(&name, up, now);
    }

    /// Every member hears of an interface that is there.
    pub(super) fn tell_link(&mut self, name: &str, up: bool, now: Instant) {
        let (interface, status) = if up {
            (Interface::Up, Status::Up)
        } else {
            (Interface::Down, Status::Down)
        };
        for member in &mut self.members {
            if member.config.interface == name {
                let input = Input::Interface(interface);
                member.handle(input, &self.interfaces, &mut self.outside, now);
            } else {
                member.complete(&self.interfaces, &mut self.outside, now);
            }
            let what = (Kind::Interface, name);
            member.track(what, status, &self.interfaces, &mut self.outside, now);
        }
    }

    /// The link as it counts: `interface_up_down_delays`.
    pub(super) fn debounced(&mut self, link: Link, now: Instant) -> Link {
        let before = self.interfaces.by_index(link.index).map(|link| link.up);
        let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        // A VMAC has the delays of the interface below.
        let base = vmacs.find(|vmac| vmac.name == link.name);
        let delays_of = base.map_or_else(|| link.name.clone(), |vmac| vmac.base.clone());
        let users = self.members.iter().map(|member| &member.config);
        let users =
            users.filter(|it| it.interface == link.name || it.source_interface == link.name);
        let longest = users.map(|it| it.advert_int * u32::from(it.down_timer_adverts - 1));
        let longest = longest.min();
        self.debounce.admit(link, before, &delays_of, longest, now)
    }

    pub(super) fn remove_link(&mut self, index: u32, name: &str, now: Instant) {
        self.interfaces.remove(index);
        self.debounce.forget(index);
        self.outside.kernel.close(index);
        self.statics.forget(index);
        self.forget_vmac(name);
        if self.is_used(name) {
            info!("Netlink reports {name} down");
        }
        for member in &mut self.members {
            member.addresses.forget(index);
            if member.config.interface == name {
                let input = Input::Interface(Interface::Missing);
                member.handle(input, &self.interfaces, &mut self.outside, now);
                member.set_source(None, &self.interfaces, &mut self.outside, now);
            }
            let what = (Kind::Interface, name);
            member.track(what, Status::Down, &self.interfaces, &mut self.outside, now);
        }
        if self.is_vmac_name(name) || self.is_below_vmac(name) {
            self.judge_names(now);
        }
    }

    /// Begins to hear and speak on an interface.
    pub(super) fn open(&mut self, link: &Link) {
        let is_router = self.outside.kernel.is_ipv6_router(link);
        self.interfaces.set_router(link.index, is_router);
        for (channel, hearing) in self.channels(&link.name, link.mtu) {
            self.open_channel(link, channel, &hearing);
        }
    }

    /// A failure leaves the instance deaf: it would become a second master, so the operator must
    /// know.
    pub(super) fn open_channel(&mut self, link: &Link, channel: Channel, hearing: &Hearing) {
        let groups: Vec<IpAddr> = hearing.groups.iter().copied().collect();
        let opened = self
            .outside
            .kernel
            .open(link, channel, &groups, hearing.buffer);
        if let Err(error) = opened {
            error!(
                "cannot open a VRRP socket on {}: {error}; no advert is heard there",
                link.name
            );
        }
    }

    /// How the instances on an interface hear and speak.
    pub(super) fn channels(&self, name: &str, mtu: u32) -> BTreeMap<Channel, Hearing> {
        let mut channels: BTreeMap<Channel, Hearing> = BTreeMap::new();
        let on_it = |member: &&Member| member.config.interface == name;
        for member in self.members.iter().filter(on_it) {
            let hearing = channels.entry(member.channel()).or_default();
            if !member.config.is_unicast() {
                hearing.groups.insert(member.config.mcast_dst_ip);
            }
            let bytes = match member.config.receive_buffer {
                ReceiveBuffer::Kernel => continue,
                ReceiveBuffer::Bytes(bytes) => bytes,
                ReceiveBuffer::Mtu(packets) => mtu.saturating_mul(packets),
                ReceiveBuffer::Advert(packets) => member.advert_len().saturating_mul(packets),
            };
            let buffer = hearing.buffer.unwrap_or(0);
            hearing.buffer = Some(buffer.saturating_add(bytes));
        }
        channels
    }

    /// A tracked interface that does not exist is down.
    pub(super) fn miss_tracked(&mut self, now: Instant) {
        let tracked = self
            .members
            .iter()
            .flat_map(|member| &member.config.tracked);
        let missing: Vec<String> = tracked
            .filter(|tracked| tracked.kind == Kind::Interface)
            .filter(|tracked| self.interfaces.by_name(&tracked.name).is_none())
            .map(|tracked| tracked.name.clone())
            .collect();
        for name in missing {
            for member in &mut self.members {
                let what = (Kind::Interface, name.as_str());
                member.track(what, Status::Down, &self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// Whether an interface of this name is to be made for an instance.
    fn is_vmac_name(&self, name: &str) -> bool {
        let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        vmacs.any(|vmac| vmac.name == name)
    }

    /// Whether an interface is to be made on top of the one of this name.
    fn is_below_vmac(&self, name: &str) -> bool {
        let mut vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        vmacs.any(|vmac| vmac.base == name)
    }

    /// Whether an instance sends its adverts there.
    pub(super) fn is_primary(&self, name: &str) -> bool {
        self.members
            .iter()
            .any(|member| member.config.interface == name)
    }

    /// Whether an instance sends its adverts or has addresses there.
    fn is_used(&self, name: &str) -> bool {
        self.is_primary(name)
            || self.members.iter().any(|member| {
                let mut addresses = member.addresses.iter();
                let mut tracked = member.config.tracked.iter();
                addresses.any(|(address, _)| address.dev == name)
                    || tracked.any(|it| it.kind == Kind::Interface && it.name == name)
            })
    }
}
