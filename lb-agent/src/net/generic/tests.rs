use proptest::prelude::*;

use super::*;

/// What `ipvsadm` 1.31 sends to look up "IPVS", behind the netlink header.
const ASK: &[u8] = b"\x03\x01\x00\x00\x09\x00\x02\x00IPVS\x00\x00\x00\x00";

/// The beginning of what Linux 6.1 answers.
const ANSWER: &[u8] = b"\x01\x02\x00\x00\x09\x00\x02\x00IPVS\x00\x00\x00\x00\
    \x06\x00\x01\x00\x20\x00\x00\x00\x08\x00\x03\x00\x01\x00\x00\x00";

#[test]
fn the_question_for_a_family_is_ipvsadms() {
    let mut attributes = Writer::default();
    attributes.string(FAMILY_NAME, "IPVS");
    let message = Message {
        family: CONTROLLER,
        command: GET_FAMILY,
        version: 1,
        attributes,
    };
    let mut bytes = vec![0xff; message.buffer_len()];
    message.serialize(&mut bytes);
    assert_eq!(bytes, ASK);
}

#[test]
fn the_number_is_found_in_the_answer() {
    assert_eq!(family_id(ANSWER), Some(0x20));
    assert_eq!(family_id(&ANSWER[..16]), None);
}

proptest! {
    #[test]
    fn no_answer_makes_us_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = family_id(&bytes);
    }
}
