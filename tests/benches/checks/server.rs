//! All the servers: one process that answers on every address.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Says that this process is the servers.
pub(crate) const ARGUMENT: &str = "--be-the-servers";
/// Answers.
pub(crate) const GOOD: u16 = 8080;
/// Takes connections and says nothing.
pub(crate) const SILENT: u16 = 8081;
/// Nobody listens.
pub(crate) const REFUSED: u16 = 8082;
/// Answers for [`PERIOD`], and then for as long nobody listens.
pub(crate) const FLAPPING: u16 = 8083;

/// How long a flapping server is up, or down: two loops and more.
pub(crate) const PERIOD: Duration = Duration::from_secs(20);

/// Connections that may wait to be taken.
const BACKLOG: i32 = 65_535;

/// What bounds that, in this network namespace.
const BOUNDS: [&str; 2] = [
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/ipv4/tcp_max_syn_backlog",
];

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

/// How long silence is kept at least; at most twice as long.
const SILENCE: Duration = Duration::from_secs(4);

pub(crate) fn main() -> ExitCode {
    for bound in BOUNDS {
        if fs::write(bound, BACKLOG.to_string()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    let (keep, kept) = channel::<TcpStream>();
    let silent = thread::spawn(move || accept(SILENT, |stream| drop(keep.send(stream))));
    thread::spawn(move || {
        let mut before = Vec::new();
        loop {
            thread::sleep(SILENCE);
            let since: Vec<TcpStream> = kept.try_iter().collect();
            drop(std::mem::replace(&mut before, since));
        }
    });
    thread::spawn(flap);
    accept(GOOD, answer);
    silent.join().ok();
    ExitCode::FAILURE
}

/// Listens on every address, with room for as many connections as may begin while this process waits
/// for a processor: the kernel drops what finds none, and that would be a failure of ours.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept(port: u16, handle: impl Fn(TcpStream)) {
    let Ok(listener) = listen(port) else {
        return;
    };
    for stream in listener.incoming().flatten() {
        handle(stream);
    }
}

fn flap() {
    loop {
        let (stop, stopped) = channel::<()>();
        let Ok(listener) = listen(FLAPPING) else {
            return;
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.try_recv().is_ok() {
                    return;
                }
                answer(stream);
            }
        });
        thread::sleep(PERIOD);
        // It wakes up with one more connection.
        stop.send(()).ok();
        TcpStream::connect((Ipv4Addr::LOCALHOST, FLAPPING)).ok();
        thread::sleep(PERIOD);
    }
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; 1024];
    if stream.read(&mut request).is_ok() {
        stream.write_all(ANSWER).ok();
    }
}
