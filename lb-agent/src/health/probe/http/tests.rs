use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::interval;

use super::*;
use crate::health::probe::ANSWER_TIMEOUTS;
use crate::health::spec::{Kind, UrlBody};
use crate::health::testing::{TestServer, http, read_request};
use crate::runtime::clock;

/// The time-out where the server does not answer as it should.
const LIMIT: Duration = Duration::from_millis(700);
/// The time-out where it answers at once, one way or the other.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(30);

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
    let checker = server.question(http(&["/"]), limit);
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
    let checker = server.question(http(&["/", "/health"]), PATIENCE);
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
    let accepted: Vec<u16> = (0..1000).filter(|&status| url.accepts(status)).collect();
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
async fn a_server_that_trickles_ends_by_the_time_for_the_whole_answer() {
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
    let ProbeResult::Failed(Failure::TooSlow { limit, received }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(limit, LIMIT * ANSWER_TIMEOUTS);
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
async fn a_body_without_end_ends_by_its_size_or_by_the_time() {
    let result = fetch_from(LIMIT, |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    // On a slow machine the time is over first.
    let ended = matches!(
        result,
        ProbeResult::Failed(Failure::BodyTooLarge | Failure::TooSlow { .. })
    );
    assert!(ended, "{result:?}");
}

#[tokio::test]
async fn a_head_of_100_megabytes_is_refused_after_its_first_64_kib() {
    let result = fetch_from(PATIENCE, |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await.ok();
        let mut sent = 0;
        while sent < 100 << 20 && stream.write_all(&[b'x'; 8192]).await.is_ok() {
            sent += 8192;
        }
        assert!(sent < 20 << 20, "{sent} bytes of it were read");
    });
    assert_eq!(result.await, ProbeResult::Failed(Failure::HeadTooLarge));
}

/// Fetches `/` with `body` from a server that sends `answer` and closes.
async fn judged(answer: &'static [u8], body: UrlBody) -> ProbeResult {
    let server = TestServer::start(move |mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(answer).await.ok();
    })
    .await;
    let url = Url {
        body,
        ..Url::new("/")
    };
    let Kind::Http(get) = http(&["/"]) else {
        panic!("http() is HTTP_GET")
    };
    let kind = Kind::Http(HttpGet {
        urls: vec![url],
        ..get
    });
    super::super::probe(&server.question(kind, PATIENCE), 0).await
}

#[tokio::test]
async fn the_digest_is_of_the_body_up_to_its_length() {
    // printf hello | md5sum
    let hello = 0x5d41_402a_bc4b_2a76_b971_9d91_1017_c592_u128.to_be_bytes();
    let wanted = || UrlBody {
        digest: Some(hello),
        regex: None,
    };
    for answer in [
        &b"HTTP/1.0 200 OK\r\n\r\nhello"[..],
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello, world",
    ] {
        assert_eq!(judged(answer, wanted()).await, ProbeResult::Success);
    }
    let other = b"HTTP/1.0 200 OK\r\n\r\nHello";
    assert_eq!(
        judged(other, wanted()).await,
        ProbeResult::Failed(Failure::Digest(
            "8b1a9953c4611296a827abf8c47804d7".to_owned()
        ))
    );
}

#[tokio::test]
async fn the_regex_must_match_or_must_not() {
    let answer = b"HTTP/1.0 200 OK\r\n\r\nstatus: OK\n";
    let wanted = |text, no_match| {
        let mut pattern = pattern::Pattern::new(text, &[]).unwrap();
        pattern.no_match = no_match;
        UrlBody {
            digest: None,
            regex: Some(pattern),
        }
    };
    for (text, no_match, good) in [
        ("status: OK", false, true),
        ("status: FAILED", false, false),
        ("status: OK", true, false),
        ("status: FAILED", true, true),
    ] {
        let expected = if good {
            ProbeResult::Success
        } else {
            ProbeResult::Failed(Failure::Regex { no_match })
        };
        assert_eq!(judged(answer, wanted(text, no_match)).await, expected);
    }
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
