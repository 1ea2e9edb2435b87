//! Servers whose health the test decides.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use lb_tests::Namespace;

/// How long a server takes to notice what it is to do.
const LOOK: Duration = Duration::from_millis(10);

/// What a server does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Answers every page with 200.
    Good,
    /// Takes no connections.
    Closed,
    /// Answers every page with 500.
    Error,
    /// Answers `/b` with 500.
    ErrorForB,
}

/// A web server; it lives as long as the test.
pub(crate) struct Server(Arc<AtomicU8>);

impl Server {
    /// A good one.
    pub(crate) fn start(machine: &Namespace, address: Ipv4Addr, port: u16) -> Result<Self> {
        let manner = Arc::new(AtomicU8::new(Manner::Good as u8));
        let ours = Arc::clone(&manner);
        machine.enter(|| {
            let address = SocketAddr::from((address, port));
            thread::spawn(move || serve(address, &ours));
            Ok(())
        })?;
        Ok(Self(manner))
    }

    /// From now on it behaves like this.
    pub(crate) fn behave(&self, manner: Manner) {
        self.0.store(manner as u8, Ordering::SeqCst);
        thread::sleep(LOOK * 5);
    }
}

fn serve(address: SocketAddr, manner: &AtomicU8) {
    let mut listener = None;
    loop {
        if manner.load(Ordering::SeqCst) == Manner::Closed as u8 {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).ok().inspect(|listener| {
                listener.set_nonblocking(true).ok();
            });
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((stream, _))) => {
                let manner = manner.load(Ordering::SeqCst);
                thread::spawn(move || answer(stream, manner).ok());
            }
            Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => {}
            Some(Err(_)) | None => thread::sleep(LOOK),
        }
    }
}

fn answer(mut stream: TcpStream, manner: u8) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = [0; 1024];
    let length = stream.read(&mut request)?;
    if length == 0 {
        return Ok(());
    }
    let for_b = request.starts_with(b"GET /b");
    let bad = manner == Manner::Error as u8 || (manner == Manner::ErrorForB as u8 && for_b);
    let status = if bad { "500 No" } else { "200 OK" };
    write!(stream, "HTTP/1.0 {status}\r\nContent-Length: 3\r\n\r\nok\n")
}
