//! The service table: look up only. The layout and its rules stand in `lb_common::service`.

use lb_common::service::{SERVICE_WAYS, ServiceEntry, ServiceKey4, buckets};

use crate::maps::SERVICES4;

/// The service that packets to `key` are for.
#[inline(always)]
pub(crate) fn find(key: &ServiceKey4) -> Option<ServiceEntry> {
    let key = key.word();
    for bucket in buckets(key) {
        let bucket = SERVICES4.get_ptr(bucket)?;
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
                let entry = ServiceEntry::from_word(unsafe { entry.read_volatile() });
                return (entry.id != 0).then_some(entry);
            }
        }
    }
    None
}
