//! Operations of the plan, carried out.

use std::mem::offset_of;
use std::sync::atomic::Ordering;

use bytemuck::Zeroable as _;
use lb_common::backend::Backend;
use lb_common::control::{CENSUS_SECONDS, Control};
use lb_common::filter::AddressFilter;
use lb_common::flow::TICK_SHIFT;
use lb_common::locality::EXPIRATION_SECONDS;
use lb_common::policy::Policy;
use lb_common::service::{ServiceEntry, ServiceInfo};
use lb_common::station::Stations;
use lb_common::stats::Traffic;

use super::slot::stores;
use super::{Abi, Maps, MapsError};
use crate::dataplane::installed::Key;
use crate::dataplane::plan::Operation;

impl Maps {
    /// Carries out operations that may be carried out side by side (`plan::steps`).
    pub fn execute_all(&mut self, step: &[Operation]) -> Result<(), MapsError> {
        let (schedules, others): (Vec<_>, Vec<_>) = step
            .iter()
            .partition(|operation| operation.table().is_some());
        let tables: Vec<_> = schedules.into_iter().filter_map(Operation::table).collect();
        if !tables.is_empty() {
            self.schedules.set_all(&tables)?;
        }
        let mut others = others.into_iter();
        others.try_for_each(|operation| self.execute(operation))
    }

    /// Carries out one operation of the plan.
    pub fn execute(&mut self, operation: &Operation) -> Result<(), MapsError> {
        match operation {
            Operation::WriteBackend { slot, backend } => {
                self.write_backend(*slot, backend);
                Ok(())
            }
            Operation::RetireBackend { slot, backend } => self.retire_backend(*slot, backend),
            Operation::SetThresholds { slot, thresholds } => {
                self.set_thresholds(*slot, *thresholds);
                Ok(())
            }
            Operation::SetSchedule { pool, table } => self.schedules.set(*pool, table),
            Operation::SetPool { policy, is_new } => self.set_pool(policy, *is_new),
            Operation::RemovePool { pool } => self.set_policy(*pool, &Policy::zeroed()),
            Operation::SetService { key, entry, info } => self.set_service(*key, *entry, info),
            Operation::RemoveService { key, id } => self.remove_service(*key, *id),
            Operation::SetFilter(addresses) => {
                self.set_filter(&addresses.filter());
                Ok(())
            }
        }
    }

    /// Changes a slot while the program reads it.
    fn write_backend(&self, slot: u32, backend: &Backend) {
        let index = slot as usize;
        let Some(old) = self.backends.get(index) else {
            return;
        };
        for (word, value) in stores(&old, backend) {
            if let Some(place) = self.backends.word(index, word * 8) {
                place.store(value, Ordering::SeqCst);
            }
        }
    }

    fn retire_backend(&mut self, slot: u32, empty: &Backend) -> Result<(), MapsError> {
        let pool = self.backends.get(slot as usize).map_or(0, |old| old.pool);
        self.write_backend(slot, empty);
        self.clear_load(slot);
        let carried = self.traffic(slot)?;
        let mut retired = self.retired(pool)?;
        retired.add(&carried);
        self.set_retired(pool, retired)?;
        self.clear_traffic(slot)
    }

    fn set_retired(&mut self, pool: u16, carried: Traffic) -> Result<(), MapsError> {
        self.retired_stats
            .set(u32::from(pool), Abi(carried), 0)
            .map_err(MapsError::write("RETIRED_STATS"))
    }

    pub(super) fn clear_traffic(&mut self, slot: u32) -> Result<(), MapsError> {
        let cpus = self
            .backend_stats
            .get(&slot, 0)
            .map_err(MapsError::read("BACKEND_STATS"))?
            .len();
        let zero = vec![Abi(Traffic::zeroed()); cpus]
            .try_into()
            .map_err(|error: std::io::Error| MapsError::write("BACKEND_STATS")(error.into()))?;
        self.backend_stats
            .set(slot, zero, 0)
            .map_err(MapsError::write("BACKEND_STATS"))
    }

