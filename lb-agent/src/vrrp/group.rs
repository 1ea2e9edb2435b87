//! Sync groups: instances that are MASTER together or not at all (keepalived's
//! `vrrp_sync_group`; no RFC knows them). Only the decision; [`super::router`] carries it out.
//!
//! * A member's own fault is everybody's; all leave FAULT when nobody has one of its own.
//! * All become MASTER at the moment when the last of them wants to: one that could not must not
//!   be left without the others.
//! * One that is no longer MASTER takes the others with it.

use super::State;

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Its down timer has run out, and only the group holds it back.
    pub wants_master: bool,
    /// It has a fault that is not the group's.
    pub has_own_fault: bool,
}

/// What all members are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Become MASTER.
    Master,
    /// Who is MASTER: no longer.
    Backup,
    /// Somebody has a fault, or, with false, nobody has any longer.
    Fault(bool),
}

/// What brings the members together again; `None`: they are. Ask again after it is done.
pub fn order(members: impl Iterator<Item = Standing> + Clone) -> Option<Order> {
    let is = |state| move |member: Standing| member.state == state;
    let some = |state| members.clone().any(is(state));
    let takes_part = some(State::Backup) || some(State::Master);
    if members.clone().any(|member| member.has_own_fault) {
        return takes_part.then_some(Order::Fault(true));
    }
    if some(State::Fault) {
        return Some(Order::Fault(false));
    }
    if some(State::Master) && members.clone().any(|member| member.state != State::Master) {
        return Some(Order::Backup);
    }
    let mut members = members.peekable();
    members.peek()?;
    members
        .all(|member| member.state == State::Backup && member.wants_master)
        .then_some(Order::Master)
}

/// The state of the whole, for who wants one: that of all, FAULT if somebody has one, else BACKUP.
pub fn state(members: &(impl Iterator<Item = Standing> + Clone)) -> State {
    let all = |state| members.clone().all(|member| member.state == state);
    if all(State::Init) {
        State::Init
    } else if all(State::Master) {
        State::Master
    } else if members.clone().any(|member| member.state == State::Fault) {
        State::Fault
    } else {
        State::Backup
    }
}

#[cfg(test)]
mod tests;
