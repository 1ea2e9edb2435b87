//! The server of a packet that its flow's first bucket does not answer: the flow stands in the
//! second bucket, or it is new, or nobody knows it.
//!
//! In subprograms, so that the way of packets whose flow is known stays short.

use core::ptr;

use lb_common::backend::{Head, flags};
use lb_common::control::Control;
use lb_common::flow::{self, FlowEntry, state, tcp};
use lb_common::policy;
use lb_common::service::{ServiceEntry, TCP};
use lb_common::stats::Reason;

use crate::backends;
use crate::family::{Family, Key};
use crate::flows::{self, Fresh};
use crate::guard;
use crate::insertion;
use crate::maps::CONTROL;
use crate::schedule::{self, ALL_FULL, CONSISTENT, NOBODY};
use crate::states;

/// What is asked.
pub(crate) struct Question<F: Family> {
    pub(crate) service: ServiceEntry,
    /// The first bucket of the flow.
    pub(crate) near: *mut F::Bucket,
    /// Key of the flow.
    pub(crate) key: Key<F>,
    /// Address that it asks for, network byte order; of IPv6 its fold.
    pub(crate) destination: u32,
    pub(crate) tick: u32,
    pub(crate) protocol: u8,
    /// TCP flags; of a datagram ACK.
    pub(crate) flags: u8,
}

/// The answer in one word, as subprograms give it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Admission(u32);

impl Admission {
    const NEW: u32 = 1 << 16;
    const FORGOTTEN: u32 = 1 << 17;

