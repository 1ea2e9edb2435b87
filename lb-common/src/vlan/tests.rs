use super::*;

#[test]
fn a_tag_stands_in_a_frame_as_ieee_802_1q_has_it() {
    let tag = Tag::new(CUSTOMER, 100);
    assert_eq!(tag.word().to_ne_bytes(), [0x81, 0x00, 0x00, 0x64]);
    assert_eq!(tag.id(), 100);
    let tag = Tag::new(SERVICE, LAST_ID);
    assert_eq!(tag.word().to_ne_bytes(), [0x88, 0xa8, 0x0f, 0xfe]);
    assert_eq!(tag.id(), LAST_ID);
}

#[test]
fn a_vlan_is_known_by_its_number_whatever_the_priority() {
    let urgent = Tag::from_word(u32::from_ne_bytes([0x81, 0x00, 0xf1, 0x23]));
    assert_eq!(urgent.vlan(), Tag::new(CUSTOMER, 0x123));
    assert_ne!(urgent.vlan(), Tag::new(SERVICE, 0x123));
    assert_eq!(urgent.id(), 0x123);
}

#[test]
fn what_is_no_tag_is_told_from_one() {
    assert!(Tag::new(CUSTOMER, 0).exists());
    assert!(Tag::new(SERVICE, 0).exists());
    assert!(!Tag::NONE.exists());
    for ether_type in [0x0800_u16, 0x86dd, 0x0806, 0x9100] {
        assert!(!is_tag(ether_type.to_be()), "{ether_type:#x}");
    }
}
