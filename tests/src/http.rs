//! A client that asks for a page and remembers who served it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use socket2::{Domain, Socket, Type};

use crate::clock::now;

/// A page of a [`crate::WebServer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Name of the server.
    pub server: String,
    /// The client, as the server saw it.
    pub client: IpAddr,
}

/// Fetches `/` from `target` on a connection of its own, in the namespace of the calling thread.
///
/// `source` binds the client to one of its addresses. `limit` bounds the whole: connection,
/// request and answer. Anything but a page with status 200 is an error.
pub fn get(target: SocketAddr, source: Option<IpAddr>, limit: Duration) -> Result<Page> {
    let end = now() + limit;
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    if let Some(source) = source {
        socket
            .bind(&SocketAddr::new(source, 0).into())
            .context("cannot bind")?;
    }
    socket
        .connect_timeout(&target.into(), left(end))
        .context("no connection")?;
    let mut stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(left(end)))?;
    // In one piece: `write!` would send a segment for each part.
    let request = format!("GET / HTTP/1.0\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).context("cannot ask")?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    loop {
        stream.set_read_timeout(Some(left(end)))?;
        match stream.read(&mut piece) {
            Ok(0) => return page(&String::from_utf8_lossy(&answer)),
            Ok(n) => answer.extend(piece.iter().take(n)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("no answer"),
        }
    }
}

/// Fetches `/long` from `target`, in the namespace of the calling thread; the length of the whole answer,
/// bytes. Nothing may be silent for longer than `limit`.
pub fn long_page(target: SocketAddr, limit: Duration) -> Result<usize> {
    let mut stream = TcpStream::connect_timeout(&target, limit).context("no connection")?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET /long HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .context("the page does not come through")?;
    Ok(answer.len())
}

/// The time until `end`; never zero, which a socket would take for "no limit".
fn left(end: Instant) -> Duration {
    end.saturating_duration_since(now())
        .max(Duration::from_millis(1))
}

/// The page in an answer.
fn page(answer: &str) -> Result<Page> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer has no body")?;
    let status = head.split_whitespace().nth(1);
    ensure!(
        status == Some("200"),
        "status {}",
        status.unwrap_or("missing")
    );
    let (server, client) = body.trim().split_once(' ').context("not a page of ours")?;
    Ok(Page {
        server: server.to_owned(),
        client: client.parse().context("the page names no client")?,
    })
}

/// What became of many requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Pages by server.
    pub served: BTreeMap<String, usize>,
    /// Pages by the client that the server saw.
    pub clients: BTreeMap<IpAddr, usize>,
    /// Why requests failed, in order.
    pub failures: Vec<String>,
    /// The longest time a request took that succeeded.
    pub slowest: Duration,
}

impl Tally {
    /// Sends `requests` requests, one after the other, from the namespace of the calling thread.
    pub fn of(requests: usize, target: SocketAddr, source: Option<IpAddr>) -> Self {
        let mut tally = Self::default();
        for _ in 0..requests {
            let start = now();
            match get(target, source, Duration::from_secs(5)) {
                Ok(page) => {
                    tally.slowest = tally.slowest.max(start.elapsed());
                    *tally.served.entry(page.server).or_default() += 1;
                    *tally.clients.entry(page.client).or_default() += 1;
                }
                Err(error) => tally.failures.push(format!("{error:#}")),
            }
        }
        tally
    }

    /// Pages that `server` has served.
    pub fn from(&self, server: &str) -> usize {
        self.served.get(server).copied().unwrap_or(0)
    }
}
