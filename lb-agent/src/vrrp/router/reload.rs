//! Other settings while the instances run: those that stay keep their state, and no advert is
//! late for it.
//!
//! [`Reload`] is made on the caller's thread, with everything that can be made beforehand; the
//! VRRP thread only exchanges values and tells the kernel what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;

use super::groups::Group;
use super::links::Hearing;
use super::member::Member;
use super::{Input, Interface, Router};
use crate::vrrp::effects::{Channel, Kernel};
use crate::vrrp::settings::{Global, Kind, Setup, Status, VirtualRouter, Vmac};
use crate::vrrp::status::Board;
use crate::vrrp::{Gate, News};

/// What leads from one setup to another.
pub struct Reload {
    successors: Vec<Successor>,
    instances: Vec<VirtualRouter>,
    boards: Vec<Arc<Board>>,
    /// Everything but the instances.
    rest: Setup,
    gate: Box<dyn Gate>,
}

/// Where an instance of the new setup comes from: the place of an old one, or nowhere.
enum Successor {
    Same(usize),
    Changed(usize, Box<VirtualRouter>, Arc<Board>),
    New(Box<Member>),
}

impl Reload {
    /// From instances with these `boards`, in the order of `old`, to those of `setup`, whose places
    /// `gate` knows. What has the same name and is the same virtual router goes on, unless
    /// `restarted` names it. VMACs keep their names.
    pub fn new(
        old: &[VirtualRouter],
        boards: &[Arc<Board>],
        mut setup: Setup,
        restarted: &BTreeSet<String>,
        gate: Box<dyn Gate>,
        now: Instant,
    ) -> Self {
        // The start is over.
        setup.global.vrrp_startup_delay = Duration::ZERO;
        setup.keep_names(old);
        let instances = setup.complete();
        let by_name: BTreeMap<&str, usize> =
            old.iter().map(|it| it.name.as_str()).zip(0..).collect();
        let successor = |(place, config): (usize, VirtualRouter)| {
            let from = by_name.get(config.name.as_str()).copied();
            let from = from.filter(|_| !restarted.contains(&config.name));
            let before = from.and_then(|from| Some((from, old.get(from)?, boards.get(from)?)));
            match before {
                Some((from, before, _)) if is_same(before, &config) => Successor::Same(from),
                Some((from, before, board)) if before.is_same_router(&config) => {
                    let board = Arc::new(board.with(&config));
                    Successor::Changed(from, Box::new(config), board)
                }
                Some(_) | None => Successor::New(Box::new(Member::new(place, config, now))),
            }
        };
        let fresh = instances.iter().cloned().enumerate();
        let successors: Vec<Successor> = fresh.map(successor).collect();
        let board = |successor: &Successor| match successor {
            Successor::Same(from) => boards.get(*from).cloned(),
            Successor::Changed(_, _, board) => Some(Arc::clone(board)),
            Successor::New(member) => Some(Arc::clone(&member.board)),
        };
        Self {
            boards: successors.iter().filter_map(board).collect(),
            successors,
            instances,
            rest: setup,
            gate,
        }
    }

    /// What the instances run with from then on.
    pub fn instances(&self) -> Vec<VirtualRouter> {
        self.instances.clone()
    }

    /// What each instance publishes from then on, in the order of the new setup.
    pub fn boards(&self) -> Vec<Arc<Board>> {
        self.boards.clone()
    }
}

/// Nothing differs but what counts at the start only.
fn is_same(old: &VirtualRouter, new: &VirtualRouter) -> bool {
    *new == VirtualRouter {
        startup_delay: new.startup_delay,
        ..old.clone()
    }
}

