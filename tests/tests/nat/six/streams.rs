//! Much at once: streams, byte for byte, and datagrams in fragments.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Namespace, PATIENCE, needs, skipped, wait_until};

use super::{Arms, Network, SERVICE};

/// Bytes of a long stream, in each direction.
const LONG: usize = 24 << 20;

/// Bytes that come again and again in a stream: a prime number of them, so that no segment looks like
/// another one.
const PERIOD: usize = 65_521;

/// Length of a datagram of four fragments.
const DATAGRAM: usize = 5000;

/// Silence after which a stream is given up.
const SILENCE: Duration = Duration::from_secs(20);

fn period() -> Vec<u8> {
    let next = |word: &u64| Some(word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    let words = std::iter::successors(Some(7), next);
    words
        .map(|word| word.to_be_bytes()[0])
        .take(PERIOD)
        .collect()
}

/// Sends so many bytes to the streams' service, and gets them back as they were.
pub(super) fn stream(length: usize) -> Result<()> {
    let target = SocketAddr::from((SERVICE, 9));
    let mut stream = TcpStream::connect_timeout(&target, SILENCE).context("no connection")?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let sender = stream.try_clone()?;
    let sent = thread::spawn(move || send(sender, length));
    let expected = period();
    let (mut got, mut piece) = (0, vec![0; 1 << 16]);
    loop {
        let n = stream
            .read(&mut piece)
            .with_context(|| format!("nothing comes after {got} bytes"))?;
        if n == 0 {
            break;
        }
        let mut rest = piece.get(..n).unwrap_or_default();
        while !rest.is_empty() {
            let at = got % PERIOD;
            let n = rest.len().min(PERIOD - at);
            ensure!(
                rest.get(..n) == expected.get(at..at + n),
                "other bytes behind {got}"
            );
            rest = rest.get(n..).unwrap_or_default();
            got += n;
        }
    }
    ensure!(got == length, "{got} bytes instead of {length}");
    match sent.join() {
        Ok(sent) => sent,
        Err(panicked) => std::panic::resume_unwind(panicked),
    }
}

fn send(mut stream: TcpStream, length: usize) -> Result<()> {
    let period = period();
    let mut left = length;
    while left > 0 {
        let n = left.min(PERIOD);
        stream
            .write_all(period.get(..n).unwrap_or_default())
            .with_context(|| format!("stuck with {left} bytes left"))?;
        left -= n;
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(())
}

/// Gives every stream back as it comes, until the machine is gone.
pub(super) fn echo_streams(machine: &Namespace) -> Result<()> {
    let listener = machine.enter(|| Ok(TcpListener::bind((Ipv6Addr::UNSPECIFIED, 9009))?))?;
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let Ok(mut back) = stream.try_clone() else {
                return;
            };
            let _lost = std::io::copy(&mut stream, &mut back);
            let _gone = back.shutdown(Shutdown::Write);
        }
    });
    Ok(())
}

/// The same of datagrams.
fn echo_datagrams(machine: &Namespace) -> Result<()> {
    let socket = machine.enter(|| Ok(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 5353))?))?;
    thread::spawn(move || {
        let mut datagram = vec![0; DATAGRAM + 1];
        while let Ok((length, client)) = socket.recv_from(&mut datagram) {
            let _lost = socket.send_to(datagram.get(..length).unwrap_or_default(), client);
        }
    });
    Ok(())
}

/// A datagram to and fro, from a port of its own.
fn datagram(length: usize) -> Result<()> {
    let socket = UdpSocket::bind("[::]:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.connect(SocketAddr::from((SERVICE, 53)))?;
    let question: Vec<u8> = period().into_iter().take(length).collect();
    socket.send(&question)?;
    let mut answer = vec![0; DATAGRAM + 1];
    let length = socket.recv(&mut answer).context("no answer")?;
    ensure!(
        answer.get(..length) == Some(&question[..]),
        "another answer"
    );
    Ok(())
}

#[test]
fn streams_of_ipv6_arrive_byte_for_byte_in_both_directions() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for arms in [Arms::Two, Arms::One] {
        let network = Network::new(arms)?;
        let [server, _] = &network.servers;
        echo_streams(server)?;
        let came = network.client.enter(|| stream(LONG));
        came.with_context(|| format!("{arms:?}: {}", network.agent.log()))?;
        let bad = server.run(std::process::Command::new("cat").arg("/proc/net/snmp"))?;
        let tcp: Vec<_> = bad.lines().filter(|it| it.starts_with("Tcp:")).collect();
        // The last but one: `InCsumErrors`.
        let errors = tcp.last().and_then(|it| it.split_whitespace().last());
        ensure!(errors == Some("0"), "{arms:?}: {bad}");
    }
    Ok(())
}

#[test]
fn datagrams_of_ipv6_are_translated_whole_and_in_fragments_both_ways() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for arms in [Arms::Two, Arms::One] {
        let network = Network::new(arms)?;
        let [server, _] = &network.servers;
        echo_datagrams(server)?;
        let ask = |length| network.client.enter(|| datagram(length));
        let answered = wait_until(PATIENCE, || ask(10).ok());
        answered.with_context(|| format!("{arms:?}: no answer: {}", network.agent.log()))?;
        for length in [0, 1, 2, 999, 1452, 1453, DATAGRAM] {
            ask(length).with_context(|| format!("{arms:?}: {length} bytes"))?;
        }
        ensure!(network.reason("fragment")? == 0);
    }
    Ok(())
}
