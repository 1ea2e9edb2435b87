//! `garp_group`: one pace for what all instances announce on several interfaces, for switches that
//! drop what comes too fast. Pure: frames in, frames out when it is their turn.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::settings::Family;
use crate::config::model::GarpGroup;

/// A frame that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The interface.
    pub index: u32,
    /// The instance whose address it is about, by its place.
    pub instance: usize,
    /// From the Ethernet header on.
    pub bytes: Vec<u8>,
}

/// The groups, and what waits for its turn in them.
#[derive(Debug, Default)]
pub struct Pace {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    interfaces: Vec<String>,
    arp: Lane,
    na: Lane,
}

/// One kind of frame.
#[derive(Debug)]
struct Lane {
    interval: Duration,
    not_before: Option<Instant>,
    waiting: VecDeque<Frame>,
    /// The same, to find one: after a takeover thousands may wait.
    known: HashSet<Frame>,
}

impl Lane {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            not_before: None,
            waiting: VecDeque::new(),
            known: HashSet::new(),
        }
    }

    fn may_send(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    fn due(&self) -> Option<Instant> {
        self.waiting.front()?;
        self.not_before
    }
}

impl Pace {
    /// Nothing waits.
    pub fn new(groups: &[GarpGroup]) -> Self {
        let group = |group: &GarpGroup| Group {
            interfaces: group.interfaces.clone(),
            arp: Lane::new(group.garp_interval),
            na: Lane::new(group.gna_interval),
        };
        Self {
            groups: groups.iter().map(group).collect(),
        }
    }

