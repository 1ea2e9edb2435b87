//! One place of a service table, which the program reads while the agent writes: in which order they
//! do so.
//!
//! There is no lock. The agent gives a place to a service word by word, the key last, and takes it away
//! key first. A reader that has found its key and has read the entry looks at the key again: in between the place
//! may have been given to another service. (To another one and back to the first it cannot be
//! given so quickly.)
//!
//! `read` and `write` are told which word is meant by its offset in the place, in bytes. The words have to
//! be read and written in the order of the calls, each at once.

use core::mem::offset_of;

use super::{ServiceEntry, ServiceKey4, ServiceKey6, ServiceSlot, ServiceSlot6};
use crate::address6::Address6;

const KEY: usize = offset_of!(ServiceSlot, key);
const ENTRY: usize = offset_of!(ServiceSlot, entry);
const KEY6: usize = offset_of!(ServiceSlot6, key);
const ENTRY6: usize = offset_of!(ServiceSlot6, entry);
const PREFIX6: usize = offset_of!(ServiceSlot6, address);
const HOST6: usize = PREFIX6 + size_of::<u64>();

/// The entry of the service whose [`ServiceKey4::word`] is `key`; 0: it does not stand here.
#[inline(always)]
#[must_use]
pub fn entry(key: u64, read: impl Fn(usize) -> u64) -> u64 {
    if read(KEY) != key {
        return 0;
    }
    let entry = read(ENTRY);
    if read(KEY) == key { entry } else { 0 }
}

/// The same of IPv6; `key` is [`ServiceKey6::word`].
#[inline(always)]
#[must_use]
pub fn entry6(address: &Address6, key: u64, read: impl Fn(usize) -> u64) -> u64 {
    let differs = || read(KEY6) ^ key | read(PREFIX6) ^ address[0] | read(HOST6) ^ address[1];
    if differs() != 0 {
        return 0;
    }
    let entry = read(ENTRY6);
    if differs() == 0 { entry } else { 0 }
}

/// Gives a free place to a service, or another entry to the one that stands here.
pub fn give(key: &ServiceKey4, entry: ServiceEntry, mut write: impl FnMut(usize, u64)) {
    write(ENTRY, entry.word());
    write(KEY, key.word());
}

/// The same of IPv6.
pub fn give6(key: &ServiceKey6, entry: ServiceEntry, mut write: impl FnMut(usize, u64)) {
    write(PREFIX6, key.address[0]);
    write(HOST6, key.address[1]);
    write(ENTRY6, entry.word());
    write(KEY6, key.word());
}

/// Takes the place from the service that stands here.
pub fn take(mut write: impl FnMut(usize, u64)) {
    write(KEY, 0);
    write(ENTRY, 0);
}

/// The same of IPv6.
pub fn take6(mut write: impl FnMut(usize, u64)) {
    write(KEY6, 0);
    write(ENTRY6, 0);
}

#[cfg(test)]
mod tests;
