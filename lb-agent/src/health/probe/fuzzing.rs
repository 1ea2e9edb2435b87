//! Servers' answers under a fuzzer: see [`crate::fuzzing`].
//!
//! The first byte says in how large pieces the rest arrives: the result must not depend on it.

pub(crate) use super::http::pattern::fuzzing::pattern;
use super::http::response::{Response, Step};
use super::{dns as answer, smtp as dialogue};
use crate::health::spec::UrlBody;

/// An answer to `DNS_CHECK`.
pub(crate) fn dns(bytes: &[u8]) {
    if let Some(rcode) = answer::read_answer(bytes, 0x1234) {
        assert!(rcode < 16 && bytes.starts_with(&[0x12, 0x34]));
    }
}

/// An answer to `HTTP_GET`.
pub(crate) fn http(bytes: &[u8]) {
    let (piece, bytes) = pieces(bytes);
    let all = read_http(bytes, bytes.len().max(1));
    assert_eq!(all, read_http(bytes, piece));
}

/// The status and the digest of what was read, or how it failed.
fn read_http(bytes: &[u8], piece: usize) -> Result<(Option<u16>, Option<[u8; 16]>), String> {
    let body = UrlBody {
        digest: Some([0; 16]),
        regex: None,
    };
    let mut response = Response::new(&body);
    for data in bytes.chunks(piece) {
        match response.handle_data(data) {
            Ok(Step::More) => {}
            Ok(Step::Done) => return Ok((response.status(), response.digest())),
            // How many bytes had come by then is a matter of the pieces.
            Err(failure) => return Err(without_numbers(&failure.to_string())),
        }
    }
    match response.handle_eof() {
        Ok(_) => Ok((response.status(), response.digest())),
        Err(failure) => Err(without_numbers(&failure.to_string())),
    }
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|one| !one.is_ascii_digit()).collect()
}

/// An answer of a mail server.
pub(crate) fn smtp(bytes: &[u8]) {
    let (piece, bytes) = pieces(bytes);
    for step in [dialogue::Step::Greeting, dialogue::Step::Helo] {
        let read = |piece: usize| {
            let mut answer = dialogue::Answer::new(step);
            let mut pieces = bytes.chunks(piece);
            pieces.find_map(|data| match answer.handle_data(data) {
                Ok(false) => None,
                Ok(true) => Some(true),
                Err(_) => Some(false),
            })
        };
        // What comes behind a whole answer may be too much for one piece and never looked at in
        // several.
        if bytes.len() <= dialogue::MAX_ANSWER {
            assert_eq!(read(bytes.len().max(1)), read(piece));
        }
    }
}

fn pieces(bytes: &[u8]) -> (usize, &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (usize::from(*first).max(1), rest)
}
