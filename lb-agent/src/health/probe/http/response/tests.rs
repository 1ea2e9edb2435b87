use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Feeds `data` in pieces of `size` and then the end, until the answer is done.
fn feed(data: &[u8], size: usize) -> Result<u16, Failure> {
    let mut response = Response::new(&UrlBody::default());
    for piece in data.chunks(size) {
        match response.handle_data(piece)? {
            Step::More => {}
            Step::Done => return Ok(response.status().unwrap()),
        }
    }
    match response.handle_eof()? {
        Step::More => panic!("more after the end"),
        Step::Done => Ok(response.status().unwrap()),
    }
}

#[track_caller]
fn check(data: &str, expect: &Result<u16, Failure>) {
    for size in [1, 2, 7, data.len().max(1)] {
        assert_eq!(&feed(data.as_bytes(), size), expect, "in pieces of {size}");
    }
}

#[test]
fn answers_as_servers_give_them_are_understood() {
    for (data, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200),
        ("HTTP/1.0 200 OK\r\n\r\n", 200),
        ("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", 404),
        ("HTTP/1.1 200\r\n\r\n", 200),
        ("HTTP/1.1  200  OK\r\n\r\n", 200),
        ("HTTP/1.1 200 OK\nServer: bare line feeds\n\nok", 200),
        (
            "HTTP/1.1 200 OK\r\nname with blanks: x\r\nServer : y\r\n\r\n",
            200,
        ),
        ("HTTP/1.1 200 OK\r\nServer: folded\r\n line\r\n\r\n", 200),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            204,
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", 200),
        ("HTTP/1.1 999 x\r\n\r\n", 999),
    ] {
        check(data, &Ok(status));
    }
}

#[test]
fn what_is_no_answer_is_told_apart() {
    for (data, failure) in [
        ("", Failure::NoData),
        ("HTTP/1.1 200 OK\r\nServ", Failure::HeadCut(21)),
        (
            "SSH-2.0-OpenSSH_9.2\r\n",
            Failure::NotHttp("invalid HTTP version".to_owned()),
        ),
        (
            "\u{15}\u{3}\u{1}",
            Failure::NotHttp("invalid HTTP version".to_owned()),
        ),
        (
            "HTTP/2 200\r\n\r\n",
            Failure::NotHttp("invalid HTTP version".to_owned()),
        ),
        (
            "HTTP/1.1 abc OK\r\n\r\n",
            Failure::NotHttp("invalid response status".to_owned()),
        ),
    ] {
        check(data, &Err(failure));
    }
}

#[test]
fn the_answer_is_over_with_its_length_also_when_the_server_does_not_close() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\ncontent-LENGTH:  2 \r\n\r\n", "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""),
    ] {
        let mut response = Response::new(&UrlBody::default());
        let step = response
            .handle_data(format!("{head}{body}").as_bytes())
            .unwrap();
        assert!(matches!(step, Step::Done), "{head}");
    }
}

#[test]
fn the_head_does_not_count_for_the_length_of_the_body() {
    let mut response = Response::new(&UrlBody::default());
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    assert_eq!(response.handle_data(head), Ok(Step::More));
    let mut response = Response::new(&UrlBody::default());
    assert_eq!(
        response.handle_data(&[&head[..], b"123456789"].concat()),
        Ok(Step::More)
    );
    assert_eq!(response.handle_data(b"0"), Ok(Step::Done));
}

#[test]
fn the_answer_goes_on_to_the_end_where_its_length_cannot_be_known() {
    for field in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: none",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999999",
    ] {
        let mut response = Response::new(&UrlBody::default());
        let data = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n0\r\n\r\n");
        assert_eq!(
            response.handle_data(data.as_bytes()),
            Ok(Step::More),
            "{field}"
        );
        assert_eq!(response.handle_eof(), Ok(Step::Done));
    }
}

#[test]
fn a_head_without_end_is_refused_and_not_kept() {
    for line in ["X: 0123456789abcdef\r\n", "X: y\r\n", "x", " folded\r\n"] {
        let mut response = Response::new(&UrlBody::default());
        let mut step = response.handle_data(b"HTTP/1.1 200 OK\r\nFirst: 1\r\n");
        let mut fed = 0;
        while step == Ok(Step::More) {
            assert!(fed <= MAX_HEAD, "{line:?} goes on and on");
            fed += line.len();
            step = response.handle_data(line.as_bytes());
        }
        assert_eq!(step, Err(Failure::HeadTooLarge), "{line:?}");
    }
}

#[test]
fn a_body_without_end_is_counted_and_not_kept() {
    let mut response = Response::new(&UrlBody::default());
    assert_eq!(
        response.handle_data(b"HTTP/1.1 200 OK\r\n\r\n"),
        Ok(Step::More)
    );
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        assert_eq!(response.handle_data(&piece), Ok(Step::More));
        assert!(matches!(response.part, Part::Body { .. }));
    }
    assert_eq!(
        response.timed_out(TIMEOUT),
        Failure::BodyTimeout {
            timeout: TIMEOUT,
            status: 200,
            received: 19 + (100 << 20)
        }
    );
}

#[test]
fn the_time_out_tells_how_far_the_answer_was() {
    let mut response = Response::new(&UrlBody::default());
    assert_eq!(response.timed_out(TIMEOUT), Failure::NoAnswer(TIMEOUT));
    assert_eq!(response.handle_data(b"HTTP/1.1 2"), Ok(Step::More));
    assert_eq!(
        response.timed_out(TIMEOUT),
        Failure::HeadTimeout {
            timeout: TIMEOUT,
            received: 10
        }
    );
    assert_eq!(response.handle_data(b"00 OK\r\n\r\n<"), Ok(Step::More));
    assert_eq!(
        response.timed_out(TIMEOUT),
        Failure::BodyTimeout {
            timeout: TIMEOUT,
            status: 200,
            received: 20
        }
    );
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_end_the_same(data: Vec<u8>, size in 1_usize..40) {
        let whole = feed(&data, data.len().max(1));
        let pieces = feed(&data, size);
        // A wrong line shows as soon as it ends, so only the words may differ.
        prop_assert_eq!(whole.is_ok(), pieces.is_ok());
    }

    #[test]
    fn damaged_answers_never_panic(
        index in 0_usize..60,
        byte: u8,
        length in 0_usize..60,
        size in 1_usize..60,
    ) {
        let mut data = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer: x\r\n\r\nbody".to_vec();
        if let Some(place) = data.get_mut(index) {
            *place = byte;
        }
        data.truncate(length);
        feed(&data, size).ok();
    }
}
