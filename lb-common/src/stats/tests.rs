use std::collections::BTreeSet;

use super::*;

#[test]
fn reasons_stand_in_the_order_of_their_index_and_have_names_of_their_own() {
    for (index, reason) in (0..).zip(Reason::ALL) {
        assert_eq!(reason as u32, index);
    }
    let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
}

#[test]
fn dropped_is_what_the_kernel_would_leak_and_answered_what_cannot_go_on() {
    use Reason::{
        AnswerLimit, CannotFragment, NewFlowLimit, NoEgress, NoNeighbour, NoRoom, NoWayBack,
        SctpFragment, SourceLimit, TimeExceeded, TooBig, Unresolved,
    };
    const DROP: u32 = 1;
    const PASS: u32 = 2;
    const TX: u32 = 3;
    for reason in Reason::ALL {
        let verdict = match reason {
            CannotFragment | AnswerLimit | NoRoom | NoWayBack | NewFlowLimit | SourceLimit
            | NoEgress | NoNeighbour | Unresolved | SctpFragment => DROP,
            TooBig | TimeExceeded => TX,
            _ => PASS,
        };
        assert_eq!(reason.verdict(), verdict, "{}", reason.name());
        let (fate, _) = reason.meaning().split_once(": ").unwrap();
        let expected = match verdict {
            DROP if reason == Unresolved => "to the agent",
            DROP => "dropped",
            TX => "answered",
            _ => "to the kernel",
        };
        assert_eq!(fate, expected, "{}", reason.name());
    }
}

#[test]
fn traffic_adds_up_field_by_field() {
    let mut total = Traffic {
        conns: 1,
        in_packets: 2,
        in_bytes: 3,
        out_packets: 4,
        out_bytes: 5,
    };
    total.add(&Traffic {
        conns: 10,
        in_packets: 20,
        in_bytes: 30,
        out_packets: 40,
        out_bytes: 50,
    });
    let sum = Traffic {
        conns: 11,
        in_packets: 22,
        in_bytes: 33,
        out_packets: 44,
        out_bytes: 55,
    };
    assert_eq!(total, sum);
}
