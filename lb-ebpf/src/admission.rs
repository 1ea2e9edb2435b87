//! The server of a packet that its flow's first bucket does not answer: the flow stands in the
//! second bucket, or it is new, or nobody knows it.
//!
//! A subprogram, so that the way of packets whose flow is known stays short.

use lb_common::control::Control;
use lb_common::flow::{self, FlowBucket, FlowEntry, WAYS, state, tcp};
use lb_common::service::{ServiceEntry, TCP};

use crate::backends;
use crate::flows::{self, Place};
use crate::schedule;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) control: &'a Control,
    pub(crate) service: ServiceEntry,
    /// Key of the flow.
    pub(crate) key: u64,
    /// Hash of its client.
    pub(crate) hash: u64,
    pub(crate) tick: u32,
    pub(crate) protocol: u8,
    /// TCP flags.
    pub(crate) flags: u8,
}

/// The answer in one word, as subprograms give it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Admission(u32);

impl Admission {
    /// Nobody serves.
    const NOBODY: Self = Self(0);
    const NEW: u32 = 1 << 16;
    const FORGOTTEN: u32 = 1 << 17;

    /// The slot of the server, if there is one.
    #[inline(always)]
    pub(crate) const fn slot(self) -> Option<u16> {
        match self.0 as u16 {
            0 => None,
            slot => Some(slot),
        }
    }

    /// Whether the packet opens a connection.
    #[inline(always)]
    pub(crate) const fn is_new(self) -> bool {
        self.0 & Self::NEW != 0
    }

    /// Whether the flow stands nowhere in the table.
    #[inline(always)]
    pub(crate) const fn is_forgotten(self) -> bool {
        self.0 & Self::FORGOTTEN != 0
    }
}

/// The server of a packet.
#[inline(never)]
pub(crate) fn admit(question: &Question<'_>) -> Admission {
    answer(question).unwrap_or(Admission::NOBODY)
}

#[inline(always)]
fn answer(question: &Question<'_>) -> Option<Admission> {
    let Question { key, tick, .. } = *question;
    let [first, second, beside] = flow::buckets(question.hash);
    let buckets = [
        flows::bucket(first)?,
        flows::bucket(second)?,
        flows::bucket(beside)?,
    ];
    let mut own = Place::NONE;
    if let Some(slot) = known(question, &buckets, &mut own) {
        return Some(Admission(u32::from(slot)));
    }
    let opens = opens(question.protocol, question.flags);
    if opens {
        let (slot, generation) = schedule::next(&question.service, question.client(), tick)?;
        let state = if question.protocol == TCP {
            state::SYN_RECV
        } else {
            state::UDP
        };
        let new = FlowEntry {
            key,
            target: flow::target(slot, generation),
            life: flow::life(state, tick),
        };
        if let Some(slot) = enter(question, &buckets, own, &new) {
            return Some(Admission(u32::from(slot) | Admission::NEW));
        }
    }
    // A new flow that found no room in the table, or the middle of a connection that we do not
    // know. Nothing is remembered: the former goes on like this from its first packet to its
    // last, the latter is reset by a server that does not know it either.
    let slot = schedule::stateless(&question.service, question.client(), question.hash, tick)?;
    let new = if opens { Admission::NEW } else { 0 };
    Some(Admission(u32::from(slot) | new | Admission::FORGOTTEN))
}

/// Whether a packet may be the first of a connection.
#[inline(always)]
pub(crate) const fn opens(protocol: u8, flags: u8) -> bool {
    protocol != TCP || flags & (tcp::SYN | tcp::RST) == tcp::SYN
}

impl Question<'_> {
    /// Address of the client, network byte order.
    #[inline(always)]
    const fn client(&self) -> u32 {
        self.key as u32
    }
}

/// The slot of the flow, if it stands in one of the buckets and goes on; `own`: where it stands
/// if it does not go on.
#[inline(always)]
fn known(
    question: &Question<'_>,
    buckets: &[*mut FlowBucket],
    own: &mut Place,
) -> Option<u16> {
    for (number, bucket) in buckets.iter().enumerate() {
        for way in 0..WAYS {
            let entry = flows::entry(*bucket, way);
            let Some(old) = flows::read(entry, question.key, u64::MAX) else {
                continue;
            };
            if follow(question, entry, &old).is_some() {
                return Some(old.slot());
            }
            if own.is_none() {
                *own = Place::own(entry, number, way, question.key);
            }
        }
    }
    None
}

/// The server of a known flow, unless that has ended, has timed out or has lost its server: the
/// packet is noted in the flow.
#[inline(always)]
pub(crate) fn follow(
    question: &Question<'_>,
    entry: *mut FlowEntry,
    old: &FlowEntry,
) -> Option<backends::Slot> {
    let Question {
        control,
        protocol,
        flags,
        tick,
        ..
    } = *question;
    let over = matches!(old.state(), state::FIN_WAIT | state::CLOSE);
    if flows::expired(control, old, tick) || over && opens(protocol, flags) {
        return None;
    }
    let slot = backends::read(old.slot())?;
    if slot.head.generation() != old.generation() {
        return None;
    }
    let state = if protocol == TCP {
        flow::after_client(old.state(), flags)
    } else {
        state::UDP
    };
    let first_in_tick = flows::touch(entry, old, flow::life(state, tick));
    let ServiceEntry {
        id, affinity_ticks, ..
    } = question.service;
    if first_in_tick && affinity_ticks != 0 {
        schedule::keep(id, affinity_ticks, question.client(), old.target, tick);
    }
    Some(slot)
}

/// Writes a new flow into the table; its slot, or that of the same flow that another CPU has
/// written meanwhile. `None`: there is no room.
#[inline(always)]
fn enter(
    question: &Question<'_>,
    buckets: &[*mut FlowBucket],
    own: Place,
    new: &FlowEntry,
) -> Option<u16> {
    let mut place = own;
    for (number, bucket) in buckets.iter().enumerate() {
        // The second bucket is two lines.
        if place.is_good() && number < 2 {
            break;
        }
        place = place.or_in((number, *bucket), new, question.control, question.tick);
    }
    if place.is_none() {
        return None;
    }
    if flows::write(place.entry, place.held, new) {
        Some(settle(buckets, place, new))
    } else {
        // Another CPU was quicker, perhaps with a packet of the same flow.
        let twin = buckets
            .iter()
            .find_map(|bucket| flows::find(*bucket, new.key));
        twin.map(|(_, twin)| twin.slot())
    }
}

/// Two CPUs may have written one flow, each into a place of its own. Both look for the other's
/// entry when they have written theirs; at least the later one sees both, and the entry that is
/// found first stays. Buckets behind the place are not searched: nobody looks there any more.
#[inline(always)]
fn settle(buckets: &[*mut FlowBucket], place: Place, new: &FlowEntry) -> u16 {
    for (number, bucket) in buckets.iter().enumerate() {
        if number > place.bucket {
            break;
        }
        for way in 0..WAYS {
            let ours = number == place.bucket && way == place.way;
            let entry = flows::entry(*bucket, way);
            let Some(twin) = flows::read(entry, new.key, u64::MAX).filter(|_| !ours) else {
                continue;
            };
            if number == place.bucket && way > place.way {
                flows::free(entry, new.key);
            } else {
                flows::free(place.entry, new.key);
                return twin.slot();
            }
        }
    }
    new.slot()
}