impl<K: Kernel> Router<K> {
    /// Goes on with other settings.
    pub fn reload(&mut self, reload: Reload, now: Instant) {
        let Reload {
            successors,
            rest,
            gate,
            instances,
            boards: _,
        } = reload;
        let places = places(&successors);
        let channels = self.all_channels();
        let known: Vec<_> = self.members.iter().flat_map(Member::known).collect();
        self.shut_down_others(&successors, now);
        self.exchange_vmacs(&successors);
        let mut old: Vec<Option<Member>> = self.members.drain(..).map(Some).collect();
        (self.outside.listener)(News::Reloaded);
        self.outside.gate = gate;
        let fresh = self.succeed(&mut old, successors, now);
        self.regroup(&rest);
        self.regard(&rest.global, &places);
        self.remove_unwanted_vmacs();
        self.statics.reload(
            (&rest, &instances),
            &mut self.outside.kernel,
            &self.interfaces,
        );
        self.reopen(&channels);
        self.welcome(&known, &fresh, now);
        self.settle(now);
    }

    /// Those that do not go on: MASTERs release their duty, addresses go, gates close.
    fn shut_down_others(&mut self, successors: &[Successor], now: Instant) {
        let stays: BTreeSet<usize> = successors.iter().filter_map(Successor::from).collect();
        for (place, member) in self.members.iter_mut().enumerate() {
            if stays.contains(&place) {
                continue;
            }
            let name = &member.config.name;
            info!("({name}) is not the same any more, or configured no longer: it ends");
            member.handle(Input::Shutdown, &self.interfaces, &mut self.outside, now);
        }
    }

    /// VMACs that stand in the way of others go, and those that the instances need that go on with
    /// other settings come. What no one needs goes later, after the addresses on it.
    fn exchange_vmacs(&mut self, successors: &[Successor]) {
        let mut wanted: Vec<Vmac> = Vec::new();
        for successor in successors {
            let config = match successor {
                Successor::Same(from) => self.members.get(*from).map(|it| &it.config),
                Successor::Changed(_, config, _) => Some(&**config),
                Successor::New(member) => Some(&member.config),
            };
            wanted.extend(config.into_iter().flat_map(VirtualRouter::vmacs).cloned());
        }
        self.remove_displaced_vmacs(&wanted);
        let changed: Vec<_> = successors.iter().filter_map(Successor::changed).collect();
        self.make_vmacs_of(&changed);
    }

    /// The new members; the places of those that have not started.
    fn succeed(
        &mut self,
        old: &mut [Option<Member>],
        successors: Vec<Successor>,
        now: Instant,
    ) -> BTreeSet<usize> {
        let mut fresh = BTreeSet::new();
        for (place, successor) in successors.into_iter().enumerate() {
            let from = successor.from();
            let before = from
                .and_then(|from| old.get_mut(from))
                .and_then(Option::take);
            let member = match (successor, before) {
                (Successor::Same(_), before) => before,
                (Successor::Changed(_, config, board), Some(mut member)) => {
                    member.move_to(place);
                    if let Some(taken) = self.taken_from(&config) {
                        // Before it sets addresses on what is not its own.
                        taken.say(&config.name);
                        let input = Input::VmacNameTaken(true);
                        member.handle(input, &self.interfaces, &mut self.outside, now);
                    }
                    let outside = &mut self.outside;
                    member.reload(*config, board, &self.interfaces, outside, now);
                    Some(member)
                }
                (Successor::Changed(..), None) => None,
                (Successor::New(member), _) => {
                    fresh.insert(place);
                    Some(*member)
                }
            };
            if let Some(mut member) = member {
                member.move_to(place);
                member.hold_gate(&self.outside);
                self.members.push(member);
            }
        }
        fresh
    }

    /// What concerns all instances, and can change while they run.
    fn regard(&mut self, global: &Global, places: &BTreeMap<usize, usize>) {
        self.log_unknown_vrids = global.log_unknown_vrids;
        let name = |index| Some(self.interfaces.by_index(index)?.name.as_str());
        let free = self.outside.pace.replace(&global.garp_groups, places, name);
        for frame in free {
            self.outside.send(&frame);
        }
        self.debounce
            .set_delays(global.interface_up_down_delays.clone());
        if global.disable_local_igmp && !self.disable_local_igmp {
            self.disable_local_igmp = true;
            self.set_no_igmp();
        }
    }

