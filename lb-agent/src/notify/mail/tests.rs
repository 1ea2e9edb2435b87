use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn envelope() -> Envelope {
    Envelope {
        from: "k@example.com".into(),
        to: vec!["a@example.com".into(), "b@example.com".into()],
    }
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (1_795_256_807, "Sat, 21 Nov 2026 10:26:47 +0000"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
        (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 +0000"),
    ] {
        assert_eq!(date_time(at(seconds)), text);
    }
}

/// Recorded from keepalived 2.2.7.
#[test]
fn the_text_is_keepaliveds_byte_for_byte() {
    let mail = Mail {
        subject: "[RTR] VRRP Group G1 - Entering BACKUP state".into(),
        body: "=> All VRRP group instances are now in BACKUP state <=".into(),
    };
    assert_eq!(
        mail.text(&envelope(), at(1_795_256_807)),
        "Date: Sat, 21 Nov 2026 10:26:47 +0000\r\n\
         From: k@example.com\r\n\
         Subject: [RTR] VRRP Group G1 - Entering BACKUP state\r\n\
         X-Mailer: Keepalived\r\n\
         To: a@example.com, b@example.com\r\n\
         \r\n\
         => All VRRP group instances are now in BACKUP state <=\r\n\
         \r\n\
         .\r\n"
    );
}

#[test]
fn nothing_in_a_mail_can_end_it_or_add_a_header() {
    let mail = Mail {
        subject: "x\r\nBcc: all@example.com".into(),
        body: "one\n.\n..two\r\n".into(),
    };
    let text = mail.text(&envelope(), at(0));
    assert!(
        text.contains("Subject: x  Bcc: all@example.com\r\n"),
        "{text}"
    );
    assert!(
        text.ends_with("\r\n\r\none\r\n..\r\n...two\r\n\r\n.\r\n"),
        "{text}"
    );
    assert_eq!(text.matches("\r\n.\r\n").count(), 1);
}
