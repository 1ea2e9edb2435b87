use proptest::prelude::*;

use super::*;

const UP: Control = Control {
    diagnostic: Diagnostic::NONE,
    state: State::Up,
    poll: true,
    is_final: false,
    authenticated: false,
    demand: false,
    detect_mult: 5,
    my_discriminator: 0x0102_0304,
    your_discriminator: 0xa0b0_c0d0,
    desired_min_tx: 10_000,
    required_min_rx: 1_000_000,
    required_min_echo_rx: 50_000,
};

/// Written down field by field from RFC 5880 section 4.1.
const UP_BYTES: [u8; LEN] = [
    0x20, 0xe0, 5, 24, //
    1, 2, 3, 4, //
    0xa0, 0xb0, 0xc0, 0xd0, //
    0x00, 0x00, 0x27, 0x10, //
    0x00, 0x0f, 0x42, 0x40, //
    0x00, 0x00, 0xc3, 0x50,
];

#[test]
fn the_bytes_are_the_rfcs() {
    assert_eq!(UP.to_bytes(), UP_BYTES);
    assert_eq!(Control::parse(&UP_BYTES), Ok(UP));
    let down = Control {
        diagnostic: Diagnostic::EXPIRED,
        state: State::Down,
        poll: false,
        is_final: true,
        demand: true,
        your_discriminator: 0,
        ..UP
    };
    assert_eq!(down.to_bytes()[..4], [0x21, 0x52, 5, 24]);
    assert_eq!(Control::parse(&down.to_bytes()), Ok(down));
}

/// What FRR's bfdd 8.4 sent first in `tests/bfd.rs`, recorded there.
#[test]
fn a_packet_of_frr_is_understood() {
    let bytes = [
        0x20, 0x40, 0x03, 0x18, 0x20, 0x87, 0x9d, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x42,
        0x40, 0x00, 0x0f, 0x42, 0x40, 0x00, 0x00, 0xc3, 0x50,
    ];
    let control = Control::parse(&bytes).unwrap();
    assert_eq!(
        (control.state, control.detect_mult, control.required_min_rx),
        (State::Down, 3, 1_000_000)
    );
    assert_eq!(control.to_bytes(), bytes);
}

#[test]
fn what_the_rfc_discards_is_an_error() {
    let with = |place: usize, value: u8| {
        let mut bytes = UP_BYTES;
        bytes[place] = value;
        Control::parse(&bytes).unwrap_err()
    };
    assert_eq!(with(0, 0x40), Error::Version(2));
    let length = |field| Error::Length {
        field,
        received: 24,
    };
    assert_eq!(with(3, 23), length(23));
    assert_eq!(with(3, 25), length(25));
    // Authenticated packets are two bytes longer at least.
    assert_eq!(with(1, 0xc4), length(24));
    assert_eq!(with(2, 0), Error::DetectMult);
    assert_eq!(with(1, 0xc1), Error::Multipoint);
    assert_eq!(with(1, 0xf0), Error::PollAndFinal);
    let without = |range: std::ops::Range<usize>| {
        let mut bytes = UP_BYTES;
        bytes[range].fill(0);
        Control::parse(&bytes)
    };
    assert_eq!(without(4..8), Err(Error::MyDiscriminator));
    assert_eq!(without(8..12), Err(Error::YourDiscriminator));
    assert_eq!(Control::parse(&UP_BYTES[..23]), Err(Error::TooSmall(23)));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_read_is_written_again(
        mut bytes in prop::collection::vec(any::<u8>(), 0..60),
        likely: bool,
    ) {
        if likely && bytes.len() >= 4 {
            bytes[0] = 0x20 | bytes[0] & 0x1f;
            bytes[1] &= 0xf2;
            bytes[3] = 24;
        }
        if let Ok(control) = Control::parse(&bytes)
            && !control.authenticated
        {
            prop_assert_eq!(Control::parse(&control.to_bytes()), Ok(control));
        }
    }
}
