//! The server of a packet that its flow's first bucket does not answer: the flow stands in the
//! second bucket, or it is new, or nobody knows it.
//!
//! In subprograms, so that the way of packets whose flow is known stays short.

mod answer;
mod known;
mod question;

use core::ptr;

use lb_common::policy;
use lb_common::stats::Reason;

pub(crate) use answer::{Admission, Answer};
pub(crate) use known::{follow, twin_in};
pub(crate) use question::{Question, opens};

use crate::family::Family;
use crate::flows;
use crate::guard;
use crate::insertion;
use crate::maps::CONTROL;
use crate::schedule::{self, ALL_FULL, CONSISTENT, NOBODY};
use known::{TOO_MANY, known};

/// The server of a packet that the first bucket of its flow does not answer, and whose sender can be
/// answered.
///
/// Step by step, each a subprogram or two: all of it in one would be too much for the stack.
#[inline(always)]
pub(crate) fn admit<F: Family>(question: &Question<F>) -> Answer {
    match decide(question) {
        Ok(Admission(word)) => Answer(word.into()),
        Err(reason) => Answer::refused(reason),
    }
}

#[inline(always)]
fn decide<F: Family>(question: &Question<F>) -> Result<Admission, Reason> {
    match seek(question) {
        0 => {}
        TOO_MANY => return Err(Reason::SourceLimit),
        slot => return Ok(Admission(slot)),
    }
    let policy = schedule::policy(question.service.pool).ok_or(Reason::NoServer)?;
    if !opens::<F>(question.protocol, question.flags) {
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

/// The server of a flow that stands in its second bucket; 0: it does not, or it does not matter. Or
/// [`TOO_MANY`].
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