    /// Groups of the same name go on in their state.
    fn regroup(&mut self, rest: &Setup) {
        let before = std::mem::take(&mut self.groups);
        let group = |config: &crate::vrrp::settings::SyncGroup| {
            let same = before.iter().find(|it| it.is_called(&config.name));
            Group::after(config.clone(), same)
        };
        self.groups = rest.groups.iter().map(group).collect();
    }

    fn all_channels(&self) -> BTreeMap<String, BTreeMap<Channel, Hearing>> {
        let names = self.members.iter().map(|it| it.config.interface.clone());
        let names: BTreeSet<String> = names.collect();
        let with_channels = |name: String| {
            let mtu = self.interfaces.by_name(&name).map_or(0, |link| link.mtu);
            let channels = self.channels(&name, mtu);
            (name, channels)
        };
        names.into_iter().map(with_channels).collect()
    }

    /// Sockets for what is heard and spoken from now on; those that do not change stay open.
    fn reopen(&mut self, before: &BTreeMap<String, BTreeMap<Channel, Hearing>>) {
        let after = self.all_channels();
        let none = BTreeMap::new();
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let Some(link) = self.interfaces.by_name(name).cloned() else {
                continue;
            };
            let (old, new) = (
                before.get(name).unwrap_or(&none),
                after.get(name).unwrap_or(&none),
            );
            if old.is_empty() {
                self.open(&link);
                continue;
            }
            for channel in old.keys().filter(|channel| !new.contains_key(channel)) {
                self.outside.kernel.close_channel(link.index, *channel);
            }
            for (channel, hearing) in new {
                if old.get(channel) != Some(hearing) {
                    self.open_channel(&link, *channel, hearing);
                }
            }
        }
    }

    /// Everybody hears what is known of what it uses, and who is new starts. What a member knows
    /// already changes nothing.
    fn welcome(
        &mut self,
        known: &[((Kind, String), Status)],
        fresh: &BTreeSet<usize>,
        now: Instant,
    ) {
        self.judge_names(now);
        let links: Vec<_> = self.interfaces.iter().cloned().collect();
        for link in &links {
            self.make_vmacs(link);
        }
        if !self.made.is_empty() {
            // Those that were made are there now.
            self.read_links(now);
        }
        let links: Vec<_> = self.interfaces.iter().cloned().collect();
        for link in &links {
            self.tell_link(&link.name, link.up, now);
        }
        self.read_sources(now);
        self.miss_tracked(now);
        for (place, member) in self.members.iter_mut().enumerate() {
            member.acquaint(known, &self.interfaces, &mut self.outside, now);
            if self.interfaces.by_name(&member.config.interface).is_none() {
                let input = Input::Interface(Interface::Missing);
                member.handle(input, &self.interfaces, &mut self.outside, now);
            }
            if member.config.sync_group.is_none() {
                // It may have been in one that had a fault.
                let input = Input::GroupFault(false);
                member.handle(input, &self.interfaces, &mut self.outside, now);
            }
            if fresh.contains(&place) {
                member.handle(Input::Start, &self.interfaces, &mut self.outside, now);
            }
        }
    }
}

/// Where each instance that goes on has its place, by the place that it had.
fn places(successors: &[Successor]) -> BTreeMap<usize, usize> {
    let places = successors.iter().enumerate();
    let from = |(place, successor): (usize, &Successor)| Some((successor.from()?, place));
    places.filter_map(from).collect()
}

impl Successor {
    fn changed(&self) -> Option<&VirtualRouter> {
        match self {
            Self::Changed(_, config, _) => Some(config),
            Self::Same(_) | Self::New(_) => None,
        }
    }

    const fn from(&self) -> Option<usize> {
        match self {
            Self::Same(from) | Self::Changed(from, _, _) => Some(*from),
            Self::New(_) => None,
        }
    }
}
