use std::time::Duration;

use super::*;
use crate::config::model::{AddressKey, Family, FwmarkKey, GroupKey, Protocol, VirtualServerKey};
use crate::health::name::ServiceName;
use crate::health::spec::MiscCheck;
use crate::health::testing::{VIP, VIP_ADDRESS, http, server_key};
use crate::script::{Script, User};

fn service() -> Subject {
    Subject::Server(ServiceName::of_real_server(&VIP, &server_key(2)))
}

fn url() -> Url {
    Url::new("/")
}

#[test]
fn each_failure_of_http_has_keepalived_s_sentence_and_its_reason() {
    let timeout = Duration::from_millis(300);
    let reset = || "Connection reset by peer (os error 104)".to_owned();
    let table = [
        (
            Failure::ConnectTimeout(timeout),
            "Timeout connecting server [10.0.0.2]:tcp:80. url(/): no connection within 300ms.",
        ),
        (
            Failure::Connect("Connection refused (os error 111)".to_owned()),
            "Connection failed server [10.0.0.2]:tcp:80. url(/): Connection refused (os error 111).",
        ),
        (
            Failure::Send(reset()),
            "Cannot send get request to server [10.0.0.2]:tcp:80. url(/): the request could not be sent: Connection reset by peer (os error 104).",
        ),
        (
            Failure::NoAnswer(timeout),
            "Timeout WEB read server [10.0.0.2]:tcp:80. url(/): connected, but no answer within 300ms.",
        ),
        (
            Failure::HeadTimeout {
                timeout,
                received: 7,
            },
            "Timeout HTTP read server [10.0.0.2]:tcp:80. url(/): nothing more came for 300ms within the answer's head, after 7 bytes.",
        ),
        (
            Failure::BodyTimeout {
                timeout,
                status: 200,
                received: 70,
            },
            "Timeout HTTP read server [10.0.0.2]:tcp:80. url(/): status_code [200], but the body did not end: nothing more came for 300ms, after 70 bytes.",
        ),
        (
            Failure::Read {
                cause: reset(),
                received: 7,
            },
            "Read error with server [10.0.0.2]:tcp:80. url(/): Connection reset by peer (os error 104) after 7 bytes.",
        ),
        (
            Failure::NoData,
            "Read, no data received from server [10.0.0.2]:tcp:80. url(/): the server closed the connection without an answer.",
        ),
        (
            Failure::HeadCut(7),
            "Read, no data received from server [10.0.0.2]:tcp:80. url(/): the server closed the connection after 7 bytes, within the answer's head.",
        ),
        (
            Failure::HeadTooLarge,
            "Read, no HTTP received from server [10.0.0.2]:tcp:80. url(/): the answer's head is larger than 65536 bytes or 256 fields.",
        ),
        (
            Failure::NotHttp("invalid HTTP version".to_owned()),
            "Read, no HTTP received from server [10.0.0.2]:tcp:80. url(/): the answer is not HTTP: invalid HTTP version.",
        ),
        (
            Failure::StatusCode(404),
            "HTTP status code error to server [10.0.0.2]:tcp:80. url(/): status_code [404].",
        ),
    ];
    for (what, line) in table {
        assert_eq!(
            failure(&http(&["/"]), &service(), Some(&url()), &what),
            line
        );
    }
}

#[test]
fn a_probe_that_cannot_leave_names_the_cause() {
    let bind = NotProbed::Bind {
        address: "10.9.9.9:0".parse().unwrap(),
        cause: "Cannot assign requested address (os error 99)".to_owned(),
    };
    let mark = NotProbed::Mark {
        mark: 5,
        cause: "Operation not permitted (os error 1)".to_owned(),
    };
    let table = [
        (
            Kind::Tcp,
            &bind,
            "TCP socket bind failed. Rescheduling. [10.0.0.2]:tcp:80 stays as it is: cannot bind to 10.9.9.9:0: Cannot assign requested address (os error 99)",
        ),
        (
            http(&["/"]),
            &bind,
            "WEB socket bind failed. Rescheduling. [10.0.0.2]:tcp:80 stays as it is: cannot bind to 10.9.9.9:0: Cannot assign requested address (os error 99)",
        ),
        (
            http(&["/"]),
            &mark,
            "WEB connection fail to create socket. Rescheduling. [10.0.0.2]:tcp:80 stays as it is: fwmark 5 cannot be set: Operation not permitted (os error 1)",
        ),
    ];
    for (kind, error, line) in table {
        assert_eq!(not_probed(&kind, &service(), error), line);
    }
}

