use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::interval;

use super::*;
use crate::health::testing::{TestServer, http, read_request};
use crate::runtime::clock;

/// The time-out where the server does not answer as it should.
const LIMIT: Duration = Duration::from_millis(150);
/// The time-out where it answers at once, one way or the other.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(10);

/// Fetches `/` within `limit` from a server that reads the request and goes on with `behave`.
async fn fetch_from<F, B>(limit: Duration, behave: F) -> ProbeResult
where
    F: Fn(TcpStream) -> B + Copy + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let server = TestServer::start(move |mut stream| async move {
        read_request(&mut stream).await;
        behave(stream).await;
    })
    .await;
    let checker = server.checker(http(&["/"]), limit);
    let started = clock::now();
    let result = super::super::probe(&checker, 0).await;
    assert!(
        clock::now() - started < LIMIT + SLACK,
        "{result:?} came too late"
    );
    result
}

/// Fetches from a server that sends `answer` and closes.
async fn answered(answer: &'static [u8]) -> ProbeResult {
    fetch_from(PATIENCE, move |mut stream| async move {
        stream.write_all(answer).await.ok();
    })
    .await
}

/// Holds the connection open until the probe ends it.
async fn hang(mut stream: TcpStream) {
    read_request(&mut stream).await;
}

#[tokio::test]
async fn a_good_answer_is_a_success_and_the_request_is_as_specified() {
    let seen = Arc::new(Mutex::new(String::new()));
    let record = Arc::clone(&seen);
    let server = TestServer::start(move |mut stream| {
        let record = Arc::clone(&record);
        async move {
            *record.lock().unwrap() = read_request(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\nhello")
                .await
                .unwrap();
        }
    })
    .await;
    let checker = server.checker(http(&["/", "/health"]), PATIENCE);
    assert_eq!(super::super::probe(&checker, 1).await, ProbeResult::Success);
    assert_eq!(
        *seen.lock().unwrap(),
        format!(
            "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: {}\r\n\r\n",
            server.address
        )
    );
}

#[tokio::test]
async fn a_status_outside_of_status_code_is_a_failure() {
    for (answer, status) in [
        (&b"HTTP/1.1 199 x\r\n\r\nHTTP/1.1 300 x\r\n\r\n"[..], 300),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", 404),
        (b"HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy", 503),
    ] {
        assert_eq!(
            answered(answer).await,
            ProbeResult::Failed(Failure::StatusCode(status))
        );
    }
}

#[test]
fn status_code_ranges_include_both_ends() {
    let url = Url {
        status_code: vec![(200, 204), (301, 301)],
        ..Url::new("/")
    };
    let accepted: Vec<u16> = (0..1000).filter(|&status| accepted(&url, status)).collect();
    assert_eq!(accepted, [200, 201, 202, 203, 204, 301]);
}

#[tokio::test]
async fn a_server_that_accepts_and_hangs_times_out() {
    assert_eq!(
        fetch_from(LIMIT, hang).await,
        ProbeResult::Failed(Failure::NoAnswer(LIMIT))
    );
}

#[tokio::test]
async fn a_server_that_hangs_after_its_head_times_out() {
    let result = fetch_from(LIMIT, |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nand then")
            .await
            .unwrap();
        hang(stream).await;
    });
    let failure = Failure::BodyTimeout {
        timeout: LIMIT,
        status: 200,
        received: 27,
    };
    assert_eq!(result.await, ProbeResult::Failed(failure));
}

#[tokio::test]
async fn a_server_that_keeps_the_connection_is_done_with_its_content_length() {
    let result = fetch_from(PATIENCE, |mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
            .unwrap();
        hang(stream).await;
    });
    assert_eq!(result.await, ProbeResult::Success);
}

#[tokio::test]
async fn a_server_that_trickles_times_out() {
    let result = fetch_from(LIMIT, |mut stream| async move {
        let mut pace = interval(Duration::from_millis(5));
        for byte in b"HTTP/1.1 200 OK\r\nX: "
            .iter()
            .chain(std::iter::repeat(&b'x'))
        {
            pace.tick().await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let ProbeResult::Failed(Failure::HeadTimeout { timeout, received }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(timeout, LIMIT);
    assert!(received > 0);
}

#[tokio::test]
async fn a_server_that_resets_is_said_so() {
    let result = fetch_from(PATIENCE, |mut stream| async move {
        stream.write_all(b"HTTP/1.1").await.unwrap();
        // Linger of zero: the close is a reset.
        stream.set_zero_linger().unwrap();
    })
    .await;
    let ProbeResult::Failed(Failure::Read { cause, .. }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(cause, "Connection reset by peer (os error 104)");
}

#[tokio::test]
async fn a_server_that_closes_at_once_gave_no_data() {
    assert_eq!(answered(b"").await, ProbeResult::Failed(Failure::NoData));
}

#[tokio::test]
async fn a_server_that_closes_within_its_head_is_said_so() {
    assert_eq!(
        answered(b"HTTP/1.1 200").await,
        ProbeResult::Failed(Failure::HeadCut(12))
    );
}

#[tokio::test]
async fn a_body_without_end_times_out() {
    let result = fetch_from(LIMIT, |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let ProbeResult::Failed(Failure::BodyTimeout {
        status: 200,
        received,
        ..
    }) = result
    else {
        panic!("{result:?}");
    };
    assert!(received > 65536, "only {received} bytes came");
}

#[tokio::test]
async fn a_head_of_100_kilobytes_is_refused() {
    let result = fetch_from(PATIENCE, |mut stream| async move {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        stream.write_all(head.as_bytes()).await.ok();
        hang(stream).await;
    });
    assert_eq!(result.await, ProbeResult::Failed(Failure::HeadTooLarge));
}

#[tokio::test]
async fn what_is_not_http_is_said_so_at_once() {
    let result = fetch_from(PATIENCE, |mut stream| async move {
        stream
            .write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            .await
            .unwrap();
        hang(stream).await;
    });
    let failure = Failure::NotHttp("invalid HTTP version".to_owned());
    assert_eq!(result.await, ProbeResult::Failed(failure));
}
