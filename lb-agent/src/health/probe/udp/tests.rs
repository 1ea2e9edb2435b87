use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;
use crate::health::probe::NotProbed;
use crate::health::spec::ReplyPattern;

const LIMIT: Duration = Duration::from_millis(100);
/// The time-out where a reply comes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn server() -> (UdpSocket, Target) {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = Target {
        connect_timeout: LIMIT,
        ..Target::new(server.local_addr().unwrap())
    };
    (server, target)
}

fn requiring(bytes: &[u8], ignore: &[u8]) -> UdpCheck {
    UdpCheck {
        require_reply: Some(ReplyPattern {
            bytes: bytes.to_vec(),
            ignore: ignore.to_vec(),
        }),
        min_reply_length: 2,
        max_reply_length: 4,
        ..UdpCheck::default()
    }
}

#[tokio::test]
async fn silence_is_a_success_unless_a_reply_is_required() {
    let (_silent, target) = server().await;
    assert_eq!(
        probe(&target, &UdpCheck::default()).await,
        ProbeResult::Success
    );
    assert_eq!(
        probe(&target, &requiring(b"", b"")).await,
        ProbeResult::Failed(Failure::NoAnswer(LIMIT))
    );
}

#[tokio::test]
async fn a_closed_port_is_a_failure() {
    let (socket, target) = server().await;
    drop(socket);
    let refused = "Connection refused (os error 111)".to_owned();
    assert_eq!(
        probe(&target, &UdpCheck::default()).await,
        ProbeResult::Failed(Failure::Connect(refused))
    );
}

#[tokio::test]
async fn the_payload_is_sent_and_the_reply_is_judged() {
    for (check, reply, expected) in [
        (requiring(b"", b""), &b"any"[..], None),
        (requiring(b"ab", b""), b"abc", None),
        (requiring(b"abcdef", b""), b"abc", None),
        (requiring(b"ab", b""), b"ax", Some(Failure::ReplyMismatch)),
        (requiring(b"ab", b"\x00\xff"), b"ax", None),
        (requiring(b"", b""), b"a", Some(Failure::ReplyLength(1))),
        (requiring(b"", b""), b"abcde", Some(Failure::ReplyLength(5))),
    ] {
        let (server, target) = server().await;
        let target = Target {
            connect_timeout: PATIENCE,
            ..target
        };
        let check = UdpCheck {
            payload: b"ping".to_vec(),
            ..check
        };
        let serve = async {
            let mut got = [0; 64];
            let (length, from) = server.recv_from(&mut got).await.unwrap();
            assert_eq!(&got[..length], b"ping");
            server.send_to(reply, from).await.unwrap();
            std::future::pending::<ProbeResult>().await
        };
        let result = tokio::select! {
            result = probe(&target, &check) => result,
            never = serve => never,
        };
        let expected = expected.map_or(ProbeResult::Success, ProbeResult::Failed);
        assert_eq!(result, expected, "{check:?}");
    }
}

#[tokio::test]
async fn ipv6_is_asked_as_well() {
    let server = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
    let target = Target {
        connect_timeout: LIMIT,
        ..Target::new(server.local_addr().unwrap())
    };
    let check = UdpCheck::default();
    assert_eq!(probe(&target, &check).await, ProbeResult::Success);
    drop(server);
    let result = probe(&target, &check).await;
    assert!(matches!(result, ProbeResult::Failed(_)), "{result:?}");
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_no_failure_of_the_server() {
    let (_server, target) = server().await;
    let target = Target {
        bind_if: Some("nosuch0".to_owned()),
        ..target
    };
    let result = probe(&target, &UdpCheck::default()).await;
    let ProbeResult::NotProbed(NotProbed::Interface { name, .. }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(name, "nosuch0");
}

#[tokio::test]
async fn checks_with_the_same_bind_port_do_not_wait_for_each_other() {
    let (first, mut target) = server().await;
    let (second, mut other) = server().await;
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for (target, timeout) in [(&mut target, LIMIT * 5), (&mut other, LIMIT * 5)] {
        target.bind_port = port;
        target.connect_timeout = timeout;
    }
    let check = UdpCheck::default();
    let both = tokio::join!(probe(&target, &check), probe(&other, &check));
    assert_eq!(both, (ProbeResult::Success, ProbeResult::Success));
    drop((first, second));
}
