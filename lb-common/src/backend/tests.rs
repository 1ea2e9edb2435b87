use core::mem::offset_of;

use super::*;

#[test]
fn a_slot_is_two_cache_lines_and_its_words_are_those_of_the_drawing() {
    assert_eq!(size_of::<Backend>(), 128);
    for (offset, word) in [
        (offset_of!(Backend, dst_mac), 0),
        (offset_of!(Backend, generation), 0),
        (offset_of!(Backend, src_mac), 1),
        (offset_of!(Backend, flags), 1),
        (offset_of!(Backend, ifindex), 2),
        (offset_of!(Backend, mtu), 2),
        (offset_of!(Backend, addr), 3),
        (offset_of!(Backend, vport), 3),
        (offset_of!(Backend, vip), 4),
        (offset_of!(Backend, tunnel_source), 4),
        (offset_of!(Backend, weight), 5),
        (offset_of!(Backend, gate), 5),
        (offset_of!(Backend, tunnel), 6),
        (offset_of!(Backend, spare), 7),
        (offset_of!(Backend, addr6), 8),
        (offset_of!(Backend, vip6), 10),
        (offset_of!(Backend, tunnel_source6), 12),
    ] {
        assert_eq!(offset / 8, word);
    }
}

#[test]
fn the_head_says_what_the_slot_says() {
    let backend = Backend {
        dst_mac: [1, 2, 3, 4, 5, 6],
        generation: 0xa1b2,
        src_mac: [7, 8, 9, 10, 11, 12],
        flags: flags::READY | flags::TUN,
        ..Zeroable::zeroed()
    };
    let words: [u64; 16] = bytemuck::cast(backend);
    let head = Head {
        first: words[0],
        second: words[1],
    };
    assert_eq!(head.generation(), backend.generation);
    assert_eq!(head.flags(), backend.flags);
    assert!(head.has(flags::READY) && !head.has(flags::READY | flags::LOCAL));
    // The addresses come first: a word can be stored where its address belongs in a frame.
    assert_eq!(head.first.to_ne_bytes()[..6], backend.dst_mac);
    assert_eq!(head.second.to_ne_bytes()[..6], backend.src_mac);
}

#[test]
fn no_flag_of_a_method_is_another_flag() {
    let others = flags::READY | flags::LOCAL | flags::IN_USE | flags::SORRY | flags::TURN;
    for method in [flags::DR, flags::TUN, flags::NAT] {
        assert_eq!(method & flags::METHOD, method);
        assert_eq!(method & others, 0);
    }
}

#[test]
fn a_slot_has_what_it_has_altogether() {
    let nat = Backend {
        flags: flags::IN_USE | flags::NAT,
        ..Zeroable::zeroed()
    };
    assert!(nat.has(flags::IN_USE) && nat.has(flags::IN_USE | flags::NAT));
    assert!(!nat.has(flags::IN_USE | flags::READY));
}
