//! `SERVICES6`: as `SERVICES4`, with addresses of IPv6. Layout and rules stand in
//! `lb_common::service`.

use std::mem::offset_of;

use lb_common::service::{
    SERVICE_WAYS6, ServiceBucket6, ServiceEntry, ServiceKey6, ServiceSlot6, buckets6, place,
};

use super::mapped::Mapped;
use super::services::{Place, in_the_emptier};
use crate::dataplane::installed::Key;

/// The table, in memory that the program reads at the same time.
pub(super) struct Services6 {
    table: Mapped<ServiceBucket6>,
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
            place::give6(&key, entry, |offset, value| place.store(offset, value));
        }
        place.is_some()
    }

    /// Takes a service out.
    pub(super) fn remove(&self, key: ServiceKey6) {
        if let Some(place) = self.find(key) {
            place::take6(|offset, value| place.store(offset, value));
        }
    }

    /// Where a service stands.
    fn find(&self, key: ServiceKey6) -> Option<Place<'_, ServiceBucket6>> {
        buckets6(key.address, key.word())
            .into_iter()
            .flat_map(|bucket| self.places(bucket))
            .find(|place| {
                place.load(offset_of!(ServiceSlot6, key)) == key.word()
                    && [0, 1].map(|word| place.load(offset_of!(ServiceSlot6, address) + word * 8))
                        == key.address
            })
    }

    /// A place for a service.
    fn free(&self, key: ServiceKey6) -> Option<Place<'_, ServiceBucket6>> {
        in_the_emptier(buckets6(key.address, key.word()), |bucket| {
            let places = self.places(bucket);
            places.filter(|place| place.load(offset_of!(ServiceSlot6, key)) == 0)
        })
    }

    fn places(&self, bucket: u32) -> impl Iterator<Item = Place<'_, ServiceBucket6>> {
        (0..SERVICE_WAYS6).map(move |way| {
            let at = offset_of!(ServiceBucket6, ways) + way * size_of::<ServiceSlot6>();
            Place::new(&self.table, bucket, at)
        })
    }
}

#[cfg(test)]
mod tests;
