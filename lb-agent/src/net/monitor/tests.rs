use proptest::prelude::*;

use super::*;

fn datagram(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(16 + payload.len())
        .unwrap()
        .to_ne_bytes()
        .to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(payload);
    bytes
}

fn all(datagram: &[u8]) -> Vec<Event> {
    events(datagram).collect()
}

#[test]
fn every_change_of_routes_and_rules_is_one_event() {
    for kind in [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE] {
        assert_eq!(all(&datagram(kind, &[0; 12])), [Event::RouteChanged]);
    }
}

#[test]
fn news_that_is_of_no_interest_is_no_event() {
    const RTM_NEWQDISC: u16 = 36;
    assert_eq!(all(&datagram(RTM_NEWQDISC, &[0; 20])), []);
    assert_eq!(all(&datagram(RTM_NEWLINK, &[0; 3])), []);
}

#[test]
fn a_datagram_cut_in_the_middle_counts_as_lost() {
    let mut bytes = datagram(RTM_NEWROUTE, &[0; 12]);
    bytes.extend(datagram(RTM_NEWROUTE, &[0; 12]));
    bytes.truncate(40);
    assert_eq!(all(&bytes), [Event::RouteChanged, Event::Overrun]);
}

#[test]
fn several_changes_in_one_datagram_keep_their_order() {
    let mut bytes = datagram(RTM_NEWROUTE, &[0; 12]);
    #[rustfmt::skip]
    bytes.extend(datagram(RTM_DELNEIGH, &[
        2, 0, 0, 0, 7, 0, 0, 0, 0x20, 0, 0, 1,
        8, 0, 1, 0, 192, 0, 2, 9,
    ]));
    let found = all(&bytes);
    assert_eq!(found[0], Event::RouteChanged);
    assert!(matches!(&found[1], Event::NeighbourGone(neighbour) if neighbour.index == 7));
}

proptest! {
    #[test]
    fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _events = all(&bytes);
    }
}
