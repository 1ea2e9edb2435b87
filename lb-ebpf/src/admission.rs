//! The server of a packet that its flow's first bucket does not answer: the flow stands in the
//! second bucket, or it is new, or nobody knows it.
//!
//! A subprogram, so that the way of packets whose flow is known stays short.

use lb_common::control::Control;
use lb_common::flow::{self, FlowBucket, FlowEntry, state, tcp};
use lb_common::service::{ServiceEntry, TCP};

use crate::backends;
use crate::flows::{self, Place};
use crate::insertion;
use crate::schedule;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) control: &'a Control,
    pub(crate) service: ServiceEntry,
    /// The first bucket of the flow.
    pub(crate) near: *mut FlowBucket,
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
    let near = question.near;
    let opens = opens(question.protocol, question.flags);
    let mut new = FlowEntry {
        key: question.key,
        target: 0,
        life: flow::life(question.first_state(), question.tick),
    };
    let syn = opens && question.protocol == TCP;
    let mut place = Place::NOWHERE;
    if syn {
        place = flows::place(near, &new, question.control, question.tick);
    }
    // A SYN that finds room in the first bucket leaves it at that: it would have to be the second
    // one of a connection for which there was none. Of UDP every packet might be the first.
    let mut far = insertion::UNSEEN;
    if !place.is_good() {
        let [_, second, beside] = flow::buckets(question.hash);
        far = [flows::bucket(second)?, flows::bucket(beside)?];
        for bucket in far {
            if let Some(slot) = known(question, bucket) {
                return Some(Admission(slot));
            }
        }
    }
    if opens {
        if !syn {
            place = flows::place(near, &new, question.control, question.tick);
        }
        let (slot, generation) =
            schedule::next(&question.service, question.client(), question.tick)?;
        new.target = flow::target(slot, generation);
        let place = insertion::better(question, place, far, &new);
        if place.exists()
            && let Some(slot) = insertion::enter(question, far, &place, &new)
        {
            return Some(Admission(slot | Admission::NEW));
        }
    }
    // A new flow that found no room in the table, or the middle of a connection that we do not
    // know. Nothing is remembered: the former goes on like this from its first packet to its
    // last, the latter is reset by a server that does not know it either.
    let slot = schedule::stateless(
        &question.service,
        question.client(),
        question.hash,
        question.tick,
    )?;
    let new = if opens { Admission::NEW } else { 0 };
    Some(Admission(u32::from(slot) | new | Admission::FORGOTTEN))
}

/// Whether a packet may be the first of a connection.
#[inline(always)]
pub(crate) const fn opens(protocol: u8, flags: u8) -> bool {
    protocol != TCP || flags & (tcp::SYN | tcp::RST) == tcp::SYN
}

impl Question<'_> {
    /// State of a flow that begins with this packet.
    #[inline(always)]
    const fn first_state(&self) -> u8 {
        if self.protocol == TCP {
            state::SYN_RECV
        } else {
            state::UDP
        }
    }

    /// Address of the client, network byte order.
    #[inline(always)]
    const fn client(&self) -> u32 {
        self.key as u32
    }
}

/// The slot of the flow, if it stands in this bucket and goes on.
#[inline(always)]
pub(crate) fn known(question: &Question<'_>, bucket: *mut FlowBucket) -> Option<u32> {
    match known_in(question, bucket) {
        0 => None,
        slot => Some(slot),
    }
}

/// [`known`] as a subprogram; 0: no.
#[inline(never)]
fn known_in(question: &Question<'_>, bucket: *mut FlowBucket) -> u32 {
    let Some((entry, old)) = flows::find(bucket, question.key) else {
        return 0;
    };
    if is_done(question, &old) {
        return 0;
    }
    match backends::read(old.slot()) {
        Some(slot) if slot.head.generation() == old.generation() => {
            note(question, entry, &old);
            old.slot().into()
        }
        _ => 0,
    }
}

/// The server of a known flow, unless that has ended, has timed out or has lost its server: the
/// packet is noted in the flow.
#[inline(always)]
pub(crate) fn follow(
    question: &Question<'_>,
    entry: *mut FlowEntry,
    old: &FlowEntry,
) -> Option<backends::Slot> {
    let Question { flags, tick, .. } = *question;
    // Most packets change nothing, not even the time of the last one.
    let quiet = flags & (tcp::FIN | tcp::SYN | tcp::RST) == 0
        && matches!(old.state(), state::ESTABLISHED | state::UDP)
        && old.life == flow::life(old.state(), tick);
    if !quiet && is_done(question, old) {
        return None;
    }
    let slot = backends::read(old.slot())?;
    if slot.head.generation() != old.generation() {
        return None;
    }
    if !quiet {
        note(question, entry, old);
    }
    Some(slot)
}

/// Whether the flow has timed out, or has ended and the packet opens another one.
#[inline(always)]
fn is_done(question: &Question<'_>, old: &FlowEntry) -> bool {
    let over = matches!(old.state(), state::FIN_WAIT | state::CLOSE);
    flows::expired(question.control, old, question.tick)
        || over && opens(question.protocol, question.flags)
}

/// Notes the packet in its flow.
#[inline(always)]
fn note(question: &Question<'_>, entry: *mut FlowEntry, old: &FlowEntry) {
    let state = if question.protocol == TCP {
        flow::after_client(old.state(), question.flags)
    } else {
        state::UDP
    };
    let first_in_tick = flows::touch(entry, old, flow::life(state, question.tick));
    let ServiceEntry {
        id, affinity_ticks, ..
    } = question.service;
    if first_in_tick && affinity_ticks != 0 {
        let (client, tick) = (question.client(), question.tick);
        schedule::keep(id, affinity_ticks, client, old.target, tick);
    }
}