    /// What [`Self::word`] was.
    #[inline(always)]
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The answer.
    #[inline(always)]
    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    /// The slot of the server.
    #[inline(always)]
    pub(crate) const fn slot(self) -> u16 {
        self.0 as u16
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

/// The server of a packet that the first bucket of its flow does not answer.
///
/// Step by step, each a subprogram or two: all of it in one would be too much for the stack.
#[inline(never)]
pub(crate) fn admit<F: Family>(question: &Question<F>) -> Answer {
    answer(question)
}

/// [`admit`] within the caller.
#[inline(always)]
pub(crate) fn answer<F: Family>(question: &Question<F>) -> Answer {
    match decide(question) {
        Ok(Admission(word)) => Answer(word.into()),
        Err(reason) => Answer::refused(reason),
    }
}

/// What [`admit`] says, in one word, as subprograms do.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Answer(u64);

impl Answer {
    const REFUSED: u64 = 1 << 31;

    /// What [`Self::word`] was.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The answer.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// There is no server.
    #[inline(always)]
    pub(crate) const fn refused(reason: Reason) -> Self {
        Self((reason as u64) << 32 | Self::REFUSED)
    }

    /// The server, or why there is none.
    #[inline(always)]
    pub(crate) fn result(self) -> Result<Admission, Reason> {
        const BAD_SOURCE: u32 = Reason::BadSource as u32;
        const FULL: u32 = Reason::Full as u32;
        const NEW_FLOW_LIMIT: u32 = Reason::NewFlowLimit as u32;
        const SOURCE_LIMIT: u32 = Reason::SourceLimit as u32;
        if self.0 & Self::REFUSED == 0 {
            return Ok(Admission(self.0 as u32));
        }
        Err(match (self.0 >> 32) as u32 {
            BAD_SOURCE => Reason::BadSource,
            FULL => Reason::Full,
            NEW_FLOW_LIMIT => Reason::NewFlowLimit,
            SOURCE_LIMIT => Reason::SourceLimit,
            _ => Reason::NoServer,
        })
    }
}

#[inline(always)]
fn decide<F: Family>(question: &Question<F>) -> Result<Admission, Reason> {
    match seek(question) {
        0 => {}
        TOO_MANY => return Err(Reason::SourceLimit),
        slot => return Ok(Admission(slot)),
    }
    if F::is_bad_source(question) {
        return Err(Reason::BadSource);
    }
    let policy = schedule::policy(question.service.id).ok_or(Reason::NoServer)?;
    if !opens(question.protocol, question.flags) {
        // The middle of a connection that we do not know. Nothing is remembered: it is reset by a
        // server that does not know it either.
        let server = schedule::stateless(question);
        if server != 0 && server & CONSISTENT == 0 {
            guard::pass_unknown(question, policy)?;
        }
        return without_trace(server, 0);
    }
    guard::pass(question, policy)?;
    let target = match schedule::next(question, policy) {
        NOBODY => return Err(Reason::NoServer),
        ALL_FULL => return Err(Reason::Full),
        target => target,
    };
    if policy.has(policy::flags::OPS) {
        return Ok(Admission(
            target & 0xffff | Admission::NEW | Admission::FORGOTTEN,
        ));
    }
    match seat(question, target) {
        // It found no room in the table, and goes on like this from its first packet to its last.
        0 => without_trace(schedule::stateless(question), Admission::NEW),
        slot => {
            guard::note_new(question, policy, slot as u16);
            Ok(Admission(slot | Admission::NEW))
        }
    }
}

/// The answer of [`seek`] if the flow may not go on: its client has as many as it may.
const TOO_MANY: u32 = 1 << 16;

/// The server of a flow that stands in its second bucket; 0: it does not, or it does not matter.
#[inline(never)]
fn seek<F: Family>(question: &Question<F>) -> u32 {
    let Some(control) = CONTROL.get(0) else {
        return 0;
    };
    // A SYN that finds room in the first bucket leaves it at that: it would have to be the second
    // one of a connection for which there was none. Of UDP every packet might be the first.
    if question.is_syn() {
        let new = question.entry(0);
        let place = flows::place::<F>(question.near, &new, control, question.tick);
        if place.is_good() {
            return 0;
        }
    }
    let [_, second, beside] = F::buckets(question.hash(control));
    for bucket in [second, beside] {
        if let Some(bucket) = F::bucket(bucket)
            && let Some(slot) = known(question, control, bucket)
        {
            return slot;
        }
    }
    0
}

/// Writes a new flow with its server into the table; its slot, or that which another CPU has given
/// it. 0: there is no room.
#[inline(never)]
fn seat<F: Family>(question: &Question<F>, target: u32) -> u32 {
    let new = question.entry(target);
    let Some(control) = CONTROL.get(0) else {
        return 0;
    };
    let place = flows::place::<F>(question.near, &new, control, question.tick);
    // The second bucket, as long as nobody has looked for it.
    let mut far = [ptr::null_mut(); 2];
    if !place.is_good() {
        let [_, second, beside] = F::buckets(question.hash(control));
        if let (Some(second), Some(beside)) = (F::bucket(second), F::bucket(beside)) {
            far = [second, beside];
        }
    }
    let place = insertion::better(question, control, place, far, &new);
    if !place.exists() {
        return 0;
    }
    insertion::enter(question, control, far, &place, &new).unwrap_or(0)
}

/// A packet that leaves no trace, and what [`schedule::stateless`] says of its server; `new`: what
/// else is to be said of it.
#[inline(always)]
const fn without_trace(server: u32, new: u32) -> Result<Admission, Reason> {
    match server & 0xffff {
        0 => Err(Reason::NoServer),
        slot => Ok(Admission(slot | new | Admission::FORGOTTEN)),
    }
}

/// Whether a packet may be the first of a connection.
#[inline(always)]
pub(crate) const fn opens(protocol: u8, flags: u8) -> bool {
    protocol != TCP || flags & (tcp::SYN | tcp::RST) == tcp::SYN
}

impl<F: Family> Question<F> {
    /// State of a flow that begins with this packet.
    #[inline(always)]
    pub(crate) const fn first_state(&self) -> u8 {
        if self.protocol == TCP {
            state::SYN_RECV
        } else {
            state::DATAGRAM
        }
    }

    /// Address of the client as schedulers hash it, network byte order.
    #[inline(always)]
    pub(crate) fn client(&self) -> u32 {
        F::folded(&self.key)
    }

    /// Hash of its client. Computed anew: what is remembered takes room on the stack.
    #[inline(always)]
    pub(crate) fn hash(&self, control: &Control) -> u64 {
        F::hash(&self.key, control.secret)
    }

    /// Port of the client, network byte order.
    #[inline(always)]
    pub(crate) const fn port(&self) -> u16 {
        self.key.port()
    }

    /// The flow that begins with this packet.
    #[inline(always)]
    const fn entry(&self, target: u32) -> Fresh<F> {
        Fresh {
            entry: FlowEntry {
                key: self.key.word,
                target,
                life: flow::life(self.first_state(), self.tick),
            },
            rest: self.key.rest,
        }
    }

    /// Whether it is a SYN that opens a connection.
    #[inline(always)]
    const fn is_syn(&self) -> bool {
        self.protocol == TCP && opens(self.protocol, self.flags)
    }
}

/// The slot of the flow, if it stands in this bucket and goes on.
#[inline(always)]
fn known<F: Family>(
    question: &Question<F>,
    control: &Control,
    bucket: *mut F::Bucket,
) -> Option<u32> {
    match known_in(question, control, bucket) {
        0 => None,
        slot => Some(slot),
    }
}

/// [`known`] as a subprogram; 0: no. Or [`TOO_MANY`].
#[inline(never)]
fn known_in<F: Family>(question: &Question<F>, control: &Control, bucket: *mut F::Bucket) -> u32 {
    let Some((entry, old)) = flows::find::<F>(bucket, &question.key) else {
        return 0;
    };
    if is_done(question, control, &old) {
        return 0;
    }
    match backends::read(old.slot()) {
        Some(slot) if slot.head.generation() == old.generation() => {
            if note(question, entry, &old, slot.head) {
                old.slot().into()
            } else {
                TOO_MANY
            }
        }
        _ => 0,
    }
}

/// [`known`] without a note of the packet, for who has less room on the stack: for a flow that
/// another CPU has made at the same moment.
#[inline(never)]
pub(crate) fn twin_in<F: Family>(question: &Question<F>, bucket: *mut F::Bucket) -> u32 {
    let (Some(control), Some((_, old))) = (CONTROL.get(0), flows::find::<F>(bucket, &question.key))
    else {
        return 0;
    };
    match backends::read(old.slot()) {
        Some(slot)
            if slot.head.generation() == old.generation() && !is_done(question, control, &old) =>
        {
            old.slot().into()
        }
        _ => 0,
    }
}

/// The server of a known flow, unless that has ended, has timed out or has lost its server: the
/// packet is noted in the flow. Or why the flow may not go on.
#[inline(always)]
pub(crate) fn follow<F: Family>(
    question: &Question<F>,
    control: &Control,
    entry: *mut FlowEntry,
    old: &FlowEntry,
) -> Result<Option<backends::Slot>, Reason> {
    let Question { flags, tick, .. } = *question;
    // Most packets change nothing, not even the time of the last one.
    let quiet = flags & (tcp::FIN | tcp::SYN | tcp::RST | tcp::ACK) == tcp::ACK
        && matches!(old.state(), state::ESTABLISHED | state::UDP)
        && old.life == flow::life(old.state(), tick);
    if !quiet && is_done(question, control, old) {
        return Ok(None);
    }
    let Some(slot) = backends::read(old.slot()) else {
        return Ok(None);
    };
    if slot.head.generation() != old.generation() {
        return Ok(None);
    }
    if !quiet && !note(question, entry, old, slot.head) {
        return Err(Reason::SourceLimit);
    }
    Ok(Some(slot))
}

/// Whether the flow has timed out, or has ended and the packet opens another one.
#[inline(always)]
fn is_done<F: Family>(question: &Question<F>, control: &Control, old: &FlowEntry) -> bool {
    flows::expired(control, old, question.tick)
        || state::is_ended(old.state()) && opens(question.protocol, question.flags)
}

/// Notes the packet in its flow, whose server has this head; `false`: the flow may not go on, and
/// stays as it was.
#[inline(always)]
fn note<F: Family>(
    question: &Question<F>,
    entry: *mut FlowEntry,
    old: &FlowEntry,
    server: Head,
) -> bool {
    let sender = if server.flags() & flags::METHOD == flags::NAT {
        states::SEEN_CLIENT
    } else {
        states::CLIENT
    };
    let state = states::after(old.state(), question.flags, sender);
    let life = flow::life(state, question.tick);
    let Some(first_in_tick) = flows::touch(entry, old, life) else {
        return true;
    };
    let source = || F::source(&question.key);
    if !guard::note_change(old, source, state, question.tick) {
        flows::touch(entry, &FlowEntry { life, ..*old }, old.life);
        return false;
    }
    let affinity_ticks = question.service.affinity_ticks;
    if affinity_ticks != 0 && (first_in_tick || state != old.state()) && state::is_seen_again(state)
    {
        F::keep_template(question, old.target);
    }
    true
}
