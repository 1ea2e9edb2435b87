//! A bitmap over hashed addresses in front of the tables: whatever is not ours leaves after one
//! load instead of missed lookups in several.
//!
//! The agent sets bits and rebuilds the whole filter when an address goes; a stale bit costs a
//! lookup, never a wrong decision.

use bytemuck::{Pod, Zeroable};

use crate::address6::{Address6, folded};
use crate::service::{ServiceKey4, ServiceKey6};

/// 64-bit words of one half of the filter.
const WORDS: usize = 512;

/// Part of [`crate::control::Control`]: which destination addresses may be virtual addresses,
/// which source addresses may be real servers in NAT mode, and which of their ports may be theirs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct AddressFilter {
    destinations: [u64; WORDS],
    sources: [u64; WORDS],
    servers: [u64; WORDS],
}

impl AddressFilter {
    /// A filter that lets nothing through.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            destinations: [0; WORDS],
            sources: [0; WORDS],
            servers: [0; WORDS],
        }
    }

    /// Lets packets to the virtual address `addr` (network byte order) through.
    pub fn add_destination(&mut self, addr: u32) {
        set(&mut self.destinations, addr);
    }

    /// Lets packets to the virtual address `address` of IPv6 through.
    pub fn add_destination6(&mut self, address: Address6) {
        set(&mut self.destinations, folded(address));
    }

    /// Lets packets from the real server `key` through.
    pub fn add_server(&mut self, key: &ServiceKey4) {
        set(&mut self.sources, key.addr);
        set(&mut self.servers, server(key));
    }

    /// Lets packets from the real server `key` of IPv6 through.
    pub fn add_server6(&mut self, key: &ServiceKey6) {
        set(&mut self.sources, folded(key.address));
        set(&mut self.servers, server6(key));
    }

    /// Whether a packet to `addr` may be for one of our services.
    #[inline(always)]
    #[must_use]
    pub fn may_be_destination(&self, addr: u32) -> bool {
        get(&self.destinations, addr)
    }

    /// Whether a packet to `address` of IPv6 may be for one of our services.
    #[inline(always)]
    #[must_use]
    pub fn may_be_destination6(&self, address: Address6) -> bool {
        get(&self.destinations, folded(address))
    }

    /// Whether a packet from `addr` may be the reply of a server in NAT mode.
    #[inline(always)]
    #[must_use]
    pub fn may_be_source(&self, addr: u32) -> bool {
        get(&self.sources, addr)
    }

    /// Whether a packet from `address` of IPv6 may be the reply of a server in NAT mode.
    #[inline(always)]
    #[must_use]
    pub fn may_be_source6(&self, address: Address6) -> bool {
        get(&self.sources, folded(address))
    }

    /// Whether a packet from `key`, whose address passed [`Self::may_be_source`], may be the reply
    /// of a server in NAT mode: what else a server has to say need not be looked for among the
    /// flows.
    #[inline(always)]
    #[must_use]
    pub fn may_be_server(&self, key: &ServiceKey4) -> bool {
        get(&self.servers, server(key))
    }

    /// As [`Self::may_be_server`], of IPv6.
    #[inline(always)]
    #[must_use]
    pub fn may_be_server6(&self, key: &ServiceKey6) -> bool {
        get(&self.servers, server6(key))
    }
}

/// Address, port and protocol in half a word.
#[inline(always)]
const fn server(key: &ServiceKey4) -> u32 {
    key.addr ^ (key.port as u32) << 16 ^ key.proto as u32
}

/// The same of IPv6.
#[inline(always)]
const fn server6(key: &ServiceKey6) -> u32 {
    folded(key.address) ^ (key.port as u32) << 16 ^ key.proto as u32
}

/// Word and bit of an address. The multiplier is 2^32 divided by the golden ratio: neighbouring
/// addresses spread over the whole table.
#[inline(always)]
const fn place(addr: u32) -> (usize, u32) {
    let hash = addr.wrapping_mul(0x9e37_79b1) >> 17;
    ((hash >> 6) as usize, hash & 63)
}

#[inline(always)]
fn set(words: &mut [u64; WORDS], addr: u32) {
    let (word, bit) = place(addr);
    if let Some(word) = words.get_mut(word) {
        *word |= 1 << bit;
    }
}

#[inline(always)]
fn get(words: &[u64; WORDS], addr: u32) -> bool {
    let (word, bit) = place(addr);
    words.get(word).is_some_and(|word| word >> bit & 1 == 1)
}

#[cfg(test)]
mod tests;
