use proptest::prelude::*;

use super::*;

fn envelope(to: &[&str]) -> Envelope {
    Envelope {
        from: "k@example.com".into(),
        to: to.iter().map(|it| (*it).into()).collect(),
    }
}

/// Feeds the server's lines; what we say, without ends of lines.
fn talk(dialogue: &mut Dialogue<'_>, lines: &[&str]) -> Result<Vec<String>, SmtpError> {
    let mut said = Vec::new();
    for line in lines {
        match dialogue.handle_line(line)? {
            Step::Listen => {}
            Step::Send(text) => said.push(text.trim_end().into()),
            Step::Secure => said.push("(secure)".into()),
            Step::Done(text) => said.push(format!("{} (done)", text.trim_end())),
        }
    }
    Ok(said)
}

#[test]
fn the_dialogue_is_keepaliveds() {
    let envelope = envelope(&["a@x", "b@x"]);
    let mut dialogue = Dialogue::new(&envelope, "me.example", None, "text\r\n.\r\n");
    let lines = [
        "220-hello",
        "220 world",
        "250-a",
        "250 b",
        "250",
        "250 ok",
        "251 ok",
        "354",
        "250 x",
    ];
    assert_eq!(
        talk(&mut dialogue, &lines).unwrap(),
        [
            "HELO me.example",
            "MAIL FROM:<k@example.com>",
            "RCPT TO:<a@x>",
            "RCPT TO:<b@x>",
            "DATA",
            "text\r\n.",
            "QUIT (done)",
        ]
    );
}

#[test]
fn every_stage_may_be_refused() {
    let envelope = envelope(&["a@x"]);
    let good = ["220 x", "250 x", "250 x", "250 x", "354 x", "250 x"];
    let commands = ["CONNECT", "HELO", "MAIL", "RCPT", "DATA", "BODY"];
    for (stage, command) in commands.into_iter().enumerate() {
        for (reply, code, temporary) in
            [("451 later", 451, true), ("550-no\n550 never", 550, false)]
        {
            let mut dialogue = Dialogue::new(&envelope, "me", None, "");
            let mut lines = good[..stage].to_vec();
            lines.extend(reply.lines());
            let error = talk(&mut dialogue, &lines).unwrap_err();
            assert_eq!(error.is_temporary(), temporary);
            let text = reply.lines().last().unwrap()[4..].to_owned();
            assert_eq!(
                error,
                SmtpError::Refused {
                    command,
                    code,
                    text
                }
            );
        }
    }
    let error = SmtpError::Refused {
        command: "MAIL",
        code: 550,
        text: "no".into(),
    };
    assert_eq!(
        error.line("[192.0.2.1]:25"),
        "Error processing MAIL cmd on SMTP server [192.0.2.1]:25. SMTP status code = 550 (no)"
    );
}

#[test]
fn a_refused_recipient_does_not_keep_the_mail_from_the_others() {
    let envelope = envelope(&["a@x", "b@x", "c@x"]);
    for (replies, sent) in [
        (["550 no", "250 x", "550 no"], true),
        (["250 x", "550 no", "450 no"], true),
        (["550 no", "550 no", "550 no"], false),
    ] {
        let mut dialogue = Dialogue::new(&envelope, "me", None, "");
        let mut lines = vec!["220 x", "250 x", "250 x"];
        lines.extend(replies);
        let result = talk(&mut dialogue, &lines);
        assert_eq!(
            result.is_ok_and(|said| said.ends_with(&["DATA".into()])),
            sent
        );
        assert_eq!(dialogue.refused().len(), 2);
    }
}

