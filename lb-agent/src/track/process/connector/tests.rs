use proptest::prelude::*;

use super::*;

fn payload(what: u32, data: &[u32]) -> Vec<u8> {
    let header = [GROUP, CN_VAL_PROC, 7, u32::from(what == 0), 0];
    let event = [what, 3, 0, 0];
    let words = header.iter().chain(&event).chain(data);
    words.flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn processes_are_told_from_threads() {
    for (what, data, event) in [
        (0, &[0][..], Event::Listening(0)),
        (0, &[1], Event::Listening(1)),
        (
            1,
            &[11, 10, 20, 20],
            Event::Fork {
                parent: 10,
                child: 20,
            },
        ),
        (1, &[11, 10, 21, 20], Event::Other),
        (2, &[20, 20], Event::Changed(20)),
        (0x200, &[20, 20, 0, 0, 0, 0], Event::Changed(20)),
        (0x200, &[21, 20, 0, 0, 0, 0], Event::Other),
        (0x8000_0000, &[20, 20, 0, 0], Event::Exit(20)),
        (0x8000_0000, &[21, 20, 0, 0], Event::Other),
        (4, &[0, 0], Event::Other),
    ] {
        let message = parse(&payload(what, data)).unwrap();
        assert_eq!(
            (message.sequence, message.cpu, message.event),
            (7, 3, event)
        );
    }
}

#[test]
fn other_connectors_and_fragments_are_nothing() {
    let mut other = payload(2, &[1, 1]);
    other[4] = 9;
    assert_eq!(parse(&other), None);
    let whole = payload(1, &[1, 1, 2, 2]);
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length]), None, "{length}");
    }
}

#[test]
fn the_request_is_one_whole_netlink_message() {
    let message = listen(5);
    assert_eq!(message.len(), 40);
    assert_eq!(message[..4], 40_u32.to_ne_bytes());
    assert_eq!(message[12..16], 5_u32.to_ne_bytes());
    assert_eq!(message[36..], 1_u32.to_ne_bytes());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        parse(&bytes);
    }
}
