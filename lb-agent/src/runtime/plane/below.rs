//! Interfaces that have no native XDP of their own, but one below them (`dataplane::below`): the program
//! goes there, and knows their frames by their tags.

use std::collections::{BTreeMap, BTreeSet};

use lb_common::vlan::{Tag, VlanKey};

use super::{Plane, chain};
use crate::config::model::XdpMode;
use crate::dataplane::below::{Below, Native};
use crate::dataplane::port::{Driver, Need, Wanted};
use crate::dataplane::xdp::attach::{AttachError, Mode};
use crate::dataplane::xdp::maps::{Exit, MapsError};
use crate::net::ethtool;
use crate::net::link::{Link, LinkKind};

/// What is known of the interfaces below others.
#[derive(Default)]
pub(super) struct Lower {
    /// The interfaces that are served natively by one below them, which is that one's index.
    carried: BTreeMap<u32, u32>,
    /// Why others are not, which could be.
    reasons: BTreeMap<u32, String>,
    /// Interfaces that carry the program in generic mode, each with the one below it.
    generic: BTreeMap<u32, (Link, u32)>,
    /// Interfaces that took no program either when those above gave way, with their MTU at that time.
    futile: BTreeMap<u32, u32>,
    /// Interfaces that have refused a native program for somebody above, with their MTU at that time: each
    /// attempt may cost a card its link for a moment.
    refused: BTreeMap<u32, (u32, String)>,
    /// Why the program cannot know the frames of interfaces: its table has no room for their tags.
    untaken: BTreeMap<u32, String>,
}

impl Lower {
    /// The interface that serves this one natively from below.
    pub(super) fn carrier(&self, index: u32) -> Option<u32> {
        self.carried.get(&index).copied()
    }

    /// Why an interface is not served from below.
    pub(super) fn reason(&self, index: u32) -> Option<&String> {
        self.reasons.get(&index)
    }

    /// An interface is not served from below, or not wanted to be.
    pub(super) fn release(&mut self, index: u32) {
        self.carried.remove(&index);
        self.reasons.remove(&index);
    }

    /// Only these interfaces are wanted.
    pub(super) fn keep(&mut self, wanted: &[Wanted]) {
        let is_wanted = |index: &u32| wanted.iter().any(|it| it.link.index == *index);
        self.carried.retain(|index, _| is_wanted(index));
        self.reasons.retain(|index, _| is_wanted(index));
        self.untaken.retain(|index, _| is_wanted(index));
        self.generic.retain(|index, _| is_wanted(index));
    }

    /// Those above this one have given way to it in vain.
    pub(super) fn note_futile(&mut self, link: &Link) {
        self.futile.insert(link.index, link.mtu);
    }

    /// Whether it is of no use that those above this one give way.
    pub(super) fn is_futile(&self, link: &Link) -> bool {
        self.futile
            .get(&link.index)
            .is_some_and(|it| link.mtu >= *it)
    }

    /// An interface has generic mode, as long as the one below it does not serve it.
    pub(super) fn note_generic(&mut self, link: &Link, below: &Below) {
        let known = (link.clone(), below.link.index);
        self.generic.insert(link.index, known);
    }

    /// An interface is gone.
    pub(super) fn forget(&mut self, index: u32) {
        self.carried
            .retain(|above, below| *above != index && *below != index);
        self.reasons.remove(&index);
        self.refused.remove(&index);
        self.untaken.remove(&index);
        self.generic.remove(&index);
        self.futile.remove(&index);
    }
}

impl Plane {
    /// Sees to it that a native program meets the frames of an interface below it, or says why not.
    pub(super) fn provide_below(
        &mut self,
        wanted: &Wanted,
        below: &Below,
        mode: XdpMode,
    ) -> Result<(), String> {
        let index = wanted.link.index;
        let before = self.lower.carried.remove(&index);
        let outcome = match self.obstacle_below(wanted, below, mode) {
            Some(why) => Err(why),
            None => self.attach_below(wanted, below),
        };
        match &outcome {
            Ok(()) => {
                let (above, base) = (&wanted.link.name, below.link.index);
                self.lower.carried.insert(index, base);
                self.lower.reasons.remove(&index);
                if before != Some(base) {
                    let (what, base) = (below.what(), &below.link.name);
                    tracing::info!(
                        "{above} is {what}: the XDP program on {base} (native) has its frames"
                    );
                }
            }
            Err(why) => {
                self.lower.reasons.insert(index, why.clone());
            }
        }
        outcome
    }

