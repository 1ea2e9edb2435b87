//! The flow table: find, refresh, insert. The layout and its rules stand in `lb_common::flow`.

use core::arch::asm;
use core::ptr;

use lb_common::control::Control;
use lb_common::flow::{BUSY, FLOW_STATES, FREE, FlowBucket, FlowEntry, STAMP_MASK, WAYS, state};

use crate::maps::FLOWS4;

/// The bucket with this number.
#[inline(always)]
pub(crate) fn bucket(number: u32) -> Option<*mut FlowBucket> {
    FLOWS4.get_ptr_mut(number)
}

/// One entry of a bucket; `way` is below [`WAYS`].
#[inline(always)]
pub(crate) fn entry(bucket: *mut FlowBucket, way: usize) -> *mut FlowEntry {
    // SAFETY: the caller keeps `way` below the length of the array.
    unsafe { bucket.cast::<FlowEntry>().add(way) }
}

/// Whether `entry` has outlived the time-out of its state.
#[inline(always)]
pub(crate) fn expired(control: &Control, entry: &FlowEntry, tick: u32) -> bool {
    entry.age(tick) > control.timeouts[usize::from(entry.state()) & (FLOW_STATES - 1)]
}

/// Reads an entry that another CPU may be writing: all of it or nothing.
#[inline(always)]
pub(crate) fn read(entry: *const FlowEntry, wanted: u64, bits: u64) -> Option<FlowEntry> {
    // SAFETY: `entry` points into a bucket; every field is a word that the machine reads at once.
    unsafe {
        let key = (&raw const (*entry).key).read_volatile();
        if key & bits != wanted {
            return None;
        }
        let target = (&raw const (*entry).target).read_volatile();
        let life = (&raw const (*entry).life).read_volatile();
        if (&raw const (*entry).key).read_volatile() != key {
            return None;
        }
        Some(FlowEntry { key, target, life })
    }
}

/// The entry of `key` in `bucket`, and what it says.
#[inline(always)]
pub(crate) fn find(bucket: *mut FlowBucket, key: u64) -> Option<(*mut FlowEntry, FlowEntry)> {
    for way in 0..WAYS {
        let entry = entry(bucket, way);
        if let Some(read) = read(entry, key, u64::MAX) {
            return Some((entry, read));
        }
    }
    None
}

/// Notes a packet of a known flow; whether that is the first one in this tick. The line stays
/// clean while neither state nor tick change.
#[inline(always)]
pub(crate) fn touch(entry: *mut FlowEntry, old: &FlowEntry, life: u32) -> bool {
    if life == old.life {
        return false;
    }
    // SAFETY: `entry` points into a bucket. Should it have changed hands meanwhile, its new
    // owner gets our age and state, which the next packet mends.
    unsafe { (&raw mut (*entry).life).write_volatile(life) };
    (life ^ old.life) & STAMP_MASK != 0
}

/// How readily an entry is given up: 0 never, then UDP, half-open, closed, free or timed out.
#[inline(always)]
fn readiness(control: &Control, entry: &FlowEntry, new: &FlowEntry, tick: u32) -> u32 {
    if entry.key == FREE || expired(control, entry, tick) {
        return 4 << 24;
    }
    let class: u32 = match entry.state() {
        state::CLOSE | state::FIN_WAIT => 3,
        state::SYN_RECV | state::NONE => 2,
        // Nor can a flood of SYNs push out UDP flows.
        state::UDP if new.state() == state::UDP => 1,
        _ => return 0,
    };
    // Of one kind the oldest goes first; the age of a live entry fits the 24 bits.
    class << 24 | entry.age(tick)
}

/// An entry that may be written over, or none: the null pointer stands for an `Option`, which
/// would leave the other words unset, and the verifier sees them copied.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) entry: *mut FlowEntry,
    /// Number of the bucket among those of the flow.
    pub(crate) bucket: usize,
    /// Number of the entry in the bucket.
    pub(crate) way: usize,
    /// The key it has.
    pub(crate) held: u64,
    /// How readily it is given up.
    ready: u32,
}

impl Place {
    /// No entry at all.
    pub(crate) const NONE: Self = Self {
        entry: ptr::null_mut(),
        bucket: 0,
        way: 0,
        held: FREE,
        ready: 0,
    };

    /// Whether there is none.
    #[inline(always)]
    pub(crate) const fn is_none(&self) -> bool {
        self.entry.is_null()
    }

    /// An entry that is the flow's own and worth nothing any more.
    #[inline(always)]
    pub(crate) const fn own(entry: *mut FlowEntry, bucket: usize, way: usize, key: u64) -> Self {
        Self {
            entry,
            bucket,
            way,
            held: key,
            ready: u32::MAX,
        }
    }

    /// Whether nobody is pushed out but a flow that has not begun or is over: for such a place no
    /// other bucket is asked.
    #[inline(always)]
    pub(crate) const fn is_good(&self) -> bool {
        self.ready >= 2 << 24
    }

    /// The place that is missed least: this one, or one in the bucket with this number. A fresh
    /// established connection is never given up.
    #[inline(always)]
    pub(crate) fn or_in(
        mut self,
        (number, bucket): (usize, *mut FlowBucket),
        new: &FlowEntry,
        control: &Control,
        tick: u32,
    ) -> Self {
        for way in 0..WAYS {
            let entry = entry(bucket, way);
            // SAFETY: the entry lies in the map; a torn read costs a worse choice, no more, since
            // `write` only succeeds on the key that was read.
            let old = unsafe { entry.read_volatile() };
            let ready = readiness(control, &old, new, tick);
            if old.key != BUSY && ready > self.ready {
                self = Self {
                    entry,
                    bucket: number,
                    way,
                    held: old.key,
                    ready,
                };
            }
        }
        self
    }
}

/// Writes a flow over `entry`, whose key was `held`; `false` when another CPU was quicker.
#[inline(always)]
pub(crate) fn write(entry: *mut FlowEntry, held: u64, new: &FlowEntry) -> bool {
    // SAFETY: `entry` points into a bucket, and keys are aligned to eight bytes. Between the two
    // exchanges it is ours, but for the `life` that `touch` may still be writing.
    unsafe {
        let key = &raw mut (*entry).key;
        if compare_exchange(key, held, BUSY) != held {
            return false;
        }
        (&raw mut (*entry).target).write_volatile(new.target);
        (&raw mut (*entry).life).write_volatile(new.life);
        // An exchange, not a store: it keeps the value before the key where the machine reorders.
        compare_exchange(key, BUSY, new.key);
    }
    true
}

/// Frees `entry` if it still is that of `key`.
#[inline(always)]
pub(crate) fn free(entry: *mut FlowEntry, key: u64) {
    // SAFETY: `entry` points into a bucket, and keys are aligned to eight bytes.
    unsafe { compare_exchange(&raw mut (*entry).key, key, FREE) };
}

/// `BPF_CMPXCHG` (kernel 5.12), fully ordered: what the word held before. The BPF target of
/// `core` offers no atomic of its own.
///
/// # Safety
///
/// `word` points to eight aligned bytes of a map.
#[inline(always)]
pub(crate) unsafe fn compare_exchange(word: *mut u64, expected: u64, new: u64) -> u64 {
    let held: u64;
    // SAFETY: by contract; the instruction compares with r0 and leaves the old value there.
    unsafe {
        asm!(
            "r0 = cmpxchg_64({word} + 0, r0, {new})",
            word = in(reg) word,
            new = in(reg) new,
            inlateout("r0") expected => held,
        );
    }
    held
}