#[test]
fn names_are_written_as_keepalived_writes_them() {
    let v6 = crate::config::model::RealServerKey {
        address: "fd00::2".parse().unwrap(),
        port: 53,
    };
    let udp = AddressKey {
        protocol: Protocol::Udp,
        ..VIP_ADDRESS
    };
    assert_eq!(
        ServiceName::of_real_server(&udp.into(), &v6).to_string(),
        "[fd00::2]:udp:53"
    );
    let mark = VirtualServerKey::Fwmark(FwmarkKey {
        fwmark: 7,
        ip_family: Family::Inet6,
    });
    assert_eq!(
        ServiceName::of_real_server(&mark, &v6).to_string(),
        "[fd00::2]:none:53"
    );
    let group = VirtualServerKey::Group(GroupKey {
        group: "web".to_owned(),
        protocol: Protocol::Sctp,
    });
    let names = [VIP, mark, group].map(|key| key.to_string());
    assert_eq!(names, ["[192.168.0.1]:tcp:80", "FWM 7", "[web]:sctp"]);
}

#[test]
fn lines_about_a_script_name_both_servers_and_the_program() {
    let script = Script {
        command: "check 80".to_owned(),
        program: "/usr/bin/check".into(),
        arguments: vec!["80".into()],
        user: User { uid: 0, gid: 0 },
    };
    let kind = Kind::Misc(MiscCheck {
        misc_path: "check 80".to_owned(),
        script: Some(script),
        uid: 0,
        gid: 0,
        misc_timeout: Duration::from_secs(3),
        misc_dynamic: false,
    });
    let pair = Subject::Pair {
        real_server: ServiceName::of_real_server(&VIP, &server_key(2)),
        virtual_server: VIP,
    };
    let line = |text: &str| {
        format!(
            "Misc check for [[10.0.0.2]:tcp:80 VS [192.168.0.1]:tcp:80] by [/usr/bin/check] {text}."
        )
    };
    assert_eq!(success(&kind, &pair), line("succeeded"));
    for (retries, what, text) in [
        (0, Failure::ScriptStatus(3), "failed (exited with status 3)"),
        (
            2,
            Failure::ScriptStatus(3),
            "failed after 2 retries (exited with status 3)",
        ),
        (0, Failure::ScriptSignal(9), "failed (due to signal 9)"),
        (
            1,
            Failure::ScriptTimeout(Duration::from_secs(3)),
            "timed out after 1 retries (still running after 3s)",
        ),
        (
            0,
            Failure::ScriptNotRun("Permission denied".to_owned()),
            "failed (the script does not run: Permission denied)",
        ),
    ] {
        assert_eq!(down(&kind, &pair, retries, None, &what), line(text));
    }
    assert_eq!(
        failure(&kind, &pair, None, &Failure::ScriptStatus(3)),
        line("failed (exited with status 3)")
    );
}

/// As keepalived 2.2.7 has them: `ICMP CHECK on service %s of %s failed after %u retries.`, and with one name
/// where nothing was retried.
#[test]
fn lines_about_echo_requests_name_both_servers_where_keepalived_does() {
    let pair = Subject::Pair {
        real_server: ServiceName::of_real_server(&VIP, &server_key(2)),
        virtual_server: VIP,
    };
    let limit = Duration::from_secs(5);
    let silent = Failure::NoAnswer(limit);
    let unreachable = Failure::Connect("unreachable, ICMP code 1".to_owned());
    assert_eq!(
        success(&Kind::Ping, &pair),
        "ICMP connection to [10.0.0.2]:tcp:80 success."
    );
    for (line, begins) in [
        (
            down(&Kind::Ping, &pair, 3, None, &silent),
            "ICMP CHECK on service [10.0.0.2]:tcp:80 of [192.168.0.1]:tcp:80 failed after 3 retries.",
        ),
        (
            down(&Kind::Ping, &pair, 0, None, &silent),
            "ICMP CHECK on service [10.0.0.2]:tcp:80 failed.",
        ),
        (
            failure(&Kind::Ping, &pair, None, &silent),
            "ICMP connection to address [10.0.0.2]:tcp:80 timeout.",
        ),
        (
            failure(&Kind::Ping, &pair, None, &unreachable),
            "ICMP connection to [10.0.0.2]:tcp:80 of [192.168.0.1]:tcp:80 failed.",
        ),
        (
            not_probed(&Kind::Ping, &pair, &NotProbed::Socket(String::new())),
            "ICMP connect fail to create socket. Rescheduling. [10.0.0.2]:tcp:80 stays as it is",
        ),
    ] {
        assert!(line.starts_with(begins), "{line}");
    }
}
