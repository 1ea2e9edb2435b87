use std::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::Zeroable as _;
use lb_common::service::TCP;

use super::*;

const KEY: Key = Key {
    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    port: 8080,
    proto: TCP,
};

const SIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);

fn after(operations: &[Operation]) -> Installed {
    let mut installed = Installed::default();
    for operation in operations {
        installed.record(operation);
    }
    installed
}

fn set_service(id: u16) -> Operation {
    Operation::SetService {
        key: KEY,
        entry: ServiceEntry {
            id,
            ..ServiceEntry::zeroed()
        },
        info: ServiceInfo::zeroed(),
    }
}

fn table(turns: &[u32]) -> Table {
    Table {
        turns: turns.to_vec(),
        servers: turns.to_vec(),
    }
}

#[test]
fn a_schedule_that_comes_before_its_service_is_not_forgotten() {
    let table = table(&[1, 2, 1]);
    let schedule = Operation::SetSchedule {
        pool: 5,
        table: table.clone(),
    };
    let installed = after(&[schedule, set_service(5)]);
    assert_eq!(installed.schedules[&5], table);
    assert_eq!(installed.services[&KEY].entry.id, 5);
}

#[test]
fn a_schedule_outlives_its_service_until_it_is_emptied() {
    let schedule = |table: &Table| Operation::SetSchedule {
        pool: 5,
        table: table.clone(),
    };
    let (full, empty) = (table(&[1]), Table::default());
    let gone = Operation::RemoveService { key: KEY, id: 5 };
    let left = after(&[schedule(&full), set_service(5), gone.clone()]);
    assert!(left.services.is_empty());
    assert_eq!(left.schedules[&5], full);
    let emptied = after(&[schedule(&full), set_service(5), gone, schedule(&empty)]);
    assert_eq!(emptied.schedules[&5], empty);
}

#[test]
fn a_slot_that_is_free_again_keeps_its_generation() {
    let backend = |generation, weight| Backend {
        generation,
        weight,
        ..Backend::zeroed()
    };
    let installed = after(&[
        Operation::WriteBackend {
            slot: 3,
            backend: backend(0, 2),
        },
        Operation::RetireBackend {
            slot: 3,
            backend: backend(1, 0),
        },
    ]);
    assert_eq!(installed.backends[&3], backend(1, 0));
}

#[test]
fn the_filter_comes_and_goes() {
    let addresses = Addresses {
        destinations: vec![KEY.address],
        servers: vec![KEY],
    };
    let mut installed = after(&[Operation::SetFilter(addresses.clone())]);
    assert_eq!(installed.filter, addresses);
    installed.record(&Operation::SetFilter(Addresses::default()));
    assert_eq!(installed, Installed::default());
}

#[test]
fn keys_are_in_the_order_of_their_numbers() {
    let key = |last, port| Key {
        address: Ipv4Addr::new(192, 0, 2, last).into(),
        port,
        proto: TCP,
    };
    // Not in that of their bytes on this machine, which is what the maps hold.
    assert!(key(1, 256) < key(2, 1) && key(1, 80) < key(1, 443));
    assert_eq!(KEY.v4().map(Key::from), Some(KEY));
    assert_eq!(Key::from(KEY.v6()), KEY);
    let other = Key {
        address: Ipv6Addr::LOCALHOST.into(),
        ..KEY
    };
    assert_eq!(other.v4(), None);
    assert_eq!(Key::from(other.v6()), other);
}

#[test]
fn the_filter_lets_through_what_is_listed() {
    let server = |port| Key {
        address: Ipv4Addr::new(10, 0, 0, 1).into(),
        port,
        proto: TCP,
    };
    let server6 = |port| Key {
        address: OTHER.into(),
        ..server(port)
    };
    let listed = Addresses {
        destinations: vec![[192, 0, 2, 1].into(), IpAddr::V6(SIX)],
        servers: vec![server(80), server6(80)],
    };
    let filter = listed.filter();
    let bits = |octets: [u8; 4]| u32::from_ne_bytes(octets);
    assert!(filter.may_be_destination(bits([192, 0, 2, 1])));
    assert!(filter.may_be_destination6(address6::words(SIX)));
    assert!(!filter.may_be_destination6(address6::words(OTHER)));
    assert!(filter.may_be_source6(address6::words(OTHER)));
    assert!(!filter.may_be_source6(address6::words(SIX)));
    assert!(filter.may_be_server6(&server6(80).v6()));
    assert!(!filter.may_be_server6(&server6(81).v6()));
    assert!(filter.may_be_source(bits([10, 0, 0, 1])));
    assert!(!filter.may_be_destination(bits([10, 0, 0, 1])));
    assert!(!filter.may_be_source(bits([192, 0, 2, 1])));
    assert!(filter.may_be_server(&server(80).v4().unwrap()));
    assert!(!filter.may_be_server(&server(81).v4().unwrap()));
}

#[test]
fn limits_of_connections_go_with_their_slot() {
    let thresholds = Thresholds { upper: 9, lower: 3 };
    let set = Operation::SetThresholds {
        slot: 7,
        thresholds,
    };
    let gone = Operation::RetireBackend {
        slot: 7,
        backend: Backend::zeroed(),
    };
    assert_eq!(after(std::slice::from_ref(&set)).thresholds[&7], thresholds);
    assert!(after(&[set, gone]).thresholds.is_empty());
}
