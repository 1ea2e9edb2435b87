use super::*;

/// An answer with these features on.
fn answer(names: &[&str]) -> Vec<u8> {
    let mut bits = Writer::default();
    for (index, name) in (0_u32..).zip(names) {
        let mut bit = Writer::default();
        bit.u32(1, index).string(NAME, name);
        bits.nested(BIT, &bit);
    }
    let mut active = Writer::default();
    active.put(1, &[]).u32(2, 64).nested(BITS, &bits);
    let mut attributes = Writer::default();
    attributes.nested(ACTIVE, &active);
    let mut answer = vec![GET_FEATURES, 1, 0, 0];
    answer.extend_from_slice(attributes.bytes());
    answer
}

#[test]
fn a_card_that_takes_tags_off_is_known_by_the_features_that_are_on() {
    assert_eq!(
        strips(&answer(&["tx-vlan-hw-insert", "rx-gro"])),
        Some(false)
    );
    assert_eq!(strips(&answer(&["rx-gro", "rx-vlan-hw-parse"])), Some(true));
    assert_eq!(strips(&answer(&["rx-vlan-stag-hw-parse"])), Some(true));
    assert_eq!(strips(&answer(&[])), Some(false));
}

#[test]
fn an_answer_that_is_cut_off_or_says_nothing_of_it_is_none() {
    let whole = answer(&["rx-vlan-hw-parse"]);
    for length in 0..whole.len() {
        assert_ne!(strips(&whole[..length]), Some(true), "{length} bytes");
    }
    assert_eq!(strips(&[GET_FEATURES, 1, 0, 0]), None);
}
