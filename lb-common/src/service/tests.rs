use std::vec;

use super::*;

#[test]
fn a_key_holds_the_bytes_of_the_packet() {
    let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 100), 8080, TCP);
    assert_eq!(bytemuck::bytes_of(&key), [192, 0, 2, 100, 0x1f, 0x90, 6, 0]);
    assert_eq!(key.address(), Ipv4Addr::new(192, 0, 2, 100));
    assert_eq!(key.port(), 8080);
}

#[test]
fn keys_and_entries_are_the_words_that_stand_in_the_table() {
    let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 100), 8080, UDP);
    assert_eq!(key.word(), bytemuck::cast::<_, u64>(key));
    assert_eq!(ServiceKey4::from_word(key.word()), key);
    let entry = ServiceEntry {
        id: 1,
        pool: 0x0203,
        gate: 0x0405,
        persistent: 0x0607,
    };
    assert_eq!(entry.word(), bytemuck::cast::<_, u64>(entry));
    assert_eq!(ServiceEntry::from_word(entry.word()), entry);
}

#[test]
fn a_bucket_is_one_cache_line() {
    assert_eq!(size_of::<ServiceBucket>(), 64);
    assert_eq!(align_of::<ServiceBucket>(), 64);
}

#[test]
fn services_of_one_address_and_of_one_network_spread_over_the_buckets() {
    let address = |last| Ipv4Addr::new(192, 0, 2, last);
    let ports = (1..=u16::MAX).map(|port| ServiceKey4::new(address(1), port, TCP));
    let network = (0..=u16::MAX).map(|host| {
        let [high, low] = host.to_be_bytes();
        ServiceKey4::new(Ipv4Addr::new(10, 0, high, low), 443, UDP)
    });
    let spread = |keys: &mut dyn Iterator<Item = ServiceKey4>, choice: usize| {
        let mut load = vec![0_u32; SERVICE_BUCKETS as usize];
        for key in keys {
            load[buckets(key.word())[choice] as usize] += 1;
        }
        load.into_iter().max().unwrap()
    };
    // Two keys a bucket on average.
    for choice in 0..2 {
        assert!(spread(&mut ports.clone(), choice) <= 12);
        assert!(spread(&mut network.clone(), choice) <= 12);
    }
}
