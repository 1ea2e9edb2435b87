//! Servers that do what servers must not do.

use std::io::{PipeWriter, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use lb_tests::Namespace;
use socket2::SockRef;

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Nothing.
    Hang,
    /// Resets the connection in the middle of the first line.
    Reset,
    /// Closes the connection.
    Close,
    /// Sends a byte of a field every 200 ms, without end.
    Trickle,
    /// Sends a head and a part of the body, and then nothing.
    Stop,
    /// Sends a field of 100 MB.
    GreatHead,
    /// Sends a million fields.
    ManyFields,
    /// Sends a body without end.
    Endless,
    /// Sends what is not HTTP.
    Noise,
    /// Unasked, sends a byte of a greeting every 200 ms, without end.
    Drip,
    /// Unasked, sends lines of a greeting without end.
    Babble,
}

/// What a server sends many times over for each datagram that comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// The head of a DNS answer to another question.
    OtherAnswers,
    /// The largest datagrams.
    Large,
}

/// A server of UDP on 127.0.0.1; its port. It lives as long as the test.
pub(crate) fn flood(machine: &Namespace, flood: Flood) -> Result<u16> {
    let socket = machine.enter(|| Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?))?;
    let port = socket.local_addr()?.port();
    thread::spawn(move || {
        let mut question = [0; 2048];
        while let Ok((_length, from)) = socket.recv_from(&mut question) {
            let [first, second, ..] = question;
            let (answer, count) = match flood {
                // Its number is another, and it is an answer without an error.
                Flood::OtherAnswers => {
                    let mut answer = vec![first, !second, 0x80, 0];
                    answer.resize(12, 0);
                    (answer, 20_000)
                }
                Flood::Large => (vec![b'x'; 65_000], 2000),
            };
            for _ in 0..count {
                // The probe may have gone.
                if socket.send_to(&answer, from).is_err() {
                    break;
                }
            }
        }
    });
    Ok(port)
}

/// Writes the start of an answer, and then a byte every 200 ms, until nobody reads any more.
pub(crate) fn trickle_into(mut pipe: PipeWriter) {
    thread::spawn(move || {
        let mut next = pipe.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while next.is_ok() {
            thread::sleep(Duration::from_millis(200));
            next = pipe.write_all(b"x");
        }
    });
}

/// A server on 127.0.0.1; its port. It lives as long as the test.
pub(crate) fn serve(machine: &Namespace, manner: Manner) -> Result<u16> {
    machine.enter(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    // It ends when the probe has gone.
                    behave(manner, stream).ok();
                });
            }
        });
        Ok(port)
    })
}

fn behave(manner: Manner, mut stream: TcpStream) -> std::io::Result<()> {
    let asked = match manner {
        Manner::Drip | Manner::Babble => false,
        Manner::Hang
        | Manner::Reset
        | Manner::Close
        | Manner::Trickle
        | Manner::Stop
        | Manner::GreatHead
        | Manner::ManyFields
        | Manner::Endless
        | Manner::Noise => true,
    };
    if asked {
        let _length = stream.read(&mut [0; 4096])?;
    }
    let ok = b"HTTP/1.1 200 OK\r\n";
    match manner {
        Manner::Hang => wait(&mut stream),
        Manner::Reset => {
            stream.write_all(b"HTTP/1")?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))
        }
        Manner::Close => Ok(()),
        Manner::Trickle => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            loop {
                stream.write_all(b"x")?;
                thread::sleep(Duration::from_millis(200));
            }
        }
        Manner::Stop => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello")?;
            wait(&mut stream)
        }
        Manner::GreatHead => {
            stream.write_all(ok)?;
            stream.write_all(b"X: ")?;
            for _ in 0..100_000 {
                stream.write_all(&[b'x'; 1024])?;
            }
            wait(&mut stream)
        }
        Manner::ManyFields => {
            stream.write_all(ok)?;
            for _ in 0..1_000_000 {
                stream.write_all(b"X: y\r\n")?;
            }
            wait(&mut stream)
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 8192])?;
            }
        }
        Manner::Noise => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")?;
            wait(&mut stream)
        }
        Manner::Drip => loop {
            stream.write_all(b"2")?;
            thread::sleep(Duration::from_millis(200));
        },
        Manner::Babble => loop {
            stream.write_all(b"220-hello\r\n")?;
        },
    }
}

/// Until the other side goes.
fn wait(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes)? > 0 {}
    Ok(())
}