    /// Why the program should not meet the frames of an interface below it.
    fn obstacle_below(&self, wanted: &Wanted, below: &Below, mode: XdpMode) -> Option<String> {
        if mode == XdpMode::Generic {
            return Some("`xdp_mode` is generic".to_owned());
        }
        if wanted.need != Need::Packets {
            return None;
        }
        let untaken = self.lower.untaken.get(&wanted.link.index);
        if let Some(why) = below.confused.as_ref().or(untaken) {
            return Some(why.clone());
        }
        let (above, what) = (&wanted.link.name, below.what());
        if below.arrivals.is_empty() {
            return Some(format!("{above} is {what}, which has no ports"));
        }
        // Where a veth has tags depends on its other end: its own setting is what the operator says of that.
        let outer = below.tags[0];
        let stripping = |it: &&Link| below.is_tagged() && self.strips(it.index, outer);
        let stripping = below.arrivals.iter().find(stripping)?.name.clone();
        Some(format!(
            "{above} is {what}, and {stripping} takes VLAN tags off before a native program sees them; \
             `ethtool -K {stripping} {} off` makes native mode possible",
            ethtool::stripping(outer)
        ))
    }

    /// Whether an interface takes tags like this one off, as far as is known.
    fn strips(&self, index: u32, tag: Tag) -> bool {
        let Some(ethtool) = &self.ethtool else {
            return true;
        };
        let answer = ethtool.borrow_mut().strips(index, tag);
        let answer = answer.inspect_err(|error| tracing::debug!("{error}"));
        answer.ok().flatten().unwrap_or(true)
    }

    fn attach_below(&mut self, wanted: &Wanted, below: &Below) -> Result<(), String> {
        let base = &below.link;
        let runs_already = self.attachments.mode(wanted.link.index) == Some(Mode::Generic);
        if let Some((mtu, why)) = self.lower.refused.get(&base.index)
            && (runs_already || wanted.need == Need::Driver)
            && base.mtu >= *mtu
        {
            return Err(why.clone());
        }
        match self.attach(base, XdpMode::Native) {
            // Generic mode has the kernel send, which is slower, and gets there.
            Ok(Mode::Native) if wanted.egress && self.takes_frames(base.index) == Some(false) => {
                let why = format!(
                    "{} takes no packets that an XDP program sends on to it",
                    base.name
                );
                let refusal = (base.mtu, why.clone());
                self.lower.refused.insert(base.index, refusal);
                Err(why)
            }
            Ok(Mode::Native) => {
                self.lower.refused.remove(&base.index);
                Ok(())
            }
            Ok(Mode::Generic) => Err(format!(
                "the program runs in generic mode on {}, below {}",
                base.name, wanted.link.name
            )),
            Err(error) => {
                let why = chain(&error);
                match error {
                    AttachError::Refused { .. } => {
                        let refusal = (base.mtu, why.clone());
                        self.lower.refused.insert(base.index, refusal);
                    }
                    // Another program there may go, and asking for the place costs the card nothing.
                    AttachError::Busy { .. } | AttachError::Object(_) | AttachError::Pin { .. } => {
                    }
                }
                Err(why)
            }
        }
    }

    /// The interfaces above one that carry the program in generic mode.
    pub(super) fn generic_above(&self, base: u32) -> Vec<Link> {
        let all = self.lower.generic.values().filter(|it| it.1 == base);
        let links = all.map(|(link, _)| link.clone());
        links
            .filter(|it| self.attachments.mode(it.index) == Some(Mode::Generic))
            .collect()
    }

    /// How packets leave by what is wanted. A generic program has the kernel put tags on; for a native one
    /// the driver below must be given them. `settled`: every program is where it can be.
    pub(super) fn exits(&self, wanted: &[Wanted], settled: bool) -> BTreeMap<u32, Exit> {
        let stay = settled.then(|| self.carriers(wanted));
        let wanted = wanted.iter().filter(|it| it.egress);
        let exit = |it: &Wanted| match &it.native {
            Native::Below(below) if self.leads_below(it, below, stay.as_ref()) => Exit {
                port: below.link.index,
                tags: below.tags,
            },
            Native::Itself | Native::Below(_) | Native::Nowhere(_) => Exit::itself(it.link.index),
        };
        wanted.map(|it| (it.link.index, exit(it))).collect()
    }

    /// `stay`: the interfaces that go on carrying the program, once every program is where it can be.
    fn leads_below(&self, wanted: &Wanted, below: &Below, stay: Option<&BTreeSet<u32>>) -> bool {
        let mode = |index| self.attachments.mode(index);
        match (mode(below.link.index), mode(wanted.link.index)) {
            (Some(Mode::Native), _) if stay.is_none_or(|it| it.contains(&below.link.index)) => true,
            (Some(_), _) | (None, Some(_)) => false,
            // A veth takes packets without a program.
            (None, None) => stay.is_none() || below.link.kind == LinkKind::Veth,
        }
    }

