use core::mem::offset_of;

use bytemuck::Zeroable as _;

use super::*;

#[test]
fn only_a_heartbeat_of_long_ago_is_silence() {
    let control = |deadman| Control {
        heartbeat: 5000,
        deadman,
        ..Control::zeroed()
    };
    for (now, silent) in [
        (5000, false),
        (5100, false),
        (5101, true),
        (4999, false),
        (0, false),
        (5000 + u64::MAX / 2, true),
    ] {
        assert_eq!(control(100).is_silent(now), silent, "{now}");
        assert!(!control(0).is_silent(now), "{now}");
    }
}

#[test]
fn every_word_of_the_page_can_be_written_at_once() {
    for offset in [
        offset_of!(Control, heartbeat),
        offset_of!(Control, deadman),
        offset_of!(Control, secret),
        offset_of!(Control, filter),
    ] {
        assert!(offset.is_multiple_of(8));
    }
    assert!(offset_of!(Control, timeouts).is_multiple_of(4));
    assert!(Control::ARMED_OFFSET.is_multiple_of(4));
}

#[test]
fn the_gate_of_no_instance_is_a_gate() {
    assert!(usize::from(GATE_ALWAYS) < MAX_GATES);
    // The program masks the index.
    assert!(MAX_GATES.is_power_of_two());
}
