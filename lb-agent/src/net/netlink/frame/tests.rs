use proptest::prelude::*;

use super::*;

fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + payload.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(77u32.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn refusal(errno: i32) -> Vec<u8> {
    (-errno).to_ne_bytes().to_vec()
}

fn content(bytes: &[u8]) -> Content {
    frames(bytes).next().unwrap().unwrap().content()
}

/// `NLMSGERR_ATTR_MSG` "no such thing".
const EXPLANATION: &[u8] = b"\x12\0\x01\0no such thing\0\0\0";

#[test]
fn a_datagram_of_several_messages_is_taken_apart_over_its_padding() {
    let mut bytes = message(16, 2, 5, &[1, 2, 3]);
    bytes.extend(message(17, 0, 6, &[]));
    let found: Vec<_> = frames(&bytes).map(Result::unwrap).collect();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].kind, found[0].sequence), (16, 5));
    assert_eq!(found[0].payload, [1, 2, 3]);
    assert_eq!((found[1].kind, found[1].sequence), (17, 6));
}

#[test]
fn a_message_longer_than_the_datagram_is_an_error_and_the_last() {
    let mut bytes = message(16, 0, 1, &[0; 8]);
    bytes.truncate(20);
    let found: Vec<_> = frames(&bytes).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].is_err());
}

#[test]
fn a_message_of_length_zero_does_not_hold_the_reader() {
    assert_eq!(frames(&[0; 64]).count(), 1);
}

#[test]
fn an_acknowledgement_is_an_error_message_with_code_zero() {
    let bytes = message(NLMSG_ERROR, NLM_F_CAPPED, 1, &[0; 20]);
    assert_eq!(content(&bytes), Content::End);
}

#[test]
fn a_refusal_carries_the_errno_and_the_kernels_words() {
    let mut payload = refusal(19);
    payload.extend([0; 16]);
    payload.extend(EXPLANATION);
    let bytes = message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 1, &payload);
    assert_eq!(
        content(&bytes),
        Content::Refusal {
            errno: Errno::ENODEV,
            explanation: Some("no such thing".into())
        }
    );
}

#[test]
fn the_words_are_found_behind_an_echoed_request() {
    let mut payload = refusal(22);
    payload.extend(message(20, 0, 1, &[9; 10]));
    payload.extend(EXPLANATION);
    let bytes = message(NLMSG_ERROR, NLM_F_ACK_TLVS, 1, &payload);
    assert_eq!(
        content(&bytes),
        Content::Refusal {
            errno: Errno::EINVAL,
            explanation: Some("no such thing".into())
        }
    );
}

#[test]
fn a_list_can_end_with_an_error() {
    let mut payload = refusal(1);
    payload.extend(EXPLANATION);
    let bytes = message(NLMSG_DONE, NLM_F_ACK_TLVS, 1, &payload);
    assert_eq!(
        content(&bytes),
        Content::Refusal {
            errno: Errno::EPERM,
            explanation: Some("no such thing".into())
        }
    );
    assert_eq!(content(&message(NLMSG_DONE, 0, 1, &[0; 4])), Content::End);
    assert_eq!(content(&message(NLMSG_DONE, 0, 1, &[])), Content::End);
}

#[test]
fn an_acknowledgement_without_a_code_is_malformed() {
    let bytes = message(NLMSG_ERROR, 0, 1, &[0; 2]);
    assert!(matches!(content(&bytes), Content::Malformed(_)));
}

#[test]
fn an_interrupted_list_says_so_in_any_of_its_messages() {
    let bytes = message(NLMSG_DONE, NLM_F_DUMP_INTR, 1, &[0; 4]);
    assert!(frames(&bytes).next().unwrap().unwrap().dump_interrupted());
}

proptest! {
    #[test]
    fn no_datagram_makes_the_reader_panic_or_run_for_ever(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut count = 0;
        for frame in frames(&bytes).flatten() {
            let _content = frame.content();
            count += 1;
        }
        prop_assert!(count <= bytes.len() / HEADER);
    }

    #[test]
    fn no_refusal_makes_the_reader_panic(
        flags: u16,
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let _content = content(&message(NLMSG_ERROR, flags, 1, &payload));
    }
}
