//! `SERVICES6`: as `SERVICES4`, with addresses of IPv6. Layout and rules stand in
//! `lb_common::service`.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use lb_common::address6::Address6;
use lb_common::service::{
    SERVICE_WAYS6, ServiceBucket6, ServiceEntry, ServiceKey6, ServiceSlot6, buckets6,
};

use super::mapped::Mapped;
use super::services::in_the_emptier;
use crate::dataplane::installed::Key;

/// The table, in memory that the program reads at the same time.
pub(super) struct Services6 {
    table: Mapped<ServiceBucket6>,
}

/// A place for one service: its four words.
#[derive(Clone, Copy)]
struct Place<'a> {
    key: &'a AtomicU64,
    entry: &'a AtomicU64,
    address: [&'a AtomicU64; 2],
}

impl Place<'_> {
    fn address(&self) -> Address6 {
        self.address.map(|word| word.load(Ordering::Relaxed))
    }
}

impl Services6 {
    pub(super) const fn new(table: Mapped<ServiceBucket6>) -> Self {
        Self { table }
    }

    /// Every service.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, ServiceEntry)> {
        (0..self.table.len())
            .filter_map(|bucket| self.table.get(bucket))
            .flat_map(|bucket| bucket.ways)
            .filter(|slot| slot.key != 0)
            .map(|slot| {
                (
                    ServiceKey6::from_words(slot.address, slot.key).into(),
                    slot.entry,
                )
            })
    }

    /// Sets the entry of a service, which is new or not; `false`: there is no room for it.
    #[must_use]
    pub(super) fn set(&self, key: ServiceKey6, entry: ServiceEntry) -> bool {
        let place = self.find(key).or_else(|| self.free(key));
        if let Some(place) = place {
            for (word, value) in place.address.iter().zip(key.address) {
                word.store(value, Ordering::SeqCst);
            }
            place.entry.store(entry.word(), Ordering::SeqCst);
            place.key.store(key.word(), Ordering::SeqCst);
        }
        place.is_some()
    }

    /// Takes a service out.
    pub(super) fn remove(&self, key: ServiceKey6) {
        if let Some(place) = self.find(key) {
            place.key.store(0, Ordering::SeqCst);
            place.entry.store(0, Ordering::SeqCst);
        }
    }

    /// Where a service stands.
    fn find(&self, key: ServiceKey6) -> Option<Place<'_>> {
        buckets6(key.address, key.word())
            .into_iter()
            .flat_map(|bucket| self.places(bucket))
            .find(|place| {
                place.key.load(Ordering::Relaxed) == key.word() && place.address() == key.address
            })
    }

    /// A place for a service.
    fn free(&self, key: ServiceKey6) -> Option<Place<'_>> {
        let is_free = |place: &Place<'_>| place.key.load(Ordering::Relaxed) == 0;
        in_the_emptier(buckets6(key.address, key.word()), |bucket| {
            self.places(bucket).filter(is_free)
        })
    }

    fn places(&self, bucket: u32) -> impl Iterator<Item = Place<'_>> {
        let bucket = bucket as usize;
        (0..SERVICE_WAYS6).filter_map(move |way| {
            let slot = offset_of!(ServiceBucket6, ways) + way * size_of::<ServiceSlot6>();
            let word = |offset| self.table.word(bucket, slot + offset);
            let address = offset_of!(ServiceSlot6, address);
            Some(Place {
                key: word(offset_of!(ServiceSlot6, key))?,
                entry: word(offset_of!(ServiceSlot6, entry))?,
                address: [word(address)?, word(address + 8)?],
            })
        })
    }
}

#[cfg(test)]
mod tests;
