//! Hears routers that say which packets in tunnels do not fit the path to a real server. The kernel
//! knows nothing of these tunnels, and heeds nobody who speaks of them.

use std::io::{self, Read as _};

use nix::libc::{
    BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;
use tracing::error;

use crate::track::wait_for;
use crate::wire::path_mtu::{KIND_AND_CODE, TooNarrow};

/// Room for an error: most quote 576 bytes at most.
const LENGTH: usize = 1500;

/// A raw socket that gets "fragmentation needed" alone.
pub(super) struct Paths(AsyncFd<Socket>);

impl Paths {
    /// Begins to listen in the thread's network namespace.
    pub(super) fn listen() -> io::Result<Self> {
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4))?;
        // Type and code, behind an IP header of any length. What came before the filter stood is
        // looked at as everything is.
        let word = |code: u32| u16::try_from(code).unwrap_or_default();
        socket.attach_filter(&[
            SockFilter::new(word(BPF_LDX | BPF_B | BPF_MSH), 0, 0, 0),
            SockFilter::new(word(BPF_LD | BPF_H | BPF_IND), 0, 0, 0),
            SockFilter::new(word(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, KIND_AND_CODE.into()),
            SockFilter::new(word(BPF_RET | BPF_K), 0, 0, u32::MAX),
            SockFilter::new(word(BPF_RET | BPF_K), 0, 0, 0),
        ])?;
        wait_for(socket).map(Self)
    }

    /// The next path that is said to be too narrow.
    pub(super) async fn next(&self) -> TooNarrow {
        loop {
            match self.receive().await {
                Ok(packet) => {
                    if let Some(told) = TooNarrow::parse(&packet) {
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

    async fn receive(&self) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; LENGTH];
        loop {
            let mut ready = self.0.readable().await?;
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
}