    /// The driver that has the frames of an interface, if that is another one's; `stay`: the interfaces that
    /// go on carrying the program.
    pub(super) fn driver(&self, wanted: &Wanted, stay: &BTreeSet<u32>) -> Option<Driver> {
        let Native::Below(below) = &wanted.native else {
            return None;
        };
        let is_below = self.lower.carrier(wanted.link.index).is_some()
            || wanted.egress && self.leads_below(wanted, below, Some(stay));
        let program = self.attachments.mode(below.link.index);
        is_below.then(|| Driver {
            index: below.link.index,
            name: below.link.name.clone(),
            kind: below.link.kind.clone(),
            program: program.ok_or_else(|| "nobody needs it there".to_owned()),
            what: below.what(),
        })
    }

    /// Which interfaces tagged frames belong to.
    fn vlans_of(&self, wanted: &[Wanted]) -> BTreeMap<VlanKey, u32> {
        let mut vlans = BTreeMap::new();
        for it in wanted.iter().filter(|it| it.need == Need::Packets) {
            let Native::Below(below) = &it.native else {
                continue;
            };
            if !below.is_tagged() || self.lower.carrier(it.link.index).is_none() {
                continue;
            }
            for key in keys(below) {
                // A macvlan on a VLAN has its frames with those of the VLAN.
                let is_vlan = matches!(it.link.kind, LinkKind::Vlan { .. });
                let place = vlans.entry(key).or_insert(it.link.index);
                if is_vlan {
                    *place = it.link.index;
                }
            }
        }
        vlans
    }

    /// Has the program take the tagged frames of what is wanted, besides those that it takes already. Gives the
    /// interfaces whose frames it does not, and why: none of theirs.
    pub(super) fn add_vlans<'a>(&mut self, wanted: &'a [Wanted]) -> Vec<(&'a Wanted, String)> {
        let mut vlans = self.maps.vlans();
        vlans.extend(self.vlans_of(wanted));
        let refused = match self.maps.set_vlans(&vlans) {
            Ok(()) => return Vec::new(),
            Err(MapsError::Vlans { refused }) => refused,
            Err(error) => {
                tracing::error!("{}", chain(&error));
                return Vec::new();
            }
        };
        let why = |it: &Wanted| {
            let (Native::Below(below), Some(_)) = (&it.native, self.lower.carrier(it.link.index))
            else {
                return None;
            };
            let mut its = keys(below);
            let is_refused = |key| refused.iter().find(|(other, _)| *other == key);
            let (_, why) = its.find_map(is_refused)?;
            let (above, what, base) = (&it.link.name, below.what(), &below.link.name);
            Some(format!(
                "{above} is {what}, and the program on {base} has no room for one more VLAN: {why}"
            ))
        };
        let untaken: Vec<_> = wanted
            .iter()
            .filter(|it| it.need == Need::Packets)
            .filter_map(|it| Some((it, why(it)?)))
            .collect();
        // Of a bond some ports may have had room.
        for (it, _) in &untaken {
            if let Native::Below(below) = &it.native {
                vlans.retain(|key, _| keys(below).all(|its| its != *key));
            }
        }
        self.set_vlans(&vlans);
        untaken
    }

    /// Has the program take the tagged frames of exactly what is wanted.
    pub(super) fn keep_vlans(&mut self, wanted: &[Wanted]) {
        let vlans = self.vlans_of(wanted);
        if self.maps.vlans().keys().any(|key| !vlans.contains_key(key)) {
            // There is room again.
            self.lower.untaken.clear();
        }
        self.set_vlans(&vlans);
    }

    fn set_vlans(&mut self, vlans: &BTreeMap<VlanKey, u32>) {
        if let Err(error) = self.maps.set_vlans(vlans) {
            tracing::error!("{}", chain(&error));
        }
    }

    /// The program meets the frames of an interface there, in generic mode, since the one below cannot know
    /// them.
    pub(super) fn leave_to_itself(&mut self, wanted: &Wanted, why: String) -> Result<Mode, String> {
        let link = &wanted.link;
        self.lower.release(link.index);
        let attached = self.attach_generic(link, &why);
        self.lower.reasons.insert(link.index, why.clone());
        self.lower.untaken.insert(link.index, why);
        attached.map_err(|error| chain(&error))
    }
}

/// The frames of an interface with tags, as the program knows them where they arrive; none without tags.
fn keys(below: &Below) -> impl Iterator<Item = VlanKey> {
    let [outer, inner] = below.tags;
    let arrivals = below.arrivals.iter().filter(|_| below.is_tagged());
    arrivals.map(move |it| VlanKey {
        ifindex: it.index,
        outer,
        inner,
    })
}
