//! How a backend slot is changed while the program reads it. Pure.
//!
//! A slot is sixteen words, and the program loads the words it needs one by one, each at once: it
//! may see some of them old and some new. So the order of the stores is what keeps it from
//! sending a packet with half of an old way and half of a new one.

use std::mem::offset_of;

use lb_common::backend::{Backend, flags};

/// Words of a slot.
const WORDS: usize = size_of::<Backend>() / 8;

/// The word with the Ethernet address of the next hop and the generation.
const HOP: usize = offset_of!(Backend, dst_mac) / 8;

/// The word with our Ethernet address and the flags.
const FLAGS: usize = offset_of!(Backend, src_mac) / 8;

/// The stores that turn `old` into `new`, in order: number of the word, and what it becomes.
///
/// While the server itself and the interface stay the same, no packet has to wait. A new MAC of
/// the next hop is one word, a new MAC of our interface another; MTU and outer source matter to
/// no other word. Without such a gap the packets of live connections stay off the kernel, which
/// knows nothing of them and would reset them.
///
/// Anything else, another interface or both MACs at once, takes `READY` away for the few stores in between:
/// a frame that leaves by the new interface for the old hop's MAC would go astray. A packet in
/// that gap is the kernel's. `READY` comes back with the next `TURN`, by which the program notices
/// that it has read some words before the gap and some behind it.
///
/// A slot that loses its server gets the next generation first, while its way is still good: its
/// flows are scheduled anew from there on and see nothing of the rest.
pub(super) fn stores(old: &Backend, new: &Backend) -> Vec<(usize, u64)> {
    let closes = !same_way(old, new);
    let new = &Backend {
        flags: new.flags & !flags::TURN | turn(old, closes),
        ..*new
    };
    let (before, after) = (words(old), words(new));
    let mut stores = Vec::with_capacity(WORDS + 2);
    let mut current = before;
    let mut store = |word: usize, value: u64| {
        if let Some(now) = current.get_mut(word)
            && *now != value
        {
            *now = value;
            stores.push((word, value));
        }
    };
    let next = Backend {
        generation: new.generation,
        ..*old
    };
    store(HOP, word(&next, HOP));
    if closes {
        let closed = Backend {
            flags: old.flags & !flags::READY,
            ..next
        };
        store(FLAGS, word(&closed, FLAGS));
    }
    for (at, value) in (0..).zip(after) {
        if at != FLAGS {
            store(at, value);
        }
    }
    store(FLAGS, word(new, FLAGS));
    stores
}

/// Whether packets go the same way before and after, but for what one word decides alone.
fn same_way(old: &Backend, new: &Backend) -> bool {
    let way = |of: &Backend| Backend {
        dst_mac: [0; 6],
        src_mac: [0; 6],
        mtu: 0,
        tunnel_source: 0,
        weight: 0,
        proto: 0,
        gate: 0,
        vip: 0,
        vport: 0,
        vip6: [0; 2],
        flags: of.flags & !flags::TURN,
        ..*of
    };
    let half = old.dst_mac != new.dst_mac && old.src_mac != new.src_mac;
    new.has(flags::READY) && way(old) == way(new) && !half
}

/// The turn behind a change.
const fn turn(old: &Backend, closes: bool) -> u16 {
    let step = if closes { 1 << flags::TURN_SHIFT } else { 0 };
    old.flags.wrapping_add(step) & flags::TURN
}

fn words(backend: &Backend) -> [u64; WORDS] {
    bytemuck::cast(*backend)
}

fn word(backend: &Backend, at: usize) -> u64 {
    words(backend).get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
