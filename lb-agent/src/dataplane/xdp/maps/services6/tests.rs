use std::net::{IpAddr, Ipv6Addr};

use lb_common::limits::{MAX_SERVICES, SERVICE_BUCKETS6};
use lb_common::service::{TCP, UDP};

use super::*;

/// A table in a file: the memory is as good as that of a map.
fn table() -> Services6 {
    let file = tempfile::tempfile().unwrap();
    let bytes = u64::from(SERVICE_BUCKETS6) * size_of::<ServiceBucket6>() as u64;
    file.set_len(bytes).unwrap();
    Services6::new(Mapped::new(file, SERVICE_BUCKETS6 as usize, true).unwrap())
}

fn entry(id: u16) -> ServiceEntry {
    ServiceEntry {
        id,
        pool: 5,
        gate: 3,
        persistent: 1,
    }
}

fn key(last: u32, port: u16, proto: u8) -> ServiceKey6 {
    let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(last));
    ServiceKey6::new(IpAddr::V6(address), port, proto)
}

/// What the program finds.
fn look_up(table: &Services6, key: ServiceKey6) -> Option<ServiceEntry> {
    let places = buckets6(key.address, key.word()).into_iter();
    let places = places.flat_map(|bucket| table.places(bucket));
    let mut entries =
        places.map(|it| place::entry6(&key.address, key.word(), |offset| it.load(offset)));
    let found = entries.find(|entry| *entry != 0);
    found.map(ServiceEntry::from_word)
}

#[test]
fn the_program_finds_what_was_set_and_no_more() {
    let table = table();
    let ours = key(1, 80, TCP);
    assert_eq!(look_up(&table, ours), None);
    assert!(table.set(ours, entry(1)));
    assert!(table.set(ours, entry(2)));
    assert_eq!(look_up(&table, ours), Some(entry(2)));
    assert_eq!(table.iter().collect::<Vec<_>>(), [(ours.into(), entry(2))]);
    for other in [key(2, 80, TCP), key(1, 81, TCP), key(1, 80, UDP)] {
        assert_eq!(look_up(&table, other), None);
    }
    table.remove(ours);
    assert_eq!(look_up(&table, ours), None);
    assert_eq!(table.iter().count(), 0);
}

#[test]
fn as_many_services_as_there_are_ids_find_room() {
    let table = table();
    let keys = (1..MAX_SERVICES).map(|number| key(number, 443, TCP));
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
    let ours = key(1, 80, TCP);
    let full = buckets6(ours.address, ours.word());
    for place in full.into_iter().flat_map(|bucket| table.places(bucket)) {
        place.store(offset_of!(ServiceSlot6, key), u64::MAX);
    }
    assert!(!table.set(ours, entry(1)));
    assert_eq!(look_up(&table, ours), None);
}
