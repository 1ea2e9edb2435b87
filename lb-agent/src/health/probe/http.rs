//! `HTTP_GET`: one request, its status, the body to its end.
//!
//! This file has the connection and the time-out; what is said and understood is pure:
//! [`request()`] and `response`. A TLS stream needs no more than another `connect`.
//!
//! The request is keepalived's to the byte, HTTP/1.0 without `Connection`. A general HTTP client
//! would not write it so; hence the bytes are made here and the answer is parsed by `httparse`.

mod request;
mod response;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::connect::connect;
use super::{Failure, ProbeResult};
use crate::config::model::{Checker, HttpGet, Url};
pub use request::request;
pub use response::{MAX_FIELDS, MAX_HEAD};
use response::{Response, Step};

/// Bytes read at a time. Bodies are only counted, so this and the head are all a probe keeps.
const CHUNK: usize = 4096;

/// Fetches the url at index `url` of `get`.
pub async fn probe(checker: &Checker, get: &HttpGet, url: usize) -> ProbeResult {
    let Some(url) = get.urls.get(url) else {
        // Without a url there is nothing to ask; keepalived enables such a server, too.
        return ProbeResult::Success;
    };
    let mut stream = match connect(checker).await {
        Ok(stream) => stream,
        Err(end) => return end,
    };
    let request = request(checker, get.http_protocol, url);
    match fetch(&mut stream, request.as_bytes(), checker.connect_timeout).await {
        Ok(status) if accepted(url, status) => ProbeResult::Success,
        Ok(status) => ProbeResult::Failed(Failure::StatusCode(status)),
        Err(failure) => ProbeResult::Failed(failure),
    }
}

/// Sends `request` and reads the whole answer within `limit`; returns its status.
async fn fetch<S>(stream: &mut S, request: &[u8], limit: Duration) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut response = Response::default();
    match timeout(limit, exchange(stream, request, &mut response)).await {
        Ok(end) => end,
        Err(_elapsed) => Err(response.timed_out(limit)),
    }
}

async fn exchange<S>(
    stream: &mut S,
    request: &[u8],
    response: &mut Response,
) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write_all(request)
        .await
        .map_err(|error| Failure::Send(error.to_string()))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = stream.read(&mut chunk).await;
        let count = read.map_err(|error| response.broken(&error))?;
        let step = match chunk.get(..count) {
            None | Some([]) => response.handle_eof()?,
            Some(data) => response.handle_data(data)?,
        };
        match step {
            Step::More => {}
            Step::Done { status } => return Ok(status),
        }
    }
}

fn accepted(url: &Url, status: u16) -> bool {
    url.status_code
        .iter()
        .any(|&(first, last)| (first..=last).contains(&status))
}

#[cfg(test)]
mod tests;
