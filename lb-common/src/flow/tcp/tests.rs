use std::vec::Vec;

use super::super::state;
use super::*;

/// IPVS's tables as they stand in `ip_vs_proto_tcp.c`: the states at their head, a row for each flag.
const INPUT: &str = "
          NO SR ES FW CL SS TW CW LA
    syn   SR SR ES SR SR ES SR SR SR
    fin   CL TW CW TW CL SS TW CW LA
    ack   ES ES ES FW CL SS TW CW CL
    rst   CL SR CL CL CL CL CL CL LA
    none  CL CL CL CL CL CL CL CL CL
";
const INPUT_ONLY: &str = "
          NO SR ES FW CL SS TW CW LA
    syn   SR SR ES SR SR ES SR SR SR
    fin   CL TW FW FW CL SS TW CW LA
    ack   ES ES ES FW CL SS TW CW CL
    rst   CL SR CL CL CL CL CL CL LA
    none  CL CL CL CL CL CL CL CL CL
";
const OUTPUT: &str = "
          NO SR ES FW CL SS TW CW LA
    syn   SS SR ES SS SS SS SS SS SS
    fin   TW TW FW FW CL SS TW TW LA
    ack   ES ES ES FW CL SS TW CW LA
    rst   CL CL CL CL CL SS TW CL CL
    none  CL CL CL CL CL CL CL CL CL
";

fn number(short: &str) -> u8 {
    match short {
        "NO" => state::NONE,
        "SR" => state::SYN_RECV,
        "ES" => state::ESTABLISHED,
        "FW" => state::FIN_WAIT,
        "CL" => state::CLOSE,
        "SS" => state::SYN_SENT,
        "TW" => state::TIME_WAIT,
        "CW" => state::CLOSE_WAIT,
        "LA" => state::LAST_ACK,
        other => panic!("{other}"),
    }
}

fn flags(row: &str) -> u8 {
    match row {
        "syn" => SYN,
        "fin" => FIN | ACK,
        "ack" => ACK,
        "rst" => RST,
        "none" => 0,
        other => panic!("{other}"),
    }
}

/// What IPVS calls a state of ours.
fn in_ipvs(state: u8) -> u8 {
    if state == state::ACKED {
        state::ESTABLISHED
    } else {
        state
    }
}

/// Compares all of a table.
fn compare(table: &str, after: impl Fn(u8, u8) -> u8) {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty());
    let head: Vec<u8> = lines
        .next()
        .unwrap()
        .split_whitespace()
        .map(number)
        .collect();
    let mut compared = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        let row = words.next().unwrap();
        for (from, expected) in head.iter().zip(words) {
            let expected = number(expected);
            assert_eq!(in_ipvs(after(*from, flags(row))), expected, "{from} {row}");
            if *from == state::ESTABLISHED {
                let found = after(state::ACKED, flags(row));
                assert_eq!(in_ipvs(found), expected, "ACKED {row}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 45);
}

#[test]
fn packets_of_the_client_move_a_flow_as_in_ipvs() {
    compare(INPUT, |from, flags| after_client(from, flags, true));
    compare(INPUT_ONLY, |from, flags| after_client(from, flags, false));
}

#[test]
fn packets_of_the_server_move_a_flow_as_in_ipvs() {
    compare(OUTPUT, after_server);
}

#[test]
fn a_connection_is_believed_when_there_was_more_than_its_handshake() {
    for sees_server in [false, true] {
        let client = |from, flags| after_client(from, flags, sees_server);
        let acked = client(client(state::SYN_RECV, SYN), ACK);
        assert_eq!(acked, state::ACKED);
        assert_eq!(client(acked, SYN), state::ACKED);
        assert_eq!(client(acked, ACK), state::ESTABLISHED);
    }
    // Only who has got the first one's answer can answer it.
    assert_eq!(after_server(state::SYN_RECV, SYN | ACK), state::SYN_RECV);
    assert_eq!(after_server(state::ACKED, SYN | ACK), state::ACKED);
    assert_eq!(after_server(state::ACKED, ACK), state::ESTABLISHED);
}

#[test]
fn a_second_datagram_tells_that_a_flow_of_udp_goes_on_and_an_answer_does_not() {
    for from in [state::DATAGRAM, state::UDP] {
        for sees_server in [false, true] {
            assert_eq!(after_client(from, ACK, sees_server), state::UDP);
        }
        assert_eq!(after_server(from, ACK), from);
    }
}

#[test]
fn a_reset_counts_before_a_syn_and_a_syn_before_a_fin() {
    for from in 0..COUNT as u8 {
        assert_eq!(
            after_client(from, 0xff, true),
            after_client(from, RST, true)
        );
        let both = after_client(from, SYN | FIN, true);
        assert_eq!(both, after_client(from, SYN, true));
    }
}

#[test]
fn the_flags_that_do_not_decide_change_nothing() {
    // PSH, URG, ECE, CWR.
    for from in 0..COUNT as u8 {
        for flags in 0..=0xff_u8 {
            let known = flags & 0x17;
            assert_eq!(
                after_client(from, flags, true),
                after_client(from, known, true)
            );
            assert_eq!(after_server(from, flags), after_server(from, known));
        }
    }
}