    /// Other groups from now on, and instances at other `places`, by the ones they had. What waits
    /// waits on, behind what its interface has sent; what is paced no longer is returned and goes at
    /// once. `name` is that of an interface: what waited for one that is gone is forgotten.
    pub fn replace<'a>(
        &mut self,
        groups: &[GarpGroup],
        places: &BTreeMap<usize, usize>,
        name: impl Fn(u32) -> Option<&'a str>,
    ) -> Vec<Frame> {
        let before = std::mem::replace(self, Self::new(groups));
        let mut free = Vec::new();
        for group in before.groups {
            for (family, lane) in [(Family::V4, group.arp), (Family::V6, group.na)] {
                for interface in &group.interfaces {
                    if let Some(next) = self.lane(interface, family) {
                        next.not_before = next.not_before.max(lane.not_before);
                    }
                }
                for frame in lane.waiting {
                    let place = places.get(&frame.instance).copied();
                    let Some((instance, interface)) = place.zip(name(frame.index)) else {
                        continue;
                    };
                    let frame = Frame { instance, ..frame };
                    if let Some(next) = self.lane(interface, family) {
                        // Its interface may have been renamed into another group.
                        next.not_before = next.not_before.max(lane.not_before);
                        self.wait(interface, family, frame);
                    } else {
                        free.push(frame);
                    }
                }
            }
        }
        free
    }

    /// Whether an announcement may go out on this interface `now`; if not, hand it to
    /// [`Self::wait`]. One that may counts as sent.
    pub fn may_send(&mut self, interface: &str, family: Family, now: Instant) -> bool {
        let Some(lane) = self.lane(interface, family) else {
            return true;
        };
        let may = lane.waiting.is_empty() && lane.may_send(now);
        if may {
            lane.not_before = now.checked_add(lane.interval);
        }
        may
    }

    /// An announcement that has to wait. One that waits already is not sent twice.
    pub fn wait(&mut self, interface: &str, family: Family, frame: Frame) {
        if let Some(lane) = self.lane(interface, family)
            && lane.known.insert(frame.clone())
        {
            lane.waiting.push_back(frame);
        }
    }

    /// An instance is no longer MASTER: it announces nothing.
    pub fn forget(&mut self, instance: usize) {
        for lane in self.lanes() {
            lane.waiting.retain(|frame| frame.instance != instance);
            lane.known.retain(|frame| frame.instance != instance);
        }
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let lanes = self.groups.iter().flat_map(|it| [&it.arp, &it.na]);
        lanes.filter_map(Lane::due).min()
    }

    /// The next frame that may go by `now`. Call until it gives `None`.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Option<Frame> {
        let lane = self
            .lanes()
            .find(|lane| lane.due().is_some_and(|at| at <= now))?;
        lane.not_before = now.checked_add(lane.interval);
        let frame = lane.waiting.pop_front()?;
        lane.known.remove(&frame);
        Some(frame)
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.groups
            .iter_mut()
            .flat_map(|it| [&mut it.arp, &mut it.na])
    }

    /// `None`: the interface is in no group, or its group has no pace for this.
    fn lane(&mut self, interface: &str, family: Family) -> Option<&mut Lane> {
        let mut groups = self.groups.iter_mut();
        let group = groups.find(|it| it.interfaces.iter().any(|name| name == interface))?;
        let lane = match family {
            Family::V4 => &mut group.arp,
            Family::V6 => &mut group.na,
        };
        (!lane.interval.is_zero()).then_some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    const TENTH: Duration = Duration::from_millis(100);

    fn pace() -> Pace {
        Pace::new(&[GarpGroup {
            garp_interval: TENTH,
            gna_interval: Duration::ZERO,
            interfaces: vec!["eth0".into(), "eth1".into()],
        }])
    }

    fn frame(index: u32, instance: usize) -> Frame {
        let bytes = vec![u8::try_from(index).unwrap()];
        Frame {
            index,
            instance,
            bytes,
        }
    }

    #[test]
    fn interfaces_of_a_group_take_turns_and_others_do_not_wait() {
        let (mut pace, start) = (pace(), clock::now());
        let v4 = Family::V4;
        assert!(pace.may_send("eth0", v4, start));
        assert!(!pace.may_send("eth1", v4, start), "one pace for both");
        pace.wait("eth1", v4, frame(3, 0));
        pace.wait("eth1", v4, frame(3, 0));
        pace.wait("eth0", v4, frame(2, 1));
        for _ in 0..3 {
            assert!(pace.may_send("eth2", v4, start), "in no group");
            assert!(pace.may_send("eth0", Family::V6, start), "no pace");
        }
        assert_eq!(pace.poll_timeout(), Some(start + TENTH));
        assert_eq!(pace.poll(start + TENTH / 2), None);
        // Who comes now does not go before those who wait.
        assert!(!pace.may_send("eth0", v4, start + TENTH));
        assert_eq!(pace.poll(start + TENTH), Some(frame(3, 0)));
        assert_eq!(pace.poll(start + TENTH), None, "and then a pause");
        assert_eq!(pace.poll(start + TENTH * 2), Some(frame(2, 1)));
        assert_eq!(pace.poll_timeout(), None, "the same frame waits once");
        assert!(pace.may_send("eth1", v4, start + TENTH * 3));
    }

    fn name(index: u32) -> Option<&'static str> {
        match index {
            2 => Some("eth0"),
            3 => Some("eth1"),
            _ => None,
        }
    }

    #[test]
    fn who_is_no_longer_master_announces_nothing() {
        let (mut pace, start) = (pace(), clock::now());
        assert!(pace.may_send("eth0", Family::V4, start));
        pace.wait("eth0", Family::V4, frame(2, 0));
        pace.wait("eth0", Family::V4, frame(3, 1));
        pace.forget(0);
        assert_eq!(pace.poll(start + TENTH), Some(frame(3, 1)));
    }

    #[test]
    fn a_reload_changes_no_turn_and_instances_keep_theirs_at_other_places() {
        let (mut pace, start) = (pace(), clock::now());
        assert!(pace.may_send("eth0", Family::V4, start));
        pace.wait("eth0", Family::V4, frame(2, 0));
        pace.wait("eth1", Family::V4, frame(3, 1));
        // An interface that is gone, an instance that has ended.
        pace.wait("eth0", Family::V4, frame(9, 1));
        pace.wait("eth0", Family::V4, frame(2, 7));
        let group = GarpGroup {
            garp_interval: TENTH * 5,
            gna_interval: Duration::ZERO,
            interfaces: vec!["eth1".into(), "eth0".into()],
        };
        let places = BTreeMap::from([(0, 4), (1, 0)]);
        assert_eq!(pace.replace(&[group], &places, name), []);
        assert!(!pace.may_send("eth1", Family::V4, start + TENTH / 2));
        assert_eq!(pace.poll_timeout(), Some(start + TENTH), "the turn it had");
        assert_eq!(pace.poll(start + TENTH), Some(frame(2, 4)));
        assert_eq!(pace.poll_timeout(), Some(start + TENTH * 6), "the new pace");
        assert_eq!(pace.poll(start + TENTH * 6), Some(frame(3, 0)));
        assert_eq!(pace.poll_timeout(), None);
    }

    #[test]
    fn a_frame_of_an_interface_that_was_renamed_into_another_group_has_its_turn_there() {
        let (mut pace, start) = (pace(), clock::now());
        assert!(pace.may_send("eth0", Family::V4, start));
        pace.wait("eth0", Family::V4, frame(2, 0));
        let group = |name: &str| GarpGroup {
            garp_interval: TENTH,
            gna_interval: Duration::ZERO,
            interfaces: vec![name.into()],
        };
        let places = BTreeMap::from([(0, 0)]);
        let groups = [group("eth0"), group("lan")];
        assert_eq!(pace.replace(&groups, &places, |_| Some("lan")), []);
        assert_eq!(pace.poll_timeout(), Some(start + TENTH));
        assert_eq!(pace.poll(start + TENTH), Some(frame(2, 0)));
        assert!(pace.may_send("lan", Family::V4, start + TENTH * 2));
    }

    #[test]
    fn what_is_paced_no_longer_goes_at_once() {
        let (mut pace, start) = (pace(), clock::now());
        assert!(pace.may_send("eth0", Family::V4, start));
        pace.wait("eth0", Family::V4, frame(2, 0));
        let places = BTreeMap::from([(0, 0)]);
        assert_eq!(pace.replace(&[], &places, name), [frame(2, 0)]);
        assert_eq!(pace.poll_timeout(), None);
        assert!(pace.may_send("eth0", Family::V4, start));
    }
}
