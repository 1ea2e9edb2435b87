use super::*;
use crate::net::attribute::{self, attributes as read};

/// As `ip rule add pref 100 from 10.0.0.0/8 lookup 200 protocol keepalived` sends it, but for the
/// order of the attributes.
#[test]
fn a_rule_is_written_as_iproute2_writes_it() {
    let rule = Rule {
        from: Some("10.0.0.0/8".parse().unwrap()),
        preference: Some(100),
        action: RuleAction::Table(200),
        ..Rule::default()
    };
    let entry = encode(&rule).unwrap();
    #[rustfmt::skip]
    let golden = [
        2, 0, 8, 0, 200, 0, 0, 1, 0, 0, 0, 0,
        8, 0, 2, 0, 10, 0, 0, 0,
        8, 0, 6, 0, 100, 0, 0, 0,
        8, 0, 15, 0, 200, 0, 0, 0,
        5, 0, 21, 0, 18, 0, 0, 0,
    ];
    assert_eq!(entry.add.body(), golden);
    assert_eq!(entry.remove.body(), golden);
    assert_eq!(entry.text, "rule 100: from 10.0.0.0/8 lookup 200");
}

#[test]
fn every_option_has_its_attribute() {
    let rule = Rule {
        not: true,
        fwmark: Some((1, 0xff)),
        iif: Some("eth0".into()),
        oif: Some("eth1".into()),
        tos: Some(0x10),
        uidrange: Some(Range { first: 1, last: 2 }),
        ipproto: Some(6),
        sport: Some(Range { first: 1, last: 9 }),
        dport: Some(Range {
            first: 80,
            last: 80,
        }),
        tunnel_id: Some(5),
        realms: Some((1, 2)),
        suppress_prefixlength: Some(0),
        suppress_ifgroup: Some(3),
        action: RuleAction::Goto(900),
        to: Some("2001:db8::/32".parse().unwrap()),
        ..Rule::default()
    };
    let entry = encode(&rule).unwrap();
    let (header, rest) = entry.add.body().split_at(12);
    assert_eq!(header, [10, 32, 0, 0x10, 0, 0, 0, 2, 2, 0, 0, 0]);
    let mut kinds: Vec<u16> = read(rest).map(|(kind, _)| kind).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [1, 3, 4, 10, 11, 12, 13, 14, 16, 17, 20, 21, 22, 23, 24]
    );
    let value = |of| read(rest).find(|(kind, _)| *kind == of).unwrap().1;
    assert_eq!(attribute::u32(value(FLOW)), Some(0x0001_0002));
    assert_eq!(value(TUN_ID), [0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(value(DPORT_RANGE), [80, 0, 80, 0]);
}

#[test]
fn a_rule_that_says_nothing_to_do_is_refused_in_words() {
    assert!(
        encode(&Rule::default())
            .unwrap_err()
            .contains("nothing to do")
    );
}
