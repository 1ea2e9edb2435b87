//! Flows that stand in the table: whether one goes on with this packet, and the note of it.

use lb_common::backend::{Head, flags};
use lb_common::control::Control;
use lb_common::flow::{self, FlowEntry, sctp, state, tcp};
use lb_common::stats::Reason;

use super::question::{Question, opens};
use crate::backends;
use crate::family::Family;
use crate::flows;
use crate::guard;
use crate::maps::CONTROL;
use crate::states;

/// The answer of [`known_in`] if the flow may not go on: its client has as many as it may.
pub(super) const TOO_MANY: u32 = 1 << 16;

/// The slot of the flow, if it stands in this bucket and goes on.
#[inline(always)]
pub(super) fn known<F: Family>(
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
        Some(slot) if slot.serves(&old, question.service.pool) => {
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
            if slot.serves(&old, question.service.pool) && !is_done(question, control, &old) =>
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
    let is_data = if F::SCTP {
        sctp::is_data(flags) && old.state() == sctp::ESTABLISHED
    } else {
        flags & (tcp::FIN | tcp::SYN | tcp::RST | tcp::ACK) == tcp::ACK
            && matches!(old.state(), state::ESTABLISHED | state::UDP)
    };
    let quiet = is_data && old.life == flow::life(old.state(), tick);
    if !quiet && is_done(question, control, old) {
        return Ok(None);
    }
    let Some(slot) = backends::read(old.slot()) else {
        return Ok(None);
    };
    if !slot.serves(old, question.service.pool) {
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
        || state::is_ended(old.state()) && opens::<F>(question.protocol, question.flags)
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
    let state = states::after::<F>(old.state(), question.flags, sender);
    let life = flow::life(state, question.tick);
    let Some(first_in_tick) = flows::touch(entry, old, life) else {
        return true;
    };
    let source = || F::source(&question.key);
    if !guard::note_change(old, source, state, question.tick) {
        flows::touch(entry, &FlowEntry { life, ..*old }, old.life);
        return false;
    }
    if question.service.persistent != 0
        && (first_in_tick || state != old.state())
        && state::is_seen_again(state)
    {
        F::keep_template(question, old.target);
    }
    true
}
