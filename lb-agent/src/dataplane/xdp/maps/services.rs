//! `SERVICES4`: the table that the program looks virtual servers up in. Layout and rules stand in
//! `lb_common::service`.

use std::mem::offset_of;
use std::sync::atomic::Ordering;

use bytemuck::Pod;
use lb_common::service::{
    SERVICE_WAYS, ServiceBucket, ServiceEntry, ServiceKey4, ServiceSlot, buckets, place,
};

use super::mapped::Mapped;

/// The table, in memory that the program reads at the same time.
pub(super) struct Services {
    table: Mapped<ServiceBucket>,
}

/// A place for one service, in a table of such buckets.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, B> {
    table: &'a Mapped<B>,
    bucket: usize,
    /// Offset in the bucket.
    at: usize,
}

impl<'a, B: Pod> Place<'a, B> {
    pub(super) const fn new(table: &'a Mapped<B>, bucket: u32, at: usize) -> Self {
        let bucket = bucket as usize;
        Self { table, bucket, at }
    }

    /// The word at an offset in the place; of a place that lies in no table 0.
    pub(super) fn load(self, offset: usize) -> u64 {
        let word = self.table.word(self.bucket, self.at + offset);
        word.map_or(0, |word| word.load(Ordering::SeqCst))
    }

    pub(super) fn store(self, offset: usize, value: u64) {
        if let Some(word) = self.table.word(self.bucket, self.at + offset) {
            word.store(value, Ordering::SeqCst);
        }
    }
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
            place::give(&key, entry, |offset, value| place.store(offset, value));
        }
        place.is_some()
    }

    /// Takes a service out.
    pub(super) fn remove(&self, key: ServiceKey4) {
        if let Some(place) = self.find(key) {
            place::take(|offset, value| place.store(offset, value));
        }
    }

    /// Where a service stands.
    fn find(&self, key: ServiceKey4) -> Option<Place<'_, ServiceBucket>> {
        let key = key.word();
        buckets(key)
            .into_iter()
            .flat_map(|bucket| self.places(bucket))
            .find(|place| place.load(offset_of!(ServiceSlot, key)) == key)
    }

    /// A place for a service.
    fn free(&self, key: ServiceKey4) -> Option<Place<'_, ServiceBucket>> {
        in_the_emptier(buckets(key.word()), |bucket| {
            let places = self.places(bucket);
            places.filter(|place| place.load(offset_of!(ServiceSlot, key)) == 0)
        })
    }

    fn places(&self, bucket: u32) -> impl Iterator<Item = Place<'_, ServiceBucket>> {
        (0..SERVICE_WAYS).map(move |way| {
            let at = offset_of!(ServiceBucket, ways) + way * size_of::<ServiceSlot>();
            Place::new(&self.table, bucket, at)
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
