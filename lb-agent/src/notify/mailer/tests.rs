//! Against servers of our own that misbehave; `tests/smtp.rs` has a real one.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::net::TcpListener;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn mail(subject: &str) -> Mail {
    Mail {
        subject: subject.into(),
        body: "=> x <=".into(),
    }
}

fn settings(server: SocketAddr) -> Settings {
    Settings {
        server: server.into(),
        timeout: PATIENCE,
        helo_name: "me.example".into(),
        credentials: None,
        tls: None,
        envelope: Envelope {
            from: "k@example.com".into(),
            to: vec!["a@example.com".into()],
        },
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server that takes every mail; its subjects.
async fn serve(listener: TcpListener, mails: usize) -> Vec<String> {
    let mut subjects = Vec::new();
    while subjects.len() < mails {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        // A byte a packet: replies come in pieces.
        for byte in b"220-slow\r\n220 server\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            stream.get_ref().set_nodelay(true).unwrap();
        }
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap() > 0 {
            let answer = match line.trim_end() {
                "DATA" => "354 go\r\n",
                "." => "250 taken\r\n",
                command if command.contains(" FROM:") || command.contains(" TO:") => "250 x\r\n",
                command if command.starts_with("HELO") => "250-x\r\n250 y\r\n",
                header => {
                    subjects.extend(header.strip_prefix("Subject: ").map(Into::into));
                    ""
                }
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            line.clear();
        }
    }
    subjects
}

#[tokio::test]
async fn mails_arrive_one_after_another_in_order() {
    let (listener, address) = listener().await;
    let server = tokio::spawn(serve(listener, 3));
    let handle = spawn(settings(address));
    for subject in ["one", "two", "three"] {
        handle.mailer().send(mail(subject));
    }
    handle.finish(PATIENCE).await;
    assert_eq!(server.await.unwrap(), ["one", "two", "three"]);
}

/// What sending to a server that does `this` with its connection ends with.
async fn failure_of(
    timeout: Duration,
    this: impl AsyncFnOnce(TcpStream) + Send + 'static,
) -> String {
    let (listener, address) = listener().await;
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        this(stream).await;
    };
    let settings = Settings {
        timeout,
        ..settings(address)
    };
    let mail = mail("x");
    let (result, ()) = tokio::join!(send(&settings, &mail), server);
    let failure = result.unwrap_err();
    assert!(failure.is_temporary());
    let server = Server::from(address);
    failure.line(&server).replace(&server.to_string(), "S")
}

#[tokio::test]
async fn servers_that_misbehave_are_said_in_keepaliveds_words() {
    assert_eq!(
        failure_of(PATIENCE, async |stream| drop(stream)).await,
        "Remote SMTP server S has closed the connection."
    );
    let short = Duration::from_millis(100);
    let silent = async |mut stream: TcpStream| {
        stream.read_u8().await.unwrap_err();
    };
    assert_eq!(
        failure_of(short, silent).await,
        "Timeout reading data to remote SMTP server S."
    );
    let endless =
        async |mut stream: TcpStream| while stream.write_all(&[b'x'; 512]).await.is_ok() {};
    assert_eq!(
        failure_of(PATIENCE, endless).await,
        "Received buffer from remote SMTP server S overflow our get read buffer length."
    );
    let busy = async |mut stream: TcpStream| stream.write_all(b"421 busy\r\n").await.unwrap();
    assert_eq!(
        failure_of(PATIENCE, busy).await,
        "Error processing CONNECT cmd on SMTP server S. SMTP status code = 421 (busy)"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said() {
    let (listener, address) = listener().await;
    drop(listener);
    let failure = send(&settings(address), &mail("x")).await.unwrap_err();
    let line = failure.line(&address.into());
    assert!(
        line.starts_with(&format!(
            "SMTP connection ERROR to [127.0.0.1]:{}.",
            address.port()
        )),
        "{line}"
    );
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_server_that_hangs() {
    let (_listener, address) = listener().await;
    let handle = spawn(settings(address));
    handle.mailer().send(mail("x"));
    let start = clock::now();
    handle.finish(Duration::from_millis(100)).await;
    assert!(start.elapsed() < PATIENCE / 2);
}

#[test]
fn a_mail_is_tried_three_times_and_then_given_up() {
    let now = clock::now();
    let mut queue = Queue::default();
    queue.push(mail("one"));
    queue.push(mail("two"));
    let due = |queue: &Queue, now| queue.due(now).map(|mail| mail.subject.clone());
    assert_eq!(due(&queue, now), Some("one".into()));
    assert!(!queue.tried(Err(true), now));
    assert_eq!(due(&queue, now), None);
    assert_eq!(queue.poll_timeout(), Some(now + RETRY));
    assert_eq!(due(&queue, now + RETRY), Some("one".into()));
    assert!(!queue.tried(Err(true), now));
    assert!(queue.tried(Err(true), now));
    assert_eq!(due(&queue, now), Some("two".into()));
    // "Never" is never tried again.
    assert!(queue.tried(Err(false), now));
    assert_eq!(due(&queue, now), None);
    queue.push(mail("three"));
    assert!(!queue.tried(Ok(()), now));
    assert_eq!(due(&queue, now), None);
}

#[test]
fn with_other_settings_a_mail_has_all_its_tries_again_and_need_not_wait() {
    let now = clock::now();
    let mut queue = Queue::default();
    queue.push(mail("one"));
    for _ in 0..2 {
        assert!(!queue.tried(Err(true), now));
    }
    queue.begin_anew();
    assert!(queue.due(now).is_some());
    for _ in 0..2 {
        assert!(!queue.tried(Err(true), now));
    }
    assert!(queue.tried(Err(true), now));
}

#[tokio::test]
async fn mails_that_wait_for_a_server_that_is_not_there_go_to_the_one_of_a_reload() {
    let (gone, wrong) = listener().await;
    drop(gone);
    let (listener, right) = listener().await;
    let server = tokio::spawn(serve(listener, 3));
    let handle = spawn(settings(wrong));
    for subject in ["one", "two"] {
        handle.mailer().send(mail(subject));
    }
    // It has been refused once, and waits.
    tokio::task::yield_now().await;
    handle.go_on(settings(right));
    handle.mailer().send(mail("three"));
    handle.finish(PATIENCE).await;
    assert_eq!(server.await.unwrap(), ["one", "two", "three"]);
}

#[test]
fn when_too_many_wait_the_oldest_go() {
    let mut queue = Queue::default();
    for number in 0..MOST_WAITING {
        assert!(queue.push(mail(&number.to_string())));
    }
    assert!(!queue.push(mail("last")));
    let subjects = queue.waiting.iter().take(2).map(|mail| &mail.subject);
    assert!(subjects.eq(["0", "2"]));
}
