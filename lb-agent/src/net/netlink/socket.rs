//! Opening and reading netlink sockets.

use std::io;
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::libc::{MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::NetlinkError;

/// First size of a receive buffer: the kernel writes lists in pieces of at most 32 KiB.
pub(super) const DATAGRAM: usize = 32 * 1024;

/// A bound socket whose peer is the kernel, which explains its errors.
pub(super) fn open(protocol: isize, answer_within: Duration) -> Result<Socket, NetlinkError> {
    let prepare = || {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        let timeout = TimeVal::new(answer_within.as_secs().cast_signed(), 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &timeout)?;
        Ok(socket)
    };
    prepare().map_err(|source| NetlinkError::Open { protocol, source })
}

/// Reads one whole datagram of the kernel into `datagram`; those of other senders are dropped.
pub(in crate::net) fn receive(socket: &Socket, datagram: &mut Vec<u8>) -> io::Result<()> {
    loop {
        // The length first: a datagram that does not fit is cut off and lost.
        datagram.clear();
        let (length, _) = uninterrupted(|| socket.recv_from(datagram, MSG_PEEK | MSG_TRUNC))?;
        datagram.clear();
        datagram.reserve(length);
        let (_, sender) = uninterrupted(|| socket.recv_from(datagram, 0))?;
        if sender.port_number() == 0 {
            return Ok(());
        }
    }
}

/// Reads away whatever waits, after answers were lost (`ENOBUFS`): the kernel drops what it has to
/// say to a socket that was too full until it has been emptied (`netlink_rcv_wake`).
pub(super) fn drain(socket: &Socket, datagram: &mut Vec<u8>) {
    /// Of a list that is being written every piece brings the next one; it ends before.
    const MOST: usize = 1 << 20;
    for _ in 0..MOST {
        datagram.clear();
        match uninterrupted(|| socket.recv_from(datagram, MSG_DONTWAIT | MSG_TRUNC)) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {}
            Err(_empty) => return,
        }
    }
}

fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.raw_os_error() == Some(Errno::EINTR as i32) => {}
            result => return result,
        }
    }
}
