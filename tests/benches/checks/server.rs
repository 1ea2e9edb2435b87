//! All the servers: one process that answers on every address.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

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

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

/// How long silence is kept at least; at most twice as long.
const SILENCE: Duration = Duration::from_secs(4);

pub(crate) fn main() -> ExitCode {
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

fn accept(port: u16, handle: impl Fn(TcpStream)) {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) else {
        return;
    };
    for stream in listener.incoming().flatten() {
        handle(stream);
    }
}

fn flap() {
    loop {
        let (stop, stopped) = channel::<()>();
        let Ok(listener) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, FLAPPING)) else {
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
