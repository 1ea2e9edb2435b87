//! The newest of something, handed from one thread to another without ever waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Three places: one is the newest, and of the two others a reader that is held up in the middle of
/// reading can keep the writer from only one.
#[derive(Debug)]
pub(super) struct Latest<T> {
    places: [Mutex<Arc<T>>; 3],
    newest: AtomicUsize,
}

impl<T> Latest<T> {
    pub(super) fn new(value: T) -> Self {
        let value = Arc::new(value);
        Self {
            places: [(); 3].map(|()| Mutex::new(Arc::clone(&value))),
            newest: AtomicUsize::new(0),
        }
    }

    /// Replaces it. Waits for nobody as long as one thread reads at a time; with several, for no
    /// longer than copying a pointer takes. One thread writes.
    pub(super) fn write(&self, value: T) {
        let value = Arc::new(value);
        let newest = self.newest.load(Ordering::Relaxed);
        let others = || {
            self.places
                .iter()
                .enumerate()
                .filter(|(it, _)| *it != newest)
        };
        let free = others().find_map(|(place, slot)| Some((place, try_lock(slot)?)));
        let free = free.or_else(|| {
            let (place, slot) = others().next()?;
            Some((place, lock(slot)))
        });
        if let Some((place, mut slot)) = free {
            *slot = value;
            drop(slot);
            self.newest.store(place, Ordering::Release);
        }
    }

    pub(super) fn read(&self) -> Arc<T> {
        let newest = self.newest.load(Ordering::Acquire);
        let [first, ..] = &self.places;
        Arc::clone(&lock(self.places.get(newest).unwrap_or(first)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None`: somebody has it now.
pub(super) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_is_held_up_holds_up_no_writer() {
        let latest = Latest::new(0);
        let held = lock(&latest.places[0]);
        for value in 1..100 {
            latest.write(value);
            assert_eq!(*latest.read(), value);
        }
        drop(held);
        latest.write(100);
        assert_eq!(*latest.read(), 100);
    }
}
