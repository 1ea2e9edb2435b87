//! A connection that stays open from one request to the next.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};

use super::{PATIENCE, SERVICE};

/// A connection, and who serves it.
pub(super) struct Held {
    stream: TcpStream,
    server: String,
}

impl Held {
    /// Opens one, in the namespace of the calling thread, and asks once.
    pub(super) fn open() -> Result<Self> {
        let target = SocketAddr::from((SERVICE, 80));
        let stream = TcpStream::connect_timeout(&target, PATIENCE).context("no connection")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut held = Self {
            stream,
            server: String::new(),
        };
        held.server = held.page()?;
        Ok(held)
    }

    /// Asks again: the same server has to answer.
    pub(super) fn ask(&mut self) -> Result<()> {
        let server = self.page().context("a connection is lost")?;
        ensure!(server == self.server, "{server} instead of {}", self.server);
        Ok(())
    }

    /// Who serves the next page.
    fn page(&mut self) -> Result<String> {
        self.stream
            .write_all(b"GET / HTTP/1.1\r\nHost: six\r\n\r\n")?;
        let mut answer = String::new();
        let mut piece = [0; 1024];
        loop {
            let length = self.stream.read(&mut piece)?;
            ensure!(length > 0, "closed after {answer:?}");
            answer.push_str(&String::from_utf8_lossy(
                piece.get(..length).unwrap_or_default(),
            ));
            // The page is one line.
            if let Some((_, page)) = answer.split_once("\r\n\r\n")
                && let Some((server, _)) = page.trim_end_matches('\n').split_once(' ')
                && page.ends_with('\n')
            {
                return Ok(server.to_owned());
            }
        }
    }
}
