//! Sync groups: what their members do is kept together.

use std::time::Instant;

use tracing::info;

use super::{FILTERS_LAST, Member, Router};
use crate::vrrp::effects::Kernel;
use crate::vrrp::group::{self, Order};
use crate::vrrp::instance::Input;
use crate::vrrp::settings::{Kind, Status, SyncGroup};
use crate::vrrp::{News, State};

/// A sync group.
pub(super) struct Group {
    config: SyncGroup,
    state: State,
}

impl Group {
    pub(super) const fn new(config: SyncGroup) -> Self {
        Self {
            config,
            state: State::Init,
        }
    }

    /// A group that goes on in the state of `before`.
    pub(super) fn after(config: SyncGroup, before: Option<&Self>) -> Self {
        let state = before.map_or(State::Init, |before| before.state);
        Self { config, state }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.config.name == name
    }
}

impl<K: Kernel> Router<K> {
    /// After anything that may have changed a member: the others follow.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some((name, whole)) = self.statics.poll_group() {
            let status = if whole { Status::Up } else { Status::Down };
            for member in &mut self.members {
                let what = (Kind::Static, name);
                member.track(what, status, &self.interfaces, &mut self.outside, now);
            }
        }
        for place in 0..self.groups.len() {
            self.share_lower(place, now);
            // Each order brings all members into one state, from which at most one more follows.
            for _ in 0..4 {
                let Some(order) = self.order(place) else {
                    break;
                };
                self.carry_out(place, order, now);
            }
            self.tell(place);
        }
        if !self.members.iter().any(Member::is_blocked) {
            self.check_filters_at = None;
        } else if self.check_filters_at.is_none() {
            self.check_filters_at = Some(now + FILTERS_LAST);
        }
        self.wait_for_addresses(now);
    }

    /// keepalived's order at the start: what a group begins with is told before its members. One
    /// with a member that has to wait for what it tracks is told after it, as ever.
    pub(super) fn tell_first(&mut self) {
        for place in 0..self.groups.len() {
            if let Some(to) = self.first_state(place) {
                self.tell_of(place, to);
            }
        }
    }

    /// What a group will be when its members have started; `None`: that is not known yet.
    fn first_state(&self, place: usize) -> Option<State> {
        let mut members = self.members_of(place).peekable();
        members.peek()?;
        if members.clone().any(|member| !member.may_begin()) {
            return None;
        }
        let is_faulty = members.any(|member| member.standing().has_own_fault);
        Some(if is_faulty {
            State::Fault
        } else {
            State::Backup
        })
    }

    fn members_of(&self, place: usize) -> impl Iterator<Item = &Member> + Clone {
        let members = self.groups.get(place).map(|group| &group.config.members);
        let places = members.into_iter().flatten();
        places.filter_map(|place| self.members.get(*place))
    }

    fn order(&self, place: usize) -> Option<Order> {
        group::order(self.members_of(place).map(Member::standing))
    }

    fn carry_out(&mut self, place: usize, order: Order, now: Instant) {
        let Some(group) = self.groups.get(place) else {
            return;
        };
        let (state, input) = match order {
            Order::Master => ("MASTER", Input::GroupMaster),
            Order::Backup => ("BACKUP", Input::GroupBackup),
            Order::Fault(true) => ("FAULT", Input::GroupFault(true)),
            Order::Fault(false) => ("BACKUP", Input::GroupFault(false)),
        };
        let name = &group.config.name;
        info!("VRRP_Group({name}) Syncing instances to {state} state");
        for place in &group.config.members {
            if let Some(member) = self.members.get_mut(*place) {
                member.handle(input, &self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// The network may have followed the worse master for the other members' addresses, too.
    fn share_lower(&mut self, place: usize, now: Instant) {
        let Some(group) = self.groups.get(place) else {
            return;
        };
        for heard in 0..group.config.members.len() {
            let who = group.config.members.get(heard).copied();
            let member = who.and_then(|who| self.members.get_mut(who));
            if !member.is_some_and(Member::take_heard_lower) {
                continue;
            }
            for other in group
                .config
                .members
                .iter()
                .filter(|other| Some(**other) != who)
            {
                if let Some(member) = self.members.get_mut(*other) {
                    let input = Input::GroupAnnounce;
                    member.handle(input, &self.interfaces, &mut self.outside, now);
                }
            }
        }
    }

    fn tell(&mut self, place: usize) {
        let to = group::state(&self.members_of(place).map(Member::standing));
        self.tell_of(place, to);
    }

    fn tell_of(&mut self, place: usize, to: State) {
        let Some(group) = self.groups.get_mut(place) else {
            return;
        };
        if std::mem::replace(&mut group.state, to) != to {
            (self.outside.listener)(News::Group { group: place, to });
        }
    }
}
