use bytemuck::Zeroable as _;
use proptest::prelude::*;

use super::*;

fn ready() -> Backend {
    Backend {
        dst_mac: [5; 6],
        generation: 7,
        src_mac: [2; 6],
        flags: flags::IN_USE | flags::READY | flags::DR,
        ifindex: 3,
        pool: 1,
        mtu: 1500,
        addr: 0x0500_000a,
        port: 80_u16.to_be(),
        vport: 80_u16.to_be(),
        vip: 0x6400_000a,
        weight: 1,
        proto: 6,
        ..Backend::zeroed()
    }
}

/// What the program could read, from before the first store to after the last.
fn turning_states(old: Backend, new: Backend) -> Vec<Backend> {
    let mut words: [u64; WORDS] = bytemuck::cast(old);
    let mut states = vec![old];
    for (at, value) in stores(&old, &new) {
        words[at] = value;
        states.push(bytemuck::cast(words));
    }
    states
}

/// The same without the turn.
fn states(old: Backend, new: Backend) -> Vec<Backend> {
    let mut states = turning_states(old, new);
    for state in &mut states {
        state.flags &= !flags::TURN;
    }
    states
}

#[test]
fn the_turn_goes_round_with_every_gap_and_stays_without_one() {
    let turn = |of: &Backend| (of.flags & flags::TURN) >> flags::TURN_SHIFT;
    let last = |old, new| turning_states(old, new).pop().unwrap();
    let mut slot = ready();
    for round in 0..130_u32 {
        assert_eq!(u32::from(turn(&slot)), round % 64);
        let moved = Backend {
            ifindex: round + 10,
            ..ready()
        };
        slot = last(slot, moved);
        let next = Backend {
            dst_mac: [8; 6],
            ..slot
        };
        assert_eq!(turn(&last(slot, next)), turn(&slot));
    }
}

#[test]
fn what_stays_is_not_stored() {
    assert_eq!(stores(&ready(), &ready()), []);
}

#[test]
fn while_the_interface_stays_the_slot_stays_ready() {
    let hop = Backend {
        dst_mac: [6; 6],
        ..ready()
    };
    let own = Backend {
        src_mac: [4; 6],
        ..ready()
    };
    let path = Backend {
        mtu: 1400,
        tunnel_source: 9,
        weight: 0,
        ..ready()
    };
    for new in [hop, own, path] {
        let states = states(ready(), new);
        assert!(states.iter().all(|it| it.has(flags::READY)), "{states:?}");
        assert_eq!(states.last(), Some(&new));
    }
}

#[test]
fn another_interface_with_the_same_macs_closes_the_slot_meanwhile() {
    let new = Backend {
        ifindex: 4,
        ..ready()
    };
    let states = states(ready(), new);
    assert!(
        matches!(states[..], [_, closed, moved, last]
            if !closed.has(flags::READY) && closed.has(flags::IN_USE)
                && !moved.has(flags::READY) && moved.ifindex == 4
                && last == new),
        "{states:?}"
    );
}

#[test]
fn another_source_of_a_tunnel_of_ipv6_closes_the_slot_meanwhile() {
    let new = Backend {
        tunnel_source6: [1, 2],
        ..ready()
    };
    let states = states(ready(), new);
    let closed = states
        .iter()
        .filter(|it| it.tunnel_source6 != [0, 0] && **it != new);
    assert!(closed.clone().count() == 2, "{states:?}");
    assert!(
        closed.into_iter().all(|it| !it.has(flags::READY)),
        "{states:?}"
    );
    assert_eq!(states.last(), Some(&new));
}

#[test]
fn a_retired_slot_has_its_next_generation_before_it_loses_its_way() {
    let empty = Backend {
        generation: 8,
        ..Backend::zeroed()
    };
    let states = states(ready(), empty);
    let next = Backend {
        generation: 8,
        ..ready()
    };
    assert_eq!(states[1], next);
    assert_eq!(states.last(), Some(&empty));
}

prop_compose! {
    /// Few values, so that two of them often have something in common.
    fn any_backend()(
        macs in (0_u8..2, 0_u8..2),
        generation in 0_u16..2,
        bits in prop::sample::select(vec![
            0,
            flags::IN_USE | flags::DR,
            flags::IN_USE | flags::DR | flags::READY,
            flags::IN_USE | flags::TUN | flags::READY,
        ]),
        ifindex in 0_u32..2,
        mtu in 0_u16..2,
        addr in 0_u32..2,
        words in (0_u32..2, 0_u32..2, 0_u32..2),
    ) -> Backend {
        Backend {
            dst_mac: [macs.0; 6],
            generation,
            src_mac: [macs.1; 6],
            flags: bits,
            ifindex,
            mtu,
            addr,
            vip: words.0,
            tunnel_source: words.1,
            weight: words.2,
            ..Backend::zeroed()
        }
    }
}

proptest! {
    #[test]
    fn a_ready_slot_never_shows_half_of_two_ways(old in any_backend(), new in any_backend()) {
        let states = states(old, new);
        prop_assert_eq!(states.last(), Some(&new));
        let way = |of: &Backend| (of.flags, of.ifindex, of.addr, of.vip);
        let hop = |of: &Backend| (of.dst_mac, of.src_mac, of.ifindex);
        for state in states.iter().filter(|it| it.has(flags::READY)) {
            prop_assert!([way(&old), way(&new)].contains(&way(state)), "{:?}", state);
            prop_assert!([hop(&old), hop(&new)].contains(&hop(state)), "{:?}", state);
        }
        let one_mac = old.dst_mac == new.dst_mac || old.src_mac == new.src_mac;
        let same = way(&old) == way(&new) && old.generation == new.generation;
        if old.has(flags::READY) && same && one_mac {
            prop_assert!(states.iter().all(|it| it.has(flags::READY)));
        }
    }
}