    fn set_service(
        &mut self,
        key: Key,
        entry: ServiceEntry,
        info: &ServiceInfo,
    ) -> Result<(), MapsError> {
        self.set_info(entry.id, info)?;
        let room = match key.v4() {
            Some(key) => self.services4.set(key, entry),
            None => self.services6.set(key.v6(), entry),
        };
        room.then_some(()).ok_or(MapsError::NoRoom {
            address: key.address,
            port: key.port,
        })
    }

    fn set_pool(&mut self, policy: &Policy, is_new: bool) -> Result<(), MapsError> {
        if is_new {
            // What the servers of the number's last owner have carried is not this one's.
            self.set_retired(policy.pool, Traffic::zeroed())?;
        }
        self.set_policy(policy.pool, policy)
    }

    fn set_policy(&mut self, pool: u16, policy: &Policy) -> Result<(), MapsError> {
        self.policies
            .set(u32::from(pool), Abi(*policy), 0)
            .map_err(MapsError::write("POLICIES"))
    }

    fn set_info(&mut self, id: u16, info: &ServiceInfo) -> Result<(), MapsError> {
        self.service_info
            .set(u32::from(id), Abi(*info), 0)
            .map_err(MapsError::write("SERVICE_INFO"))
    }

    fn remove_service(&mut self, key: Key, id: u16) -> Result<(), MapsError> {
        match key.v4() {
            Some(key) => self.services4.remove(key),
            None => self.services6.remove(key.v6()),
        }
        self.set_info(id, &ServiceInfo::zeroed())
    }

    fn set_filter(&self, filter: &AddressFilter) {
        let words = bytemuck::bytes_of(filter).as_chunks::<8>().0;
        for (at, word) in words.iter().enumerate() {
            if let Some(place) = self.control.word(0, offset_of!(Control, filter) + at * 8) {
                place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            }
        }
    }

    /// Sets which frames are for this host: indexes and Ethernet addresses of the interfaces.
    pub fn set_stations(&self, interfaces: impl IntoIterator<Item = (u32, [u8; 6])>) {
        self.store_stations(&Stations::of(interfaces));
    }

    fn store_stations(&self, stations: &Stations) {
        let words = bytemuck::bytes_of(stations).as_chunks::<8>().0;
        for (at, word) in words.iter().enumerate() {
            if let Some(place) = self.control.word(0, offset_of!(Control, stations) + at * 8) {
                place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            }
        }
    }

    /// Sets what the program needs to know of time and chance.
    pub fn set_control(&self, secret: u64, hertz: u32, deadman: u64, timeouts: &[u32]) {
        let store = |offset: usize, value: u64| {
            if let Some(word) = self.control.word(0, offset) {
                word.store(value, Ordering::Relaxed);
            }
        };
        store(offset_of!(Control, secret), secret);
        store(offset_of!(Control, hertz), hertz.into());
        store(offset_of!(Control, deadman), deadman);
        let store_half = |offset: usize, value: u32| {
            if let Some(half) = self.control.half(0, offset) {
                half.store(value, Ordering::Relaxed);
            }
        };
        let ticks =
            |seconds| u32::try_from((seconds * u64::from(hertz)) >> TICK_SHIFT).unwrap_or(u32::MAX);
        store_half(
            offset_of!(Control, locality_ticks),
            ticks(EXPIRATION_SECONDS),
        );
        store_half(offset_of!(Control, census_ticks), ticks(CENSUS_SECONDS));
        for (state, ticks) in timeouts.iter().enumerate() {
            store_half(offset_of!(Control, timeouts) + state * 4, *ticks);
        }
    }

    /// The times and stations that an earlier agent has set are in force again.
    pub fn restore_control(&self, found: &Control) {
        if let Some(word) = self.control.word(0, offset_of!(Control, deadman)) {
            word.store(found.deadman, Ordering::Relaxed);
        }
        for (state, ticks) in found.timeouts.iter().enumerate() {
            let place = offset_of!(Control, timeouts) + state * 4;
            if let Some(half) = self.control.half(0, place) {
                half.store(*ticks, Ordering::Relaxed);
            }
        }
        self.store_stations(&found.stations);
    }
}
