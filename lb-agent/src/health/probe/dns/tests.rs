use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::*;
use crate::health::spec::DnsType;

const LIMIT: Duration = Duration::from_millis(200);
/// The time-out where the answer comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn check(name: &str) -> DnsCheck {
    DnsCheck {
        kind: DnsType::Aaaa,
        name: name.to_owned(),
    }
}

/// Asks a server that answers each question with what `answers` makes of it.
async fn ask(limit: Duration, answers: fn(&[u8]) -> Vec<Vec<u8>>) -> ProbeResult {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = Target {
        connect_timeout: limit,
        ..Target::new(server.local_addr().unwrap())
    };
    let serve = async {
        let mut query = [0; 512];
        let (length, from) = server.recv_from(&mut query).await.unwrap();
        for answer in answers(&query[..length]) {
            server.send_to(&answer, from).await.unwrap();
        }
        std::future::pending::<ProbeResult>().await
    };
    let check = check("www.example.org");
    tokio::select! {
        result = probe(&target, &check) => result,
        never = serve => never,
    }
}

/// The answer to `query` with `rcode`.
fn answer(query: &[u8], rcode: u8) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer[3] = rcode;
    answer
}

#[test]
fn the_question_is_as_rfc_1035_has_it() {
    let query = query(&check("a.example."), 0x1234).unwrap();
    let expected =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x1c\x00\x01";
    assert_eq!(query, expected);
}

#[test]
fn the_root_is_an_empty_name() {
    let query = query(&DnsCheck::default(), 0).unwrap();
    assert_eq!(query[12..], [0, 0, 6, 0, 1]);
}

#[test]
fn what_is_no_name_is_not_asked_for() {
    let long = "a".repeat(64);
    let many = ["a"; 200].join(".");
    for name in ["a..b", ".a", &long, &many] {
        assert_eq!(query(&check(name), 0), None, "{name}");
    }
}

#[tokio::test]
async fn an_answer_without_an_error_is_a_success() {
    assert_eq!(
        ask(PATIENCE, |query| vec![answer(query, 0)]).await,
        ProbeResult::Success
    );
}

#[tokio::test]
async fn an_error_is_a_failure_with_its_code() {
    let result = ask(PATIENCE, |query| vec![answer(query, 3)]).await;
    assert_eq!(result, ProbeResult::Failed(Failure::Rcode(3)));
}

#[tokio::test]
async fn what_is_no_answer_to_this_question_is_passed_over() {
    let noise = |query: &[u8]| {
        let mut other = answer(query, 0);
        other[0] ^= 1;
        vec![other, query.to_vec(), query[..5].to_vec()]
    };
    assert_eq!(
        ask(LIMIT, noise).await,
        ProbeResult::Failed(Failure::NoAnswer(LIMIT))
    );
    let then_good = |query: &[u8]| vec![query[..5].to_vec(), answer(query, 0)];
    assert_eq!(ask(PATIENCE, then_good).await, ProbeResult::Success);
}

#[tokio::test]
async fn a_closed_port_is_refused_at_once() {
    let unused = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address: SocketAddr = unused.local_addr().unwrap();
    drop(unused);
    let result = probe(&Target::new(address), &DnsCheck::default()).await;
    let refused = "Connection refused (os error 111)".to_owned();
    assert_eq!(result, ProbeResult::Failed(Failure::Connect(refused)));
}
