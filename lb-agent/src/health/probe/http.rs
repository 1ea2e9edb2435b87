//! `HTTP_GET` and `SSL_GET`: one request, its status, the body to its end.
//!
//! This file has the connection and the time-outs; what is said and understood is pure:
//! [`request()`] and [`response`].
//!
//! The request is keepalived's to the byte, HTTP/1.0 without `Connection`. A general HTTP client
//! would not write it so; hence the bytes are made here and the answer is parsed by `httparse`.

pub mod pattern;
mod request;
pub mod response;
mod search;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect::connect;
use super::{Failure, ProbeResult, answer_limit, tls};
use crate::health::spec::{HttpGet, SslGet, Target, Url};
pub use request::{DEFAULT_PORT, DEFAULT_TLS_PORT, request};
pub use response::{MAX_BODY, MAX_FIELDS, MAX_HEAD};
use response::{Response, Step};
pub(super) use search::MAX_BACKTRACKED;

/// Bytes read at a time.
const CHUNK: usize = 16 * 1024;

/// Fetches the url at index `url` of `get`; over TLS with `ssl`.
pub async fn probe(
    target: &Target,
    get: &HttpGet,
    ssl: Option<&SslGet>,
    url: usize,
) -> ProbeResult {
    let Some(url) = get.urls.get(url) else {
        // Without a url there is nothing to ask; keepalived enables such a server, too.
        return ProbeResult::Success;
    };
    let mut response = Response::new(&url.body);
    match fetch(target, get, ssl, url, &mut response).await {
        Ok(()) => judge(url, &mut response),
        Err(end) => end,
    }
}

/// Fetches `url` into `response`. An error is how the probe ends.
pub async fn fetch(
    target: &Target,
    get: &HttpGet,
    ssl: Option<&SslGet>,
    url: &Url,
    response: &mut Response,
) -> Result<(), ProbeResult> {
    let mut stream = connect(target).await?;
    let port = ssl.map_or(DEFAULT_PORT, |_| DEFAULT_TLS_PORT);
    let request = request(target, get.http_protocol, url, port);
    let (limit, all) = (target.connect_timeout, answer_limit(target));
    let answer = async {
        match ssl {
            None => exchange(&mut stream, &request, limit, url, response).await,
            Some(ssl) => {
                let mut stream = handshake(stream, target, ssl, url).await?;
                exchange(&mut stream, &request, limit, url, response).await
            }
        }
    };
    let end = timeout(all, answer).await;
    end.unwrap_or_else(|_elapsed| Err(response.too_slow(all)))
        .map_err(ProbeResult::Failed)
}

/// keepalived's order: status, digest, regex.
fn judge(url: &Url, response: &mut Response) -> ProbeResult {
    match response.status() {
        Some(status) if !url.accepts(status) => ProbeResult::Failed(Failure::StatusCode(status)),
        Some(_) => response
            .judge_body(&url.body)
            .map_or(ProbeResult::Success, ProbeResult::Failed),
        None => ProbeResult::Failed(Failure::NoData),
    }
}

async fn handshake(
    stream: TcpStream,
    target: &Target,
    ssl: &SslGet,
    url: &Url,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let virtualhost = url.virtualhost.as_deref().map(without_port);
    let name = ssl.sni_name.as_deref().or(virtualhost);
    let name = name.filter(|_| ssl.enable_sni || ssl.sni_name.is_some());
    let limit = target.connect_timeout;
    let handshake = ssl.tls.connect(stream, target.connect_ip, name);
    match timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failure::Handshake(tls::describe(&error))),
        Err(_elapsed) => Err(Failure::HandshakeTimeout(limit)),
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|it| it.is_ascii_digit()))
        .map_or(host, |(host, _)| host)
}

/// Sends `request` and reads to the end of the answer; each read within `limit`.
async fn exchange<S>(
    stream: &mut S,
    request: &str,
    limit: Duration,
    url: &Url,
    response: &mut Response,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    };
    let sent = timeout(limit, sent).await;
    sent.map_err(|_elapsed| Failure::NoAnswer(limit))?
        .map_err(|error| Failure::Send(error.to_string()))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = timeout(limit, stream.read(&mut chunk)).await;
        let read = read.map_err(|_elapsed| response.timed_out(limit))?;
        let count = match read {
            Ok(count) => count,
            // Closed without close_notify; many servers do (keepalived#2351).
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !url.tls_compliant => 0,
            Err(error) => return Err(response.broken(&error)),
        };
        let step = match chunk.get(..count) {
            None | Some([]) => response.handle_eof()?,
            Some(data) => response.handle_data(data)?,
        };
        match step {
            Step::More => {}
            Step::Done => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
