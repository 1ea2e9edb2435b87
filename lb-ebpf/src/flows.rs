//! The flow table: find, refresh, insert. The layout and its rules stand in `lb_common::flow`.

use core::arch::asm;

use lb_common::control::Control;
use lb_common::flow::{BUSY, FLOW_STATES, FREE, FlowEntry, STAMP_MASK, WAYS, eviction, value};

use crate::family::{Family, Key};

/// One entry of a bucket; `way` is below [`WAYS`].
#[inline(always)]
pub(crate) fn entry<F: Family>(bucket: *mut F::Bucket, way: u32) -> *mut FlowEntry {
    // SAFETY: the caller keeps `way` below the length of the array.
    unsafe { bucket.cast::<F::Entry>().add(way as usize).cast() }
}

/// Whether `entry` has outlived the time-out of its state.
#[inline(always)]
pub(crate) fn expired(control: &Control, entry: &FlowEntry, tick: u32) -> bool {
    let life = control.timeouts[usize::from(entry.state()) & (FLOW_STATES - 1)];
    entry.is_older(tick, life)
}

/// Reads an entry that another CPU may be writing: all of it or nothing.
#[inline(always)]
pub(crate) fn read<F: Family>(
    entry: *const FlowEntry,
    wanted: &Key<F>,
    bits: u64,
) -> Option<FlowEntry> {
    // SAFETY: `entry` points into a bucket; every field is a word that the machine reads at once.
    unsafe {
        let key = (&raw const (*entry).key).read_volatile();
        if key & bits ^ wanted.word | F::differs(entry, &wanted.rest) != 0 {
            return None;
        }
        let target = (&raw const (*entry).target).read_volatile();
        let life = (&raw const (*entry).life).read_volatile();
        // The key first, then the rest. Another client may have the same key: whoever finds his value
        // here, and the key again, finds his rest, too. See `write`.
        let again = (&raw const (*entry).key).read_volatile();
        if again ^ key | F::differs(entry, &wanted.rest) != 0 {
            return None;
        }
        Some(FlowEntry { key, target, life })
    }
}

/// The entry of `key` in `bucket`, and what it says.
#[inline(always)]
pub(crate) fn find<F: Family>(
    bucket: *mut F::Bucket,
    key: &Key<F>,
) -> Option<(*mut FlowEntry, FlowEntry)> {
    for way in 0..WAYS as u32 {
        let entry = entry::<F>(bucket, way);
        if let Some(read) = read::<F>(entry, key, u64::MAX) {
            return Some((entry, read));
        }
    }
    None
}

/// Notes a packet of a known flow; whether that is the first one in this tick. `None`: nothing was
/// noted, since the entry has changed hands meanwhile, or another CPU has just noted a packet of the
/// same flow. The line stays clean while neither state nor tick change.
#[inline(always)]
pub(crate) fn touch(entry: *mut FlowEntry, old: &FlowEntry, life: u32) -> Option<bool> {
    if life == old.life {
        return Some(false);
    }
    let (before, after) = (value(old.target, old.life), value(old.target, life));
    // SAFETY: `entry` points into a bucket, and its value is aligned to eight bytes.
    unsafe {
        let word: *mut u64 = (&raw mut (*entry).target).cast();
        let found = compare_exchange(word, before, after);
        if found != before {
            // A FIN must not be lost because another CPU has stamped the flow: once more, if nothing
            // but the stamp differs. A stamp itself is not worth it.
            let only_stamp = (found ^ before) & !value(0, STAMP_MASK) == 0;
            let is_same = only_stamp && (&raw const (*entry).key).read_volatile() == old.key;
            let is_news = (life ^ old.life) & !STAMP_MASK != 0;
            if !is_same || !is_news || compare_exchange(word, found, after) != found {
                return None;
            }
        }
    }
    Some((life ^ old.life) & STAMP_MASK != 0)
}

/// A flow that begins.
#[derive(Clone, Copy)]
pub(crate) struct Fresh<F: Family> {
    pub(crate) entry: FlowEntry,
    /// What its key does not hold.
    pub(crate) rest: F::Rest,
}

impl<F: Family> Fresh<F> {
    /// Its key.
    #[inline(always)]
    pub(crate) const fn key(&self) -> Key<F> {
        Key {
            word: self.entry.key,
            rest: self.rest,
        }
    }
}

