use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// Runs `genhash` with `options` against a server that gives `answer`; what it printed, and what
/// the server was asked.
fn genhash(options: &[&str], answer: &'static [u8]) -> (Result<String, String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(answer).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let line = ["genhash", "-s", "127.0.0.1", "-p", &port];
    let line = Line::parse_from(line.iter().chain(options));
    (digest(&line.arguments), server.join().unwrap())
}

#[test]
fn the_digest_is_that_of_the_body_and_the_request_keepalived_s() {
    let (digest, request) = genhash(&["-u", "/x"], b"HTTP/1.1 404 x\r\n\r\nhello");
    assert_eq!(digest.unwrap(), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(
        request,
        "GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 127.0.0.1\r\n\r\n"
    );
}

#[test]
fn options_change_the_request() {
    let options = ["-V", "www.example.org", "-P", "1.1", "-v"];
    let (digest, request) = genhash(&options, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(
        digest.unwrap(),
        "status_code [200]\nd41d8cd98f00b204e9800998ecf8427e"
    );
    assert_eq!(
        request,
        "GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n"
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    let (digest, _) = genhash(&[], b"");
    let error = digest.unwrap_err();
    let (server, reason) = error.split_once(": ").unwrap();
    assert!(server.starts_with("127.0.0.1:"), "{error}");
    assert_eq!(reason, "the server closed the connection without an answer");
}

type Is = fn(&Arguments) -> bool;

/// Options of keepalived 2.2.7's `genhash --help`, each with what it is here.
#[test]
fn every_option_of_keepalived_s_genhash_is_taken_by_its_names() {
    let parse = |options: &[&str]| {
        let line = ["genhash", "--server", "10.0.0.2"];
        Line::try_parse_from(line.iter().chain(options)).map(|line| line.arguments)
    };
    let table: [(&[&str], Is); 17] = [
        (&["--use-ssl"], |it| it.use_ssl),
        (&["-S"], |it| it.use_ssl),
        (&["--use-sni"], |it| it.use_sni),
        (&["-I"], |it| it.use_sni),
        (&["--port", "81"], |it| it.port == Some(81)),
        (&["-p", "81"], |it| it.port == Some(81)),
        (&["--url", "/x"], |it| it.url == "/x"),
        (&["-u", "/x"], |it| it.url == "/x"),
        (&["--use-virtualhost", "a"], |it| {
            it.use_virtualhost.as_deref() == Some("a")
        }),
        (&["-V", "a"], |it| {
            it.use_virtualhost.as_deref() == Some("a")
        }),
        (&["--verbose"], |it| it.verbose),
        (&["-v"], |it| it.verbose),
        (&["--fwmark", "7"], |it| it.fwmark == 7),
        (&["--protocol", "1.0c"], |it| {
            it.http_protocol == HttpProtocol::V1_0Close
        }),
        (&["-P", "1.1"], |it| it.http_protocol == HttpProtocol::V1_1),
        (&["--timeout", "9"], |it| it.timeout == 9),
        (&["-t", "9"], |it| it.timeout == 9),
    ];
    for (options, is) in table {
        let arguments = parse(options).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        assert!(is(&arguments), "{options:?}: {arguments:?}");
    }
    assert!(!parse(&[]).unwrap().use_sni, "only when asked for");
    // Ours has the name of the keyword.
    assert!(parse(&["--http-protocol", "1.1"]).is_ok());
}
