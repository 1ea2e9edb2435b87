//! `SERVICES4`: the table that the program looks virtual servers up in. Layout and rules stand in
//! `lb_common::service`.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use lb_common::service::{
    SERVICE_WAYS, ServiceBucket, ServiceEntry, ServiceKey4, ServiceSlot, buckets,
};

use super::mapped::Mapped;

/// The table, in memory that the program reads at the same time.
pub(super) struct Services {
    table: Mapped<ServiceBucket>,
}

/// A place for one service: its two words.
#[derive(Clone, Copy)]
struct Place<'a> {
    key: &'a AtomicU64,
    entry: &'a AtomicU64,
}

impl Services {
    pub(super) const fn new(table: Mapped<ServiceBucket>) -> Self {
        Self { table }
    }

    /// Every service.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ServiceKey4, ServiceEntry)> {
        (0..self.table.len())
            .filter_map(|bucket| self.table.get(bucket))
            .flat_map(|bucket| bucket.ways)
            .filter(|slot| slot.key != 0)
            .map(|slot| (ServiceKey4::from_word(slot.key), slot.entry))
    }

    /// Sets the entry of a service, which is new or not; `false`: there is no room for it.
    #[must_use]
    pub(super) fn set(&self, key: ServiceKey4, entry: ServiceEntry) -> bool {
        let place = self.find(key).or_else(|| self.free(key));
        if let Some(place) = place {
            place.entry.store(entry.word(), Ordering::SeqCst);
            place.key.store(key.word(), Ordering::SeqCst);
        }
        place.is_some()
    }

    /// Takes a service out.
    pub(super) fn remove(&self, key: ServiceKey4) {
        if let Some(place) = self.find(key) {
            place.key.store(0, Ordering::SeqCst);
            place.entry.store(0, Ordering::SeqCst);
        }
    }

    /// Where a service stands.
    fn find(&self, key: ServiceKey4) -> Option<Place<'_>> {
        let key = key.word();
        buckets(key)
            .into_iter()
            .flat_map(|bucket| self.places(bucket))
            .find(|place| place.key.load(Ordering::Relaxed) == key)
    }

    /// A place for a service.
    fn free(&self, key: ServiceKey4) -> Option<Place<'_>> {
        let is_free = |place: &Place<'_>| place.key.load(Ordering::Relaxed) == 0;
        in_the_emptier(buckets(key.word()), |bucket| {
            self.places(bucket).filter(is_free)
        })
    }

    fn places(&self, bucket: u32) -> impl Iterator<Item = Place<'_>> {
        let bucket = bucket as usize;
        (0..SERVICE_WAYS).filter_map(move |way| {
            let slot = offset_of!(ServiceBucket, ways) + way * size_of::<ServiceSlot>();
            Some(Place {
                key: self
                    .table
                    .word(bucket, slot + offset_of!(ServiceSlot, key))?,
                entry: self
                    .table
                    .word(bucket, slot + offset_of!(ServiceSlot, entry))?,
            })
        })
    }
}

/// A free place in the emptier one of two buckets, the first if they are alike.
pub(super) fn in_the_emptier<P, F: Iterator<Item = P>>(
    [first, second]: [u32; 2],
    free: impl Fn(u32) -> F,
) -> Option<P> {
    let is_second = free(second).count() > free(first).count();
    free(if is_second { second } else { first }).next()
}

#[cfg(test)]
mod tests;