/// How readily an entry is given up; 0: not at all. `place`: where it stands.
#[inline(always)]
fn readiness<F: Family>(
    control: &Control,
    place: *const FlowEntry,
    entry: &FlowEntry,
    new: &Fresh<F>,
    tick: u32,
) -> u32 {
    const DEAD: u32 = eviction::DEAD << 24;
    const OWN: u32 = eviction::OWN << 24;
    match entry.key {
        FREE => DEAD,
        BUSY => 0,
        key if key ^ new.entry.key | F::differs(place, &new.rest) == 0 => OWN,
        _ if expired(control, entry, tick) => DEAD,
        _ => {
            let lag = entry.lag(tick);
            match eviction::class(entry.state(), lag, control.patience(), new.entry.state()) {
                eviction::KEPT => 0,
                // Of one kind the oldest goes first.
                class => class << 24 | lag,
            }
        }
    }
}

/// An entry that may be written over, or none.
#[derive(Clone, Copy)]
pub(crate) struct Place<F: Family> {
    pub(crate) bucket: *mut F::Bucket,
    /// How readily it is given up, and, in the last two bits, which one it is.
    rank: u64,
    /// The key that it had.
    pub(crate) held: u64,
}

impl<F: Family> Place<F> {
    /// Whether there is one.
    #[inline(always)]
    pub(crate) const fn exists(&self) -> bool {
        self.rank > 3
    }

    /// Whether nobody is pushed out who has just come: for such a place no other bucket is asked.
    #[inline(always)]
    pub(crate) const fn is_good(&self) -> bool {
        self.rank >= (eviction::ONCE as u64) << 26
    }

    /// The entry.
    #[inline(always)]
    pub(crate) fn entry(&self, control: &Control) -> *mut FlowEntry {
        match (3 - (self.rank as u32 ^ zero(control))) & 3 {
            0 => opaque(entry::<F>(self.bucket, 0)),
            1 => opaque(entry::<F>(self.bucket, 1)),
            2 => opaque(entry::<F>(self.bucket, 2)),
            _ => opaque(entry::<F>(self.bucket, 3)),
        }
    }
}

/// The place in `bucket` that is missed least. A fresh established connection is never given up.
#[inline(always)]
pub(crate) fn place<F: Family>(
    bucket: *mut F::Bucket,
    new: &Fresh<F>,
    control: &Control,
    tick: u32,
) -> Place<F> {
    let zero = zero(control);
    let (mut best, mut held) = (0, FREE);
    for way in 0..WAYS as u32 {
        let place = entry::<F>(bucket, way);
        // SAFETY: the entry lies in the map; a torn read costs a worse choice, no more, since
        // `write` only succeeds on the key that was read.
        let old = unsafe { place.read_volatile() };
        // Of two that are missed alike the first goes.
        let rank = (readiness::<F>(control, place, &old, new, tick) << 2 | (3 - way)) ^ zero;
        if rank > best {
            (best, held) = (rank, old.key);
        }
    }
    Place {
        bucket,
        rank: best.into(),
        held,
    }
}

/// Zero, since jiffies fit 62 bits, but the verifier does not know. Whatever it is added to may be
/// any number then, so that all entries are alike to the verifier until one is chosen: it need not
/// follow each of them through all that comes after.
#[inline(always)]
pub(crate) const fn zero(control: &Control) -> u32 {
    ((control.heartbeat >> 62) as u32).wrapping_mul(0x5555_5555)
}

/// The same entry, of which the compiler does not know which one it is: it would compute the
/// address out of the number of the way, and the verifier would want to know that number.
#[inline(always)]
fn opaque(entry: *mut FlowEntry) -> *mut FlowEntry {
    let mut same = entry;
    // SAFETY: it does nothing.
    unsafe { asm!("{0} = {0}", inout(reg) same) };
    same
}

/// Writes a flow over `entry`, whose key was `held`; `false` when another CPU was quicker.
#[inline(always)]
pub(crate) fn write<F: Family>(entry: *mut FlowEntry, held: u64, new: &Fresh<F>) -> bool {
    // SAFETY: `entry` points into a bucket, and keys are aligned to eight bytes. Between the two
    // exchanges it is ours: `touch` finds another value than it has read.
    unsafe {
        let key = &raw mut (*entry).key;
        if compare_exchange(key, held, BUSY) != held {
            return false;
        }
        let place: *mut u64 = (&raw mut (*entry).target).cast();
        // The value first, then the rest: whoever finds his own rest finds no other's value with it,
        // although the client before may have had the same key.
        place.write_volatile(value(new.entry.target, new.entry.life));
        F::write_rest(entry, &new.rest);
        // An exchange, not a store: it keeps the value before the key where the machine reorders.
        compare_exchange(key, BUSY, new.entry.key);
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
