//! The answer to `HTTP_GET`, as it comes in. Pure: bytes in, a step or a failure out.
//!
//! The body is counted, and hashed or searched where the url asks for that; it is not kept. Chunked
//! bodies are not decoded, as in keepalived: they end where the connection ends. What comes beyond
//! `Content-Length` is no part of the body.

use std::fmt::Write as _;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};
use md5::{Digest as _, Md5};

use super::search::{Search, TooHard};
use crate::health::probe::Failure;
use crate::health::spec::UrlBody;

/// Bytes that the head of an answer may have.
pub const MAX_HEAD: usize = 64 * 1024;
/// Fields that the head of an answer may have.
pub const MAX_FIELDS: usize = 256;
/// Bytes that the body of an answer may have.
pub const MAX_BODY: u64 = 256 << 20;

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// More is to come.
    More,
    /// That was all of it.
    Done,
}

/// An answer, half read.
#[derive(Debug)]
pub struct Response {
    part: Part,
    /// Bytes of the whole answer so far.
    received: u64,
    digest: Option<Md5>,
    search: Option<Search>,
}

#[derive(Debug)]
enum Part {
    /// The head has not ended; its bytes so far.
    Head(Vec<u8>),
    /// The head has ended.
    Body {
        status: u16,
        /// Bytes of the body so far.
        length: u64,
        /// Bytes still to come; `None`: until the server closes.
        left: Option<u64>,
    },
}

impl Response {
    /// An answer of which nothing has come; `body` says what is to be found out of it.
    #[must_use]
    pub fn new(body: &UrlBody) -> Self {
        Self {
            part: Part::Head(Vec::new()),
            received: 0,
            digest: body.digest.map(|_| Md5::new()),
            search: body.regex.as_ref().map(Search::new),
        }
    }

