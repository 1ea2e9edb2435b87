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
fn a_card_takes_tags_of_a_kind_off_by_the_feature_of_that_kind_alone() {
    let both = answer(&["rx-gro", STRIPS_CUSTOMERS, STRIPS_PROVIDERS]);
    let providers = answer(&["tx-vlan-hw-insert", STRIPS_PROVIDERS]);
    let none = answer(&[]);
    for (answer, of_customers, of_providers) in [
        (both, true, true),
        (providers, false, true),
        (none, false, false),
    ] {
        assert_eq!(has(&answer, STRIPS_CUSTOMERS), Some(of_customers));
        assert_eq!(has(&answer, STRIPS_PROVIDERS), Some(of_providers));
    }
}

#[test]
fn ethtool_has_its_own_word_for_what_concerns_customers() {
    assert_eq!(stripping(Tag::new(vlan::CUSTOMER, 10)), "rxvlan");
    assert_eq!(
        stripping(Tag::new(vlan::SERVICE, 10)),
        "rx-vlan-stag-hw-parse"
    );
}

#[test]
fn an_answer_that_is_cut_off_or_says_nothing_of_it_is_none() {
    let whole = answer(&["rx-vlan-hw-parse"]);
    for length in 0..whole.len() {
        assert_ne!(
            has(&whole[..length], STRIPS_CUSTOMERS),
            Some(true),
            "{length} bytes"
        );
    }
    assert_eq!(has(&[GET_FEATURES, 1, 0, 0], STRIPS_CUSTOMERS), None);
}
