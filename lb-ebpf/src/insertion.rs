//! A new flow into the table: where, and what if another CPU is at the same.

use lb_common::control::Control;
use lb_common::flow::{FlowEntry, WAYS};

use crate::admission::{Question, twin_in};
use crate::family::Family;
use crate::flows::{self, Fresh, Place};

/// `place` if it is good, else the first good one in the second bucket, else the first one at all.
#[inline(always)]
pub(crate) fn better<F: Family>(
    question: &Question<F>,
    control: &Control,
    mut place: Place<F>,
    far: [*mut F::Bucket; 2],
    new: &Fresh<F>,
) -> Place<F> {
    for bucket in far {
        if place.is_good() || bucket.is_null() {
            break;
        }
        let other = flows::place::<F>(bucket, new, control, question.tick);
        if other.is_good() || !place.exists() {
            place = other;
        }
    }
    place
}

/// Writes a new flow over `place`; its slot, or that of the same flow if another CPU was quicker
/// to write it. `None`: there is no room.
#[inline(always)]
pub(crate) fn enter<F: Family>(
    question: &Question<F>,
    control: &Control,
    far: [*mut F::Bucket; 2],
    place: &Place<F>,
    new: &Fresh<F>,
) -> Option<u32> {
    // The flow's own entry may have come to life since it was looked at.
    if place.held == new.entry.key {
        match twin_in(question, place.bucket) {
            0 => {}
            slot => return Some(slot),
        }
    }
    let entry = place.entry(control);
    if flows::write::<F>(entry, place.held, new) {
        return Some(settle::<F>(question.near, far[0], far[1], entry, new));
    }
    match twin_in(question, place.bucket) {
        0 => None,
        slot => Some(slot),
    }
}

/// Two CPUs may have written one flow, each into a place of its own. Both look for the other's
/// entry when they have written theirs; at least the later one sees both, and the one that is
/// found first stays. What lies in a bucket behind our own is not searched: nobody will find it.
#[inline(never)]
fn settle<F: Family>(
    near: *mut F::Bucket,
    second: *mut F::Bucket,
    beside: *mut F::Bucket,
    ours: *mut FlowEntry,
    new: &Fresh<F>,
) -> u32 {
    for bucket in [near, second, beside] {
        if bucket.is_null() {
            break;
        }
        let mut passed = false;
        for way in 0..WAYS as u32 {
            let entry = flows::entry::<F>(bucket, way);
            if entry == ours {
                passed = true;
            } else if let Some(twin) = flows::read::<F>(entry, &new.key(), u64::MAX) {
                if passed {
                    flows::free(entry, new.entry.key);
                } else {
                    flows::free(ours, new.entry.key);
                    return twin.slot().into();
                }
            }
        }
        if passed {
            break;
        }
    }
    new.entry.slot().into()
}