#[test]
fn auth_is_as_the_server_offers_it() {
    let envelope = envelope(&["a@x"]);
    let credentials = Credentials {
        user: "test".into(),
        password: "test2".into(),
    };
    let talk_to = |lines: &[&str]| {
        let mut dialogue = Dialogue::new(&envelope, "me", Some(&credentials), "");
        talk(&mut dialogue, lines)
    };
    assert_eq!(
        talk_to(&[
            "220 x",
            "250-me",
            "250-AUTH LOGIN PLAIN",
            "250 SIZE 1",
            "235 ok"
        ])
        .unwrap(),
        [
            "EHLO me",
            "AUTH PLAIN AHRlc3QAdGVzdDI=",
            "MAIL FROM:<k@example.com>"
        ]
    );
    assert_eq!(
        talk_to(&[
            "220 x",
            "250 auth=login",
            "334 VXNlcm5hbWU6",
            "334 UGFzc3dvcmQ6",
            "235 ok"
        ])
        .unwrap(),
        [
            "EHLO me",
            "AUTH LOGIN",
            "dGVzdA==",
            "dGVzdDI=",
            "MAIL FROM:<k@example.com>"
        ]
    );
    assert_eq!(talk_to(&["220 x", "250 SIZE"]), Err(SmtpError::NoAuth));
    assert_eq!(
        talk_to(&["220 x", "250 AUTH PLAIN", "535 no"])
            .unwrap_err()
            .line("s"),
        "Error processing AUTH cmd on SMTP server s. SMTP status code = 535 (no)"
    );
    assert!(!format!("{credentials:?}").contains("test2"));
}

#[test]
fn what_is_no_reply_is_said() {
    let envelope = envelope(&["a@x"]);
    for lines in [
        &["HTTP/1.1 400"][..],
        &["22"],
        &["2x0 a"],
        &["220_a"],
        &["220-a", "221 b"],
    ] {
        let mut dialogue = Dialogue::new(&envelope, "me", None, "");
        let error = talk(&mut dialogue, lines).unwrap_err();
        assert!(
            matches!(error, SmtpError::NoReply(_)),
            "{lines:?}: {error:?}"
        );
    }
    let mut dialogue = Dialogue::new(&envelope, "me", None, "");
    assert!(talk(&mut dialogue, &["220-x"; 1000]).is_err());
}

#[test]
fn base64_is_rfc_4648s() {
    for (text, encoded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(text.as_bytes()), encoded);
    }
}

proptest! {
    #[test]
    fn no_lines_panic(lines in prop::collection::vec("(220|250|354|334|[0-9]{3})?[ -]?.{0,20}", 0..30)) {
        let envelope = envelope(&["a@x", "b@x"]);
        let mut dialogue = Dialogue::new(&envelope, "me", None, "");
        for line in lines {
            if dialogue.handle_line(&line).is_err() {
                break;
            }
        }
    }
}

#[test]
fn starttls_comes_before_anything_that_is_said_and_what_was_offered_before_it_is_forgotten() {
    let envelope = envelope(&["a@example.com"]);
    let credentials = Credentials {
        user: "lb".into(),
        password: "secret".into(),
    };
    let mut dialogue = Dialogue::new(&envelope, "me", Some(&credentials), "text").over_tls();
    let mut say = |lines: &[&str]| {
        let mut last = Step::Listen;
        for line in lines {
            last = dialogue.handle_line(line).unwrap();
        }
        last
    };
    let send = |text: &str| Step::Send(format!("{text}\r\n"));
    assert_eq!(say(&["220 mx"]), send("EHLO me"));
    // AUTH, too, but not in the clear.
    assert_eq!(
        say(&["250-mx", "250-AUTH PLAIN", "250 starttls"]),
        send("STARTTLS")
    );
    assert_eq!(say(&["220 go"]), Step::Secure);
    assert_eq!(dialogue.secured(), "EHLO me\r\n");
    let mut say = |line: &str| dialogue.handle_line(line);
    assert_eq!(say("250-mx"), Ok(Step::Listen));
    assert_eq!(
        say("250 AUTH LOGIN"),
        Ok(send("AUTH LOGIN")),
        "PLAIN was another's offer"
    );
}

#[test]
fn a_server_without_starttls_hears_nothing_and_one_that_refuses_it_neither() {
    let envelope = envelope(&["a@example.com"]);
    let dialogue = || Dialogue::new(&envelope, "me", None, "text").over_tls();
    let mut without = dialogue();
    assert!(without.handle_line("220 mx").is_ok());
    assert_eq!(without.handle_line("250 mx"), Err(SmtpError::NoStartTls));
    let mut refuses = dialogue();
    for line in ["220 mx", "250 STARTTLS"] {
        assert!(refuses.handle_line(line).is_ok());
    }
    let refusal = refuses.handle_line("454 not now").unwrap_err();
    assert!(refusal.is_temporary(), "{refusal}");
}
