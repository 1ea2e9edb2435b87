use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::*;
use crate::health::probe::{Failure, NotProbed};

const LIMIT: Duration = Duration::from_millis(200);

fn target_of(address: SocketAddr) -> Target {
    Target {
        connect_timeout: LIMIT,
        ..Target::new(address)
    }
}

/// A listener with room for `backlog` + 1 connections that never accepts.
fn listener(backlog: i32) -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    socket.listen(backlog).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[tokio::test]
async fn a_connection_is_a_success_even_if_nobody_accepts_it() {
    let (_listener, address) = listener(1);
    assert_eq!(probe(&target_of(address)).await, ProbeResult::Success);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let (listener, address) = listener(1);
    drop(listener);
    assert_eq!(
        probe(&target_of(address)).await,
        ProbeResult::Failed(Failure::Connect(
            "Connection refused (os error 111)".to_owned()
        ))
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_syn_times_out() {
    let (_listener, address) = listener(0);
    let _fills_the_backlog = TcpStream::connect(address).await.unwrap();
    assert_eq!(
        probe(&target_of(address)).await,
        ProbeResult::Failed(Failure::ConnectTimeout(LIMIT))
    );
}

/// 127.0.0.7 and a port that nobody has.
fn free_source() -> SocketAddr {
    let (_unused, free) = listener(0);
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, 7), free.port()))
}

/// Probes `address` from `source`.
async fn probe_from(source: SocketAddr, address: SocketAddr) -> ProbeResult {
    let bound = Target {
        bindto: Some(source.ip()),
        bind_port: source.port(),
        ..target_of(address)
    };
    probe(&bound).await
}

#[tokio::test]
async fn bindto_and_bind_port_are_the_source_of_the_connection() {
    let (listener, address) = listener(1);
    let source = free_source();
    assert_eq!(probe_from(source, address).await, ProbeResult::Success);
    let (_connection, peer) = listener.accept().unwrap();
    assert_eq!(peer.as_socket(), Some(source));
}

#[tokio::test]
async fn a_bind_port_can_be_used_again_at_once() {
    let (_listener, address) = listener(5);
    let source = free_source();
    for turn in 1..4 {
        let result = probe_from(source, address).await;
        assert_eq!(result, ProbeResult::Success, "turn {turn}");
    }
}

#[tokio::test]
async fn two_probes_to_two_servers_may_share_a_bind_port() {
    let (_one, address) = listener(1);
    let (_other, other_address) = listener(1);
    let source = free_source();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(source).unwrap();
    let _under_way = socket.connect(address).await.unwrap();
    assert_eq!(
        probe_from(source, other_address).await,
        ProbeResult::Success
    );
}

#[tokio::test]
async fn a_source_port_that_is_taken_is_no_failure_of_the_server() {
    let (_listener, address) = listener(1);
    let source = free_source();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(source).unwrap();
    let _same_connection = socket.connect(address).await.unwrap();
    assert_eq!(
        probe_from(source, address).await,
        ProbeResult::NotProbed(NotProbed::Port(
            "Cannot assign requested address (os error 99)".to_owned()
        ))
    );
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_no_failure_of_the_server() {
    let (_listener, address) = listener(1);
    let foreign = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    let bound = Target {
        bindto: Some(foreign.ip()),
        ..target_of(address)
    };
    assert_eq!(
        probe(&bound).await,
        ProbeResult::NotProbed(NotProbed::Bind {
            address: foreign,
            cause: "Cannot assign requested address (os error 99)".to_owned()
        })
    );
}

#[tokio::test]
async fn fwmark_marks_the_socket_or_says_that_it_may_not() {
    let (listener, address) = listener(1);
    let permitted = listener.set_mark(7).is_ok();
    let marked = Target {
        fwmark: 7,
        ..target_of(address)
    };
    let expected = if permitted {
        ProbeResult::Success
    } else {
        let cause = "Operation not permitted (os error 1)".to_owned();
        ProbeResult::NotProbed(NotProbed::Mark { mark: 7, cause })
    };
    assert_eq!(probe(&marked).await, expected);
}
