//! Hears routers that say which packets in tunnels do not fit the path to a real server. The kernel
//! knows nothing of these tunnels, and heeds nobody who speaks of them.

use std::io::{self, Read as _};

use nix::libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET,
    EAFNOSUPPORT,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;
use tracing::error;

use crate::track::wait_for;
use crate::wire::path_mtu::{KIND_AND_CODE, PACKET_TOO_BIG, TooNarrow};

/// Room for an error: most quote 576 bytes at most.
const LENGTH: usize = 1500;

/// A raw socket for each family, which gets "fragmentation needed" or "packet too big" alone.
pub(super) struct Paths {
    ipv4: AsyncFd<Socket>,
    /// `None`: this host has no IPv6.
    ipv6: Option<AsyncFd<Socket>>,
}

impl Paths {
    /// Begins to listen in the thread's network namespace.
    pub(super) fn listen() -> io::Result<Self> {
        let word = |code: u32| u16::try_from(code).unwrap_or_default();
        let verdict = |length| SockFilter::new(word(BPF_RET | BPF_K), 0, 0, length);
        let jump = |value: u32| SockFilter::new(word(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, value);
        // Type and code, behind an IP header of any length. What came before the filter stood is
        // looked at as everything is.
        let needed = [
            SockFilter::new(word(BPF_LDX | BPF_B | BPF_MSH), 0, 0, 0),
            SockFilter::new(word(BPF_LD | BPF_H | BPF_IND), 0, 0, 0),
            jump(KIND_AND_CODE.into()),
            verdict(u32::MAX),
            verdict(0),
        ];
        // Of IPv6 there is no header in front.
        let too_big = [
            SockFilter::new(word(BPF_LD | BPF_B | BPF_ABS), 0, 0, 0),
            jump(PACKET_TOO_BIG.into()),
            verdict(u32::MAX),
            verdict(0),
        ];
        let ipv6 = match open(Domain::IPV6, Protocol::ICMPV6, &too_big) {
            Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT) => None,
            socket => Some(socket?),
        };
        Ok(Self {
            ipv4: open(Domain::IPV4, Protocol::ICMPV4, &needed)?,
            ipv6,
        })
    }

    /// The next path that is said to be too narrow.
    pub(super) async fn next(&self) -> TooNarrow {
        let of_ipv6 = async {
            match &self.ipv6 {
                Some(socket) => next(socket, TooNarrow::parse6).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            told = next(&self.ipv4, TooNarrow::parse) => told,
            told = of_ipv6 => told,
        }
    }
}

fn open(domain: Domain, protocol: Protocol, filter: &[SockFilter]) -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
    socket.attach_filter(filter)?;
    wait_for(socket)
}

/// The next packet of a socket that says something.
async fn next(socket: &AsyncFd<Socket>, parse: fn(&[u8]) -> Option<TooNarrow>) -> TooNarrow {
    loop {
        match receive(socket).await {
            Ok(packet) => {
                if let Some(told) = parse(&packet) {
                    return told;
                }
            }
            Err(failed) => {
                error!(
                    "cannot hear which packets in tunnels do not fit: {failed}; where a path is \
                     narrower than the interface, a route to the server can say so \
                     (`ip route add SERVER via ROUTER mtu N`)"
                );
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn receive(socket: &AsyncFd<Socket>) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; LENGTH];
    loop {
        let mut ready = socket.readable().await?;
        match ready.try_io(|socket| socket.get_ref().read(&mut buffer)) {
            Ok(Ok(length)) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => {}
        }
    }
}
