use std::time::Duration;

use super::*;

fn target(address: &str) -> Target {
    Target {
        connect_timeout: Duration::from_secs(10),
        ..Target::new(SocketAddr::new(address.parse().unwrap(), 0))
    }
}

/// Whether this process may ping at all.
fn permitted() -> bool {
    [Type::DGRAM, Type::RAW]
        .into_iter()
        .any(|kind| open(Domain::IPV4, kind, Protocol::ICMPV4).is_ok())
}

#[tokio::test]
async fn this_host_answers_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let result = probe(&target(address)).await;
        if permitted() {
            assert_eq!(result, ProbeResult::Success, "{address}");
        } else {
            assert!(matches!(result, ProbeResult::NotProbed(_)), "{result:?}");
        }
    }
}

#[tokio::test]
async fn pings_at_the_same_time_do_not_take_each_other_s_replies() {
    if !permitted() {
        return;
    }
    let mut pings = tokio::task::JoinSet::new();
    for _ in 0..50 {
        pings.spawn(async { probe(&target("127.0.0.1")).await });
    }
    while let Some(result) = pings.join_next().await {
        assert_eq!(result.unwrap(), ProbeResult::Success);
    }
}

#[test]
fn a_reply_is_ours_by_identifier_and_sequence() {
    let mut reply = icmp::request(Family::V4, 7, 9);
    reply[0] = 0;
    let read = |ident, sequence| icmp::read(Family::V4, ident, sequence, &reply);
    assert_eq!(read(Some(7), 9), Message::Reply);
    assert_eq!(read(None, 9), Message::Reply);
    assert_eq!(read(Some(8), 9), Message::Other);
    assert_eq!(read(Some(7), 8), Message::Other);
}

#[test]
fn short_and_foreign_messages_are_passed_over() {
    let request = icmp::request(Family::V4, 7, 9);
    assert_eq!(icmp::read(Family::V4, Some(7), 9, &request), Message::Other);
    for length in 0..8 {
        let message = &request[..length];
        assert_eq!(icmp::read(Family::V4, None, 9, message), Message::Other);
    }
    // A quoted packet of 20 bytes of IP header and what was asked.
    let mut unreachable = vec![3, 1, 0, 0, 0, 0, 0, 0, 0x45];
    unreachable.extend([0; 19]);
    unreachable.extend(&request[..8]);
    let read = |ident| icmp::read(Family::V4, Some(ident), 9, &unreachable);
    assert_eq!(read(7), Message::Unreachable(1));
    assert_eq!(read(8), Message::Other, "about somebody else's ping");
    unreachable[28] = 17;
    let foreign = icmp::read(Family::V4, Some(7), 9, &unreachable);
    assert_eq!(foreign, Message::Other, "about a datagram of UDP");
}
