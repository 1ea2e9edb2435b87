use std::vec::Vec;

use super::*;
use crate::flow::state::{NAMES, TIMEOUTS};

/// IPVS's tables as they stand in `ip_vs_proto_sctp.c`: the states at their head, a row for each event.
const INPUT: &str = "
         NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    d    ES  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    i    I1  IN  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  IN  IN
    i_a  CW  CW  CW  CS  CR  CO  CO  CE  ES  SS  SR  SA  RJ  CL
    c_e  CR  IN  IN  CR  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    c_a  ES  I1  IN  CS  CR  CW  CO  ES  ES  SS  SR  SA  RJ  CL
    s    SR  I1  IN  CS  CR  CW  CO  CE  SR  SS  SR  SA  RJ  CL
    s_a  CL  IN  IN  CS  CR  CW  CO  CE  ES  CL  SR  CL  RJ  CL
    s_c  CL  CL  CL  CS  CR  CW  CO  CE  ES  SS  SR  CL  RJ  CL
    err  CL  I1  IN  CS  CR  CW  CO  CL  ES  SS  SR  SA  RJ  CL
    ab   CL  CL  CL  CL  CL  RJ  CL  CL  CL  CL  CL  CL  CL  CL
";
const OUTPUT: &str = "
         NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    d    ES  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    i    CW  CW  CW  CW  CW  CW  CW  CW  ES  CW  CW  CW  CW  CW
    i_a  CS  CS  CS  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    c_e  CE  CE  CE  CE  CE  CE  CE  CE  ES  SS  SR  SA  RJ  CL
    c_a  ES  ES  ES  ES  ES  ES  ES  ES  ES  SS  SR  SA  RJ  CL
    s    SS  SS  SS  SS  SS  SS  SS  SS  SS  SS  SR  SA  RJ  CL
    s_a  SA  SA  SA  SA  SA  CW  CO  CE  ES  SA  SA  SA  RJ  CL
    s_c  CL  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    err  CL  CL  CL  CL  CL  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    ab   CL  RJ  CL  CL  CL  CL  CL  CL  CL  CL  CL  CL  CL  CL
";
const INPUT_ONLY: &str = "
         NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    d    ES  I1  IN  CS  CR  ES  CO  CE  ES  SS  SR  SA  RJ  CL
    i    I1  IN  IN  IN  IN  IN  CO  CE  ES  SS  SR  SA  IN  IN
    i_a  CE  CE  CE  CE  CE  CE  CO  CE  ES  SS  SR  SA  RJ  CL
    c_e  ES  ES  ES  ES  ES  ES  CO  CE  ES  SS  SR  SA  RJ  CL
    c_a  ES  I1  IN  ES  ES  CW  ES  ES  ES  SS  SR  SA  RJ  CL
    s    SR  I1  IN  CS  CR  CW  CO  CE  SR  SS  SR  SA  RJ  CL
    s_a  CL  IN  IN  CS  CR  CW  CO  CE  CL  CL  SR  CL  RJ  CL
    s_c  CL  CL  CL  CL  CL  CW  CO  CE  ES  SS  CL  CL  RJ  CL
    err  CL  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
    ab   CL  CL  CL  CL  CL  RJ  CL  CL  CL  CL  CL  CL  CL  CL
";

fn number(short: &str) -> u8 {
    let all = "NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL";
    let at = all.split(' ').position(|it| it == short);
    ORDER[at.unwrap_or_else(|| panic!("{short}"))]
}

/// The chunks that are an event.
fn chunks(row: &str) -> Vec<u8> {
    match row {
        // DATA, SACK, HEARTBEAT and its ACK, ECNE, CWR, and what nobody knows.
        "d" => Vec::from([0, 3, 4, 5, 12, 13, 15, 64, 130, 192, 255]),
        "i" => Vec::from([1]),
        "i_a" => Vec::from([2]),
        "c_e" => Vec::from([10]),
        "c_a" => Vec::from([11]),
        "s" => Vec::from([7]),
        "s_a" => Vec::from([8]),
        "s_c" => Vec::from([14]),
        "err" => Vec::from([9]),
        "ab" => Vec::from([6]),
        other => panic!("{other}"),
    }
}

