use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lb_common::limits::{MAX_SERVICES, SERVICE_BUCKETS};
use lb_common::service::{TCP, UDP};
use proptest::prelude::*;

use super::*;

/// A table in a file: the memory is as good as that of a map.
fn table() -> Services {
    let file = tempfile::tempfile().unwrap();
    let bytes = u64::from(SERVICE_BUCKETS) * size_of::<ServiceBucket>() as u64;
    file.set_len(bytes).unwrap();
    Services::new(Mapped::new(file, SERVICE_BUCKETS as usize, true).unwrap())
}

fn entry(id: u16) -> ServiceEntry {
    ServiceEntry {
        id,
        pool: 5,
        gate: 3,
        persistent: 1,
    }
}

/// What the program finds.
fn look_up(table: &Services, key: ServiceKey4) -> Option<ServiceEntry> {
    let places = buckets(key.word()).into_iter();
    let places = places.flat_map(|bucket| table.places(bucket));
    let mut entries = places.map(|it| place::entry(key.word(), |offset| it.load(offset)));
    let found = entries.find(|entry| *entry != 0);
    found.map(ServiceEntry::from_word)
}

#[test]
fn the_program_finds_what_was_set_and_no_more() {
    let table = table();
    let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 1), 80, TCP);
    assert_eq!(look_up(&table, key), None);
    assert!(table.set(key, entry(1)));
    assert!(table.set(key, entry(2)));
    assert_eq!(look_up(&table, key), Some(entry(2)));
    assert_eq!(table.iter().collect::<Vec<_>>(), [(key, entry(2))]);
    table.remove(key);
    assert_eq!(look_up(&table, key), None);
    assert_eq!(table.iter().count(), 0);
}

#[test]
fn as_many_services_as_there_are_ids_find_room() {
    let table = table();
    let keys = (1..MAX_SERVICES).map(|number| {
        let [_, a, b, c] = number.to_be_bytes();
        ServiceKey4::new(Ipv4Addr::new(10, a, b, c), 443, TCP)
    });
    for (id, key) in (1..).zip(keys.clone()) {
        assert!(table.set(key, entry(id)), "service {id} has no room");
    }
    for (id, key) in (1..).zip(keys) {
        assert_eq!(look_up(&table, key), Some(entry(id)));
    }
}

#[test]
fn without_room_nothing_changes() {
    let table = table();
    let full = buckets(ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 1), 80, TCP).word());
    for place in full.into_iter().flat_map(|bucket| table.places(bucket)) {
        place.store(offset_of!(ServiceSlot, key), u64::MAX);
    }
    let before: Vec<_> = table.iter().collect();
    let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 1), 80, TCP);
    assert!(!table.set(key, entry(1)));
    assert_eq!(table.iter().collect::<Vec<_>>(), before);
}

proptest! {
    #[test]
    fn the_table_is_a_map(
        steps in prop::collection::vec((0_u8..8, 80_u16..83, any::<bool>(), 0_u16..40), 0..200)
    ) {
        let table = table();
        let mut model = BTreeMap::new();
        for (host, port, udp, id) in steps {
            let proto = if udp { UDP } else { TCP };
            let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, host), port, proto);
            if id == 0 {
                table.remove(key);
                model.remove(&key.word());
            } else {
                prop_assert!(table.set(key, entry(id)));
                model.insert(key.word(), entry(id));
            }
            prop_assert_eq!(look_up(&table, key), model.get(&key.word()).copied());
        }
        let found: BTreeMap<_, _> = table.iter().map(|(key, entry)| (key.word(), entry)).collect();
        prop_assert_eq!(found, model);
    }
}
