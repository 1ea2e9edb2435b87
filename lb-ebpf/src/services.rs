//! The service table: look up only. The layout and its rules stand in `lb_common::service`.

use lb_common::service::{SERVICE_WAYS, ServiceEntry, ServiceKey4, buckets};

use crate::maps::SERVICES4;

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
            // SAFETY: `way` is below the length of the array; key and entry are words that the
            // machine reads at once, whatever the agent does meanwhile.
            let (held, entry) = unsafe {
                let slot = &raw const (*bucket).ways[way];
                (
                    (&raw const (*slot).key).read_volatile(),
                    (&raw const (*slot).entry).cast::<u64>(),
                )
            };
            if held == key {
                // SAFETY: as above.
                return unsafe { entry.read_volatile() };
            }
        }
    }
    0
}