    /// The status; `None` before the end of the head.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.part {
            Part::Head(_) => None,
            Part::Body { status, .. } => Some(status),
        }
    }

    /// The MD5 of the body so far, where `digest` asks for one.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 16]> {
        Some(self.digest.clone()?.finalize().into())
    }

    /// What is wrong with the body, now that it has ended: first `digest`, then `regex`.
    pub(super) fn judge_body(&mut self, wanted: &UrlBody) -> Option<Failure> {
        if let Some(digest) = self.digest()
            && Some(digest) != wanted.digest
        {
            return Some(Failure::Digest(hex(digest)));
        }
        let regex = wanted.regex.as_ref()?;
        let found = match self.search.as_mut().map(Search::finish) {
            Some(Ok(found)) => found,
            Some(Err(TooHard)) => return Some(Failure::RegexTooHard),
            None => false,
        };
        let no_match = regex.no_match;
        (found == no_match).then_some(Failure::Regex { no_match })
    }

    /// The next bytes, at least one.
    pub(in crate::health::probe) fn handle_data(&mut self, data: &[u8]) -> Result<Step, Failure> {
        self.received = self.received.saturating_add(data.len() as u64);
        match &mut self.part {
            Part::Head(head) => {
                head.extend_from_slice(data);
                // Only a line's end can finish the head or show that it is none, so looking at
                // nothing else keeps the work linear when single bytes come.
                if data.contains(&b'\n') {
                    self.read_head()
                } else {
                    self.within_bounds()
                }
            }
            Part::Body { .. } => self.read_body(data),
        }
    }

    /// The server closed its side.
    pub(in crate::health::probe) fn handle_eof(&self) -> Result<Step, Failure> {
        match (&self.part, self.received) {
            (Part::Head(_), 0) => Err(Failure::NoData),
            (Part::Head(head), received) => {
                // Something without a line, such as a TLS alert, is known for what it is only now.
                parse(head)?;
                Err(Failure::HeadCut(received))
            }
            // Too short for its Content-Length is no failure: keepalived only remarks on it.
            (Part::Body { .. }, _) => Ok(Step::Done),
        }
    }

    /// What to say when the connection broke.
    pub(super) fn broken(&self, error: &std::io::Error) -> Failure {
        Failure::Read {
            cause: error.to_string(),
            received: self.received,
        }
    }

    /// What to say when nothing more came for `timeout`.
    pub(super) fn timed_out(&self, timeout: Duration) -> Failure {
        match (&self.part, self.received) {
            (Part::Head(_), 0) => Failure::NoAnswer(timeout),
            (Part::Head(_), received) => Failure::HeadTimeout { timeout, received },
            (&Part::Body { status, .. }, received) => Failure::BodyTimeout {
                timeout,
                status,
                received,
            },
        }
    }

    /// What to say when it went on for `limit` without an end.
    pub(super) fn too_slow(&self, limit: Duration) -> Failure {
        Failure::TooSlow {
            limit,
            received: self.received,
        }
    }

    fn read_body(&mut self, data: &[u8]) -> Result<Step, Failure> {
        let Part::Body { length, left, .. } = &mut self.part else {
            return Ok(Step::More);
        };
        let wanted = left.unwrap_or(u64::MAX).min(data.len() as u64);
        let data = usize::try_from(wanted)
            .ok()
            .and_then(|wanted| data.get(..wanted))
            .unwrap_or(data);
        *length = length.saturating_add(wanted);
        *left = left.map(|left| left.saturating_sub(wanted));
        if let Some(digest) = &mut self.digest {
            digest.update(data);
        }
        if let Some(search) = &mut self.search {
            search.handle_data(data);
        }
        match *left {
            Some(0) => Ok(Step::Done),
            _ if *length > MAX_BODY => Err(Failure::BodyTooLarge),
            Some(_) | None => Ok(Step::More),
        }
    }

    fn read_head(&mut self) -> Result<Step, Failure> {
        while let Part::Head(bytes) = &mut self.part {
            let Some(head) = parse(bytes)? else {
                return self.within_bounds();
            };
            if head.interim() {
                bytes.drain(..head.length);
                continue;
            }
            let body = bytes.split_off(head.length.min(bytes.len()));
            self.part = Part::Body {
                status: head.status,
                length: 0,
                left: head.body,
            };
            return self.read_body(&body);
        }
        Ok(Step::More)
    }

    fn within_bounds(&self) -> Result<Step, Failure> {
        match &self.part {
            Part::Head(bytes) if bytes.len() > MAX_HEAD => Err(Failure::HeadTooLarge),
            Part::Head(_) | Part::Body { .. } => Ok(Step::More),
        }
    }
}

/// As `genhash` prints it and `digest` takes it.
#[must_use]
pub fn hex(digest: [u8; 16]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// A complete head.
struct Head {
    status: u16,
    /// Its bytes, the empty line with it.
    length: usize,
    /// The body's bytes; `None`: until the server closes.
    body: Option<u64>,
}

impl Head {
    /// 1xx heads are passed over, expected or not (RFC 9110 section 15.2); after 101 comes no HTTP.
    fn interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// `None` while the head is not complete. Lenient where clients are: the question is whether the
/// server works, not whether it is well-mannered.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = ParserConfig::default()
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .parse_response(&mut response, bytes);
    match parsed {
        Err(httparse::Error::TooManyHeaders) => Err(Failure::HeadTooLarge),
        Err(error) => Err(Failure::NotHttp(error.to_string())),
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            let status = response.code.unwrap_or_default();
            Ok(Some(Head {
                status,
                length,
                body: body_length(status, response.headers),
            }))
        }
    }
}

/// RFC 9112 section 6.3, as far as answers to GET go; `None`: until the server closes.
fn body_length(status: u16, fields: &[Header<'_>]) -> Option<u64> {
    if matches!(status, 204 | 304) {
        return Some(0);
    }
    if fields
        .iter()
        .any(|field| field.name.eq_ignore_ascii_case("transfer-encoding"))
    {
        return None;
    }
    let length = fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(length.value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
