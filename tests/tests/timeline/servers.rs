//! Servers whose health the test decides.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
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
    /// Takes connections and questions, and says nothing.
    Hang,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// HTTP.
    Web,
    /// SMTP, as far as HELO and QUIT go.
    Mail,
    /// DNS; an error is `SERVFAIL`. To whom asks something else it says the same again.
    Dns,
}

/// A server; it lives as long as the test.
pub(crate) struct Server(Arc<AtomicU8>);

impl Server {
    /// It behaves like this from the start.
    pub(crate) fn start(
        machine: &Namespace,
        address: (Ipv4Addr, u16),
        talk: Talk,
        manner: Manner,
    ) -> Result<Self> {
        let manner = Arc::new(AtomicU8::new(manner as u8));
        let ours = Arc::clone(&manner);
        machine.enter(|| {
            let address = SocketAddr::from(address);
            thread::spawn(move || match talk {
                Talk::Web | Talk::Mail => serve(address, talk, &ours),
                Talk::Dns => serve_datagrams(address, &ours),
            });
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

fn serve(address: SocketAddr, talk: Talk, manner: &AtomicU8) {
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
                thread::spawn(move || match talk {
                    Talk::Mail => greet(stream, manner).ok(),
                    Talk::Web | Talk::Dns => answer(stream, manner).ok(),
                });
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
    if manner == Manner::Hang as u8 {
        return hang(&mut stream);
    }
    let for_b = request.starts_with(b"GET /b");
    let bad = manner == Manner::Error as u8 || (manner == Manner::ErrorForB as u8 && for_b);
    let status = if bad { "500 No" } else { "200 OK" };
    write!(stream, "HTTP/1.0 {status}\r\nContent-Length: 3\r\n\r\nok\n")
}

/// Until the client goes.
fn hang(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

fn greet(mut stream: TcpStream, manner: u8) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    if manner == Manner::Hang as u8 {
        return hang(&mut stream);
    }
    if manner == Manner::Error as u8 {
        stream.write_all(b"554 no service here\r\n")?;
        return hang(&mut stream);
    }
    stream.write_all(b"220 mx.example.org\r\n")?;
    let mut line = [0; 1024];
    while stream.read(&mut line)? > 0 {
        let end = line.starts_with(b"QUIT");
        let said: &[u8] = if end { b"221 bye\r\n" } else { b"250 ok\r\n" };
        stream.write_all(said)?;
        if end {
            break;
        }
    }
    Ok(())
}

/// Over UDP: the question comes back as an answer.
fn serve_datagrams(address: SocketAddr, manner: &AtomicU8) {
    let mut socket: Option<UdpSocket> = None;
    let mut question = [0; 2048];
    loop {
        if manner.load(Ordering::SeqCst) == Manner::Closed as u8 {
            socket = None;
        } else if socket.is_none() {
            socket = UdpSocket::bind(address).ok().inspect(|socket| {
                socket.set_read_timeout(Some(LOOK)).ok();
            });
        }
        let Some(open) = &socket else {
            thread::sleep(LOOK);
            continue;
        };
        let Ok((length, from)) = open.recv_from(&mut question) else {
            continue;
        };
        let manner = manner.load(Ordering::SeqCst);
        if manner == Manner::Hang as u8 {
            continue;
        }
        let answer = question.get_mut(..length).unwrap_or_default();
        if let [_, _, flags, rcode, ..] = answer {
            *flags |= 0x80;
            // RFC 1035 section 4.1.1: 2 is a server failure.
            *rcode = if manner == Manner::Error as u8 { 2 } else { 0 };
        }
        open.send_to(answer, from).ok();
    }
}
