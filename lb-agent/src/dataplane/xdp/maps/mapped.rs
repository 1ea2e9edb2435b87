//! Maps as memory: what the program reads at every packet is written without a system call.

use std::io;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytemuck::Pod;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// An array map of `T`, mapped into our memory. Kernel and agent write it at the same time, so
/// nothing here ever makes a reference to a record: everything is a copy, made word by word.
pub struct Mapped<T> {
    start: NonNull<T>,
    bytes: usize,
    len: usize,
    _records: PhantomData<T>,
}

// SAFETY: the mapping belongs to no thread, and every access is a volatile or atomic word.
unsafe impl<T: Pod> Send for Mapped<T> {}
// SAFETY: as above.
unsafe impl<T: Pod> Sync for Mapped<T> {}

impl<T: Pod> Mapped<T> {
    /// Maps the first `len` records of an array map that was made with `BPF_F_MMAPABLE`.
    pub fn new(map: impl AsFd, len: usize, writable: bool) -> io::Result<Self> {
        let bytes = len * size_of::<T>();
        let size = NonZeroUsize::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
        let write = if writable {
            ProtFlags::PROT_WRITE
        } else {
            ProtFlags::empty()
        };
        // SAFETY: a new shared mapping, which nobody else in this process knows of.
        let start = unsafe {
            mmap(
                None,
                size,
                ProtFlags::PROT_READ | write,
                MapFlags::MAP_SHARED,
                map,
                0,
            )
        }?;
        Ok(Self {
            start: start.cast(),
            bytes,
            len,
            _records: PhantomData,
        })
    }

    /// Number of records.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no records.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The record at `index`, as it was while we looked.
    pub fn get(&self, index: usize) -> Option<T> {
        if index >= self.len {
            return None;
        }
        // SAFETY: within the mapping; any bit pattern is a `T`.
        Some(unsafe { self.start.add(index).read_volatile() })
    }

    /// The word at byte `offset` of record `index`, to be written at once.
    pub fn word(&self, index: usize, offset: usize) -> Option<&AtomicU64> {
        let at = self.place::<u64>(index, offset)?;
        // SAFETY: `place` checked bounds and alignment; the mapping lives as long as `self`.
        Some(unsafe { AtomicU64::from_ptr(at.as_ptr()) })
    }

    /// Half a word, as [`Self::word`].
    pub fn half(&self, index: usize, offset: usize) -> Option<&AtomicU32> {
        let at = self.place::<u32>(index, offset)?;
        // SAFETY: as in `word`.
        Some(unsafe { AtomicU32::from_ptr(at.as_ptr()) })
    }

    fn place<W>(&self, index: usize, offset: usize) -> Option<NonNull<W>> {
        let last = size_of::<T>().checked_sub(size_of::<W>())?;
        if index >= self.len || offset > last {
            return None;
        }
        let at = index * size_of::<T>() + offset;
        // SAFETY: within the mapping, since record and offset are.
        at.is_multiple_of(size_of::<W>())
            .then(|| unsafe { self.start.cast::<u8>().add(at).cast() })
    }

    /// Writes a record, its words from first to last.
    pub fn set(&self, index: usize, record: &T) {
        for (at, word) in bytemuck::bytes_of(record)
            .as_chunks::<8>()
            .0
            .iter()
            .enumerate()
        {
            if let Some(place) = self.word(index, at * 8) {
                place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            }
        }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and no reference into it outlives `self`.
        let _unmapped = unsafe { munmap(self.start.cast(), self.bytes) };
    }
}

#[cfg(test)]
mod tests;
