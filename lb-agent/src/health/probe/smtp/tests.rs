use std::sync::{Arc, Mutex};

use tokio::time::sleep_until;

use super::*;
use crate::health::testing::TestServer;
use crate::runtime::clock;

const LIMIT: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks a server that says `says[0]`, then `says[1]` after a line, and so on, and closes.
async fn ask(says: &'static [&'static str], limit: Duration) -> (ProbeResult, String) {
    let heard = Arc::new(Mutex::new(String::new()));
    let record = Arc::clone(&heard);
    let server = TestServer::start(move |mut stream| {
        let record = Arc::clone(&record);
        async move {
            for line in says {
                stream.write_all(line.as_bytes()).await.ok();
                let mut byte = [0; 1];
                while stream.read(&mut byte).await.unwrap_or(0) == 1 {
                    record.lock().unwrap().push(char::from(byte[0]));
                    if byte[0] == b'\n' {
                        break;
                    }
                }
            }
        }
    })
    .await;
    let target = Target {
        connect_timeout: limit,
        ..Target::new(server.address)
    };
    let result = probe(&target, &SmtpCheck::default()).await;
    let heard = heard.lock().unwrap().clone();
    (result, heard)
}

#[tokio::test]
async fn a_good_dialogue_is_greeting_helo_quit() {
    let says = &["220 mx ESMTP\r\n", "250 mx\r\n", "221 bye\r\n"];
    let (result, heard) = ask(says, PATIENCE).await;
    assert_eq!(result, ProbeResult::Success);
    assert_eq!(heard, "HELO smtpchecker.keepalived.org\r\nQUIT\r\n");
}

#[tokio::test]
async fn answers_of_several_lines_are_read_to_their_last() {
    let says = &["220-one\r\n220-two\r\n220 three\r\n", "250-a\r\n250 b\r\n"];
    assert_eq!(ask(says, PATIENCE).await.0, ProbeResult::Success);
}

#[tokio::test]
async fn another_answer_is_a_failure_in_its_words() {
    for (says, step, said) in [
        (
            &["554 no\u{7} service\r\n"][..],
            Step::Greeting,
            "554 no? service",
        ),
        (&["SSH-2.0-OpenSSH\r\n"], Step::Greeting, "SSH-2.0-OpenSSH"),
        (&["220 mx\r\n", "501 who?\r\n"], Step::Helo, "501 who?"),
        (&["22\r\n"], Step::Greeting, "22"),
    ] {
        let said = said.to_owned();
        assert_eq!(
            ask(says, PATIENCE).await.0,
            ProbeResult::Failed(Failure::Smtp { step, said })
        );
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_hangs_up_is_told_apart() {
    assert_eq!(
        ask(&[""], LIMIT).await.0,
        ProbeResult::Failed(Failure::NoAnswer(LIMIT))
    );
    assert_eq!(
        ask(&[], PATIENCE).await.0,
        ProbeResult::Failed(Failure::NoData)
    );
}

#[test]
fn an_answer_without_end_is_not_kept() {
    for line in ["x", "220-more\r\n"] {
        let mut answer = Answer::new(Step::Greeting);
        let mut fed = 0;
        let end = loop {
            assert!(fed <= MAX_ANSWER + line.len(), "{line:?} goes on and on");
            fed += line.len();
            match answer.handle_data(line.as_bytes()) {
                Ok(false) => {}
                end => break end,
            }
        };
        assert_eq!(end, Err(Failure::SmtpTooLong(Step::Greeting)));
    }
}

#[tokio::test]
async fn a_greeting_that_trickles_ends_with_what_has_come() {
    let server = TestServer::start(|mut stream| async move {
        while stream.write_all(b"2").await.is_ok() {
            sleep_until((clock::now() + LIMIT / 5).into()).await;
        }
    })
    .await;
    let target = Target {
        connect_timeout: LIMIT,
        ..Target::new(server.address)
    };
    match probe(&target, &SmtpCheck::default()).await {
        ProbeResult::Failed(Failure::TooSlow { limit, received }) => {
            assert_eq!(limit, answer_limit(&target));
            assert!(received > 0);
        }
        other => panic!("{other:?}"),
    }
}