/// What IPVS calls a state of ours.
fn in_ipvs(state: u8) -> u8 {
    if state == ACKED { ESTABLISHED } else { state }
}

/// Compares all of a table.
fn compare(table: &str, after: impl Fn(u8, u8) -> u8) {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty());
    let head = lines.next().unwrap().split_whitespace().map(number);
    let head: Vec<u8> = head.collect();
    let mut compared = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        let row = words.next().unwrap();
        for (from, expected) in head.iter().zip(words) {
            let expected = number(expected);
            for chunk in chunks(row) {
                assert_eq!(in_ipvs(after(*from, chunk)), expected, "{from} {row}");
                if *from == ESTABLISHED {
                    assert_eq!(in_ipvs(after(ACKED, chunk)), expected, "ACKED {row}");
                    assert_eq!(is_data(chunk), row == "d", "{chunk}");
                }
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 140);
}

#[test]
fn packets_of_the_client_move_an_association_as_in_ipvs() {
    compare(INPUT, |from, chunk| after_client(from, chunk, true));
    compare(INPUT_ONLY, |from, chunk| after_client(from, chunk, false));
}

#[test]
fn packets_of_the_server_move_an_association_as_in_ipvs() {
    compare(OUTPUT, after_server);
}

#[test]
fn an_association_is_believed_when_there_was_more_than_its_handshake() {
    let client = |from, chunk| after_client(from, chunk, false);
    let acked = client(INIT1, chunk::COOKIE_ECHO);
    assert_eq!(acked, ACKED);
    assert_eq!(client(acked, chunk::COOKIE_ECHO), ACKED);
    assert_eq!(client(acked, chunk::INIT), ACKED);
    assert_eq!(client(acked, chunk::DATA), ESTABLISHED);
    // Only who has got the server's cookie can echo it, and then the server says so.
    let replied = after_client(
        after_server(INIT1, chunk::INIT_ACK),
        chunk::COOKIE_ECHO,
        true,
    );
    assert_eq!(replied, COOKIE_REPLIED);
    assert_eq!(after_client(replied, chunk::DATA, true), COOKIE_REPLIED);
    assert_eq!(after_server(replied, chunk::COOKIE_ACK), ESTABLISHED);
}

#[test]
fn no_client_alone_makes_an_association_established_with_one_packet() {
    for from in ORDER {
        for chunk in 0..=255 {
            for sees_server in [false, true] {
                let after = after_client(from, chunk, sees_server);
                if after == ESTABLISHED {
                    assert!([ACKED, ESTABLISHED].contains(&from), "{from} {chunk}");
                }
            }
        }
    }
}

#[test]
fn every_state_has_ipvs_s_name_and_time_out() {
    for (number, name, seconds) in [
        (NONE, "NONE", 2),
        (INIT1, "INIT1", 4),
        (INIT, "INIT", 61),
        (COOKIE_SENT, "C-SENT", 61),
        (COOKIE_REPLIED, "C-REPLIED", 61),
        (COOKIE_WAIT, "C-WAIT", 61),
        (COOKIE, "COOKIE", 61),
        (COOKIE_ECHOED, "C-ECHOED", 61),
        (ESTABLISHED, "ESTABLISHED", 900),
        (SHUTDOWN_SENT, "S-SENT", 61),
        (SHUTDOWN_RECEIVED, "S-RECEIVED", 61),
        (SHUTDOWN_ACK_SENT, "S-ACK-SENT", 61),
        (REJECTED, "REJECTED", 4),
        (CLOSED, "CLOSED", 61),
        (ACKED, "ESTABLISHED", 900),
    ] {
        assert_eq!(NAMES[usize::from(number)], name);
        assert_eq!(TIMEOUTS[usize::from(number)], seconds, "{name}");
    }
}
