//! The service table: look up only. The layout and its rules stand in `lb_common::service`.

use lb_common::address6::Address6;
use lb_common::service::{
    SERVICE_WAYS, SERVICE_WAYS6, ServiceEntry, ServiceInfo, ServiceKey4, ServiceKey6, buckets,
    buckets6, place,
};

use crate::maps::{SERVICE_INFO, SERVICES4, SERVICES6};

/// The service that packets to `key` are for: one of its port, else one of all ports.
#[inline(always)]
pub(crate) fn find(key: &ServiceKey4) -> Option<ServiceEntry> {
    let word = match look_up(key.word()) {
        0 => of_all_ports(key.addr, key.proto.into()),
        word => word,
    };
    let entry = ServiceEntry::from_word(word);
    (entry.id != 0).then_some(entry)
}

/// A subprogram: few packets to a virtual address are for no service of their port.
#[inline(never)]
fn of_all_ports(addr: u32, proto: u32) -> u64 {
    let key = ServiceKey4 {
        addr,
        port: 0,
        proto: proto as u8,
        pad: 0,
    };
    look_up(key.word())
}

/// The entry of a key, as a word; 0: there is none.
#[inline(always)]
fn look_up(key: u64) -> u64 {
    for bucket in buckets(key) {
        let Some(bucket) = SERVICES4.get_ptr(bucket) else {
            return 0;
        };
        for way in 0..SERVICE_WAYS {
            // SAFETY: `way` is below the length of the array.
            let slot = unsafe { &raw const (*bucket).ways[way] };
            match place::entry(key, |offset| word(slot, offset)) {
                0 => {}
                entry => return entry,
            }
        }
    }
    0
}

/// A word of a place.
#[inline(always)]
fn word<S>(slot: *const S, offset: usize) -> u64 {
    // SAFETY: the caller's slot lies in the table, and `place` asks for its words only; each is one that
    // the machine reads at once, whatever the agent does meanwhile.
    unsafe { slot.byte_add(offset).cast::<u64>().read_volatile() }
}

/// The service with this id, if it is of this pool: else it has gone, and its id may be another one's.
#[inline(always)]
pub(crate) fn of_pool(id: u16, pool: u16) -> Option<&'static ServiceInfo> {
    SERVICE_INFO
        .get(u32::from(id))
        .filter(|service| service.pool == pool)
}

/// As [`find`], of IPv6.
#[inline(always)]
pub(crate) fn find6(key: &ServiceKey6) -> Option<ServiceEntry> {
    let word = match look_up6(&key.address, key.word()) {
        0 => look_up6(&key.address, ServiceKey6 { port: 0, ..*key }.word()),
        word => word,
    };
    let entry = ServiceEntry::from_word(word);
    (entry.id != 0).then_some(entry)
}

/// [`look_up`] of IPv6; a subprogram, since it is needed twice.
#[inline(never)]
fn look_up6(address: &Address6, key: u64) -> u64 {
    for bucket in buckets6(*address, key) {
        let Some(bucket) = SERVICES6.get_ptr(bucket) else {
            return 0;
        };
        for way in 0..SERVICE_WAYS6 {
            // SAFETY: `way` is below the length of the array.
            let slot = unsafe { &raw const (*bucket).ways[way] };
            match place::entry6(address, key, |offset| word(slot, offset)) {
                0 => {}
                entry => return entry,
            }
        }
    }
    0
}
