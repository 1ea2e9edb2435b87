//! Watches over the VRRP thread: one that hangs advertises nothing, and its host goes on to answer for
//! addresses that another router has taken.

use std::time::Duration;

use tracing::{error, info};

use super::Supervisor;
use super::residue;
use crate::vrrp::driver::Handle;
use crate::vrrp::{Change, News, State};

/// So long after its time the thread is not just late: no priority and no load explains it.
const OVERDUE: Duration = Duration::from_secs(2);

/// Beats of the agent in a row after which it is said, and after which the agent gives up. They are
/// its own: a process that was stopped as a whole, or a machine that slept, has missed them too.
const SAID: u32 = 3;
const LOST: u32 = 15;

/// How long what a hanging thread holds may take to be removed: what it hangs in may hold that up,
/// too.
const REMOVAL: Duration = Duration::from_secs(5);

/// What the agent has seen of the thread.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    overdue: u32,
}

/// What a beat brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It runs; or it does not, and that was said.
    Nothing,
    /// It does not run.
    Silent,
    /// It runs again.
    Back,
    /// It is given up.
    Lost,
}

impl Vigil {
    /// A beat of the agent; the thread has been due for so long.
    fn beat(&mut self, overdue: Duration) -> Seen {
        if overdue < OVERDUE {
            let before = std::mem::take(&mut self.overdue);
            return if before >= SAID {
                Seen::Back
            } else {
                Seen::Nothing
            };
        }
        self.overdue = self.overdue.saturating_add(1);
        match self.overdue {
            SAID => Seen::Silent,
            LOST.. => Seen::Lost,
            _ => Seen::Nothing,
        }
    }

    const fn is_lost(&self) -> bool {
        self.overdue >= LOST
    }
}

impl Supervisor {
    /// Looks after the thread, once a second.
    pub(super) fn watch_vrrp(&mut self) {
        let Some(vrrp) = &self.vrrp else { return };
        let overdue = vrrp.overdue();
        let seconds = overdue.as_secs();
        match self.vigil.beat(overdue) {
            Seen::Nothing => {}
            Seen::Silent => error!(
                "the VRRP thread does not answer, for {seconds} s now: this router sends no adverts, \
                 and others become MASTER; the agent waits {} s more",
                LOST - SAID
            ),
            Seen::Back => info!("the VRRP thread answers again"),
            Seen::Lost => error!(
                "the VRRP thread has not answered for {seconds} s, which is a fault of lb-agent or \
                 of the kernel (`cat /proc/{}/task/*/stack` shows in what it waits there): leaving \
                 the virtual routers",
                std::process::id()
            ),
        }
    }

    /// Whether the thread was given up.
    pub(super) const fn vrrp_is_lost(&self) -> bool {
        self.vigil.is_lost()
    }

    /// The end of VRRP: the others hear of it, or, of a thread that hangs or has not released
    /// everything, what it holds is taken from it.
    pub(super) fn stop_vrrp(&mut self, vrrp: Handle) {
        let view = vrrp.view();
        let (mut setups, places) = self.may_be_set();
        vrrp.name_vmacs(&mut setups);
        if self.vigil.is_lost() {
            vrrp.abandon();
        } else if vrrp.stop() {
            return;
        }
        let gate = self.planes.gate(&self.director);
        for place in 0..places {
            gate.disarm(place);
        }
        residue::remove_within(setups, REMOVAL);
        // What it has said itself comes first.
        self.hear_out();
        let status = view.status();
        let last = status.iter();
        let last = last.map(|it| (it.name.as_str(), it.state, it.effective_priority));
        let last: Vec<_> = last.collect();
        for change in ends(&last, &self.places) {
            self.telling.handle_news(&News::Changed(change));
        }
        let members = status.iter();
        let members = members.filter_map(|it| Some((it.sync_group.as_deref()?, it.state)));
        let members: Vec<_> = members.collect();
        let names: Vec<&str> = self.telling.groups().collect();
        for group in groups_that_end(&members, &names) {
            let to = State::Init;
            self.telling.handle_news(&News::Group { group, to });
        }
    }
}

/// The same of sync groups: those with a member that has not ended by itself, by their places among
/// `names`. `members`: the group of each, and its state.
fn groups_that_end(members: &[(&str, State)], names: &[&str]) -> Vec<usize> {
    let goes_on = |(_, name): &(usize, &str)| {
        let mut members = members.iter();
        members.any(|(of, state)| of == name && *state != State::Init)
    };
    let names = names.iter().copied().enumerate();
    names.filter(goes_on).map(|(place, _)| place).collect()
}

/// What the thread would have said of instances that have not ended by its hand: their names, states
/// and priorities, and the names at the places that others know.
fn ends(instances: &[(&str, State, u8)], places: &[String]) -> Vec<Change> {
    let end = |&(of, from, priority): &(&str, State, u8)| {
        let instance = places.iter().position(|name| name == of)?;
        let to = State::Init;
        (from != to).then_some(Change {
            instance,
            from,
            to,
            priority,
        })
    };
    instances.iter().filter_map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_thread_that_stays_away_is_said_once_and_then_given_up() {
        let mut vigil = Vigil::default();
        let seen: Vec<Seen> = (0..LOST).map(|_| vigil.beat(LONG)).collect();
        let said = seen.iter().position(|it| *it == Seen::Silent);
        assert_eq!((said, seen.last()), (Some(2), Some(&Seen::Lost)));
        assert_eq!(seen.iter().filter(|it| **it != Seen::Nothing).count(), 2);
        assert!(vigil.is_lost());
    }

    #[test]
    fn one_look_at_a_machine_that_slept_means_nothing_and_who_comes_back_is_said() {
        let mut vigil = Vigil::default();
        assert_eq!(vigil.beat(LONG), Seen::Nothing);
        assert_eq!(vigil.beat(Duration::ZERO), Seen::Nothing);
        for _ in 0..5 {
            vigil.beat(LONG);
        }
        assert_eq!(vigil.beat(Duration::from_millis(1900)), Seen::Back);
        assert_eq!(vigil.beat(Duration::ZERO), Seen::Nothing);
    }

    #[test]
    fn a_group_ends_once_and_only_if_a_member_of_it_has_not_ended_by_itself() {
        let members = [
            ("G1", State::Init),
            ("G1", State::Init),
            ("G3", State::Master),
            ("G3", State::Init),
            ("G2", State::Fault),
        ];
        let names = ["G1", "G2", "G3", "empty"];
        assert_eq!(groups_that_end(&members, &names), [1, 2]);
    }

    #[test]
    fn who_has_not_ended_by_itself_is_said_to_have_at_the_place_that_others_know() {
        let places = ["a", "b", "c"].map(str::to_owned);
        let last = [
            ("c", State::Master, 150),
            ("a", State::Init, 100),
            ("b", State::Backup, 90),
            ("new", State::Master, 1),
        ];
        let said = ends(&last, &places);
        let said: Vec<_> = said
            .iter()
            .map(|it| (it.instance, it.from, it.to))
            .collect();
        let expected = [
            (2, State::Master, State::Init),
            (1, State::Backup, State::Init),
        ];
        assert_eq!(said, expected);
    }
}
