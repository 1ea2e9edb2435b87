//! Reader and writer in every order in which their steps may mix.

use core::cell::{Cell, RefCell};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::vec::Vec;

use super::*;
use crate::service::TCP;

/// So many reads of one look-up at most.
const READS: usize = 7;

/// A store of the agent: offset and value.
type Store = (usize, u64);

/// Reads the word at an offset.
type Read<'a> = dyn Fn(usize) -> u64 + 'a;

/// What a look-up finds, begun when `done` of the stores have been made; `before` says how many more are made
/// before each of its reads.
fn look_up(
    stores: &[Store],
    done: usize,
    before: &[usize; READS],
    find: &dyn Fn(&Read<'_>) -> u64,
) -> u64 {
    let words = RefCell::new([0; 4]);
    let made = Cell::new(0);
    let make = |count: usize| {
        for (offset, value) in stores.iter().skip(made.get()).take(count) {
            words.borrow_mut()[offset / 8] = *value;
        }
        made.set(made.get() + count);
    };
    make(done);
    let reads = Cell::new(0);
    find(&|offset| {
        make(before[reads.get()]);
        reads.set(reads.get() + 1);
        words.borrow()[offset / 8]
    })
}

/// Calls `check` with what a look-up finds in every order of steps that begins after `done` stores.
fn in_every_order(
    stores: &[Store],
    done: usize,
    find: &dyn Fn(&Read<'_>) -> u64,
    check: &dyn Fn(u64),
) {
    fn go(
        left: usize,
        read: usize,
        before: &mut [usize; READS],
        each: &mut dyn FnMut(&[usize; READS]),
    ) {
        if read == READS {
            return each(before);
        }
        for count in 0..=left {
            before[read] = count;
            go(left - count, read + 1, before, each);
        }
    }
    go(stores.len() - done, 0, &mut [0; READS], &mut |before| {
        check(look_up(stores, done, before, find));
    });
}

fn entry_of(id: u16) -> ServiceEntry {
    ServiceEntry {
        id,
        pool: 3,
        gate: 1,
        persistent: 1,
    }
}

/// The stores of a place that is the first service's, gets another entry, and then is the second one's.
fn stores(
    give: impl Fn(usize, ServiceEntry, &mut dyn FnMut(usize, u64)),
    take: impl Fn(&mut dyn FnMut(usize, u64)),
) -> (Vec<Store>, [usize; 3]) {
    let all = RefCell::new(Vec::new());
    let mut note = |offset, value| all.borrow_mut().push((offset, value));
    let mut ends = [0; 3];
    give(0, entry_of(1), &mut note);
    ends[0] = all.borrow().len();
    give(0, entry_of(2), &mut note);
    ends[1] = all.borrow().len();
    take(&mut note);
    give(1, entry_of(3), &mut note);
    ends[2] = all.borrow().len();
    (all.into_inner(), ends)
}

/// What the first service and the second one may find, whatever the order.
fn check_both(stores: &[Store], ends: [usize; 3], find: impl Fn(usize, &Read<'_>) -> u64) {
    let [one, other, last] = [1, 2, 3].map(|id| entry_of(id).word());
    for done in 0..=stores.len() {
        in_every_order(stores, done, &|read| find(0, read), &|found| {
            assert!([0, one, other].contains(&found), "{found:x} after {done}");
        });
        in_every_order(stores, done, &|read| find(1, read), &|found| {
            assert!([0, last].contains(&found), "{found:x} after {done}");
        });
    }
    // Who stands there is found, also while the entry changes.
    let until_taken = &stores[..ends[1]];
    for done in ends[0]..=ends[1] {
        in_every_order(until_taken, done, &|read| find(0, read), &|found| {
            assert!([one, other].contains(&found), "{found:x} after {done}");
        });
    }
    in_every_order(stores, ends[2], &|read| find(1, read), &|found| {
        assert_eq!(found, last);
    });
}

#[test]
fn no_packet_is_given_to_the_next_service_of_a_place() {
    let keys = [80, 81].map(|port| ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 1), port, TCP));
    let (stores, ends) = stores(
        |which, value, write| give(&keys[which], value, write),
        |write| take(write),
    );
    check_both(&stores, ends, |which, read| entry(keys[which].word(), read));
}

#[test]
fn no_packet_of_ipv6_is_given_to_the_next_service_of_a_place() {
    let one = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6);
    let others = [
        // Another port, the same network, the same host, nothing the same.
        (one, 81),
        (Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 7), 80),
        (Ipv6Addr::new(0x2001, 0xdb8, 1, 3, 3, 4, 5, 6), 80),
        (Ipv6Addr::new(0x2001, 0xdb8, 9, 9, 9, 9, 9, 9), 80),
    ];
    for other in others {
        let keys = [(one, 80), other]
            .map(|(address, port)| ServiceKey6::new(IpAddr::V6(address), port, TCP));
        let (stores, ends) = stores(
            |which, value, write| give6(&keys[which], value, write),
            |write| take6(write),
        );
        check_both(&stores, ends, |which, read| {
            entry6(&keys[which].address, keys[which].word(), read)
        });
    }
}
