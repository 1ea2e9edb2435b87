//! The probe's connection: socket options as configured, and one time-out.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Failure, NotProbed, ProbeResult};
use crate::config::model::Checker;

/// Connects to `connect_ip` and `connect_port` from `bindto` and `bind_port` with `fwmark`,
/// within `connect_timeout`. An error is how the probe ends.
pub(super) async fn connect(checker: &Checker) -> Result<TcpStream, ProbeResult> {
    let target = SocketAddr::new(checker.connect_ip, checker.connect_port);
    let socket = open(checker, target).map_err(ProbeResult::NotProbed)?;
    match timeout(checker.connect_timeout, socket.connect(target)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == ErrorKind::AddrNotAvailable => {
            // All source ports to this target are taken: connect(2), EADDRNOTAVAIL.
            Err(ProbeResult::NotProbed(NotProbed::Port(error.to_string())))
        }
        Ok(Err(error)) => Err(ProbeResult::Failed(Failure::Connect(error.to_string()))),
        Err(_elapsed) => Err(ProbeResult::Failed(Failure::ConnectTimeout(
            checker.connect_timeout,
        ))),
    }
}

fn open(checker: &Checker, target: SocketAddr) -> Result<TcpSocket, NotProbed> {
    let no_socket = |error: io::Error| NotProbed::Socket(error.to_string());
    let socket = if target.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
    .map_err(no_socket)?;
    if checker.fwmark != 0 {
        SockRef::from(&socket)
            .set_mark(checker.fwmark)
            .map_err(|error| NotProbed::Mark {
                mark: checker.fwmark,
                cause: error.to_string(),
            })?;
    }
    if let Some(address) = source(checker, target) {
        bind(&socket, address).map_err(|error| NotProbed::Bind {
            address,
            cause: error.to_string(),
        })?;
    }
    Ok(socket)
}

fn bind(socket: &TcpSocket, address: SocketAddr) -> io::Result<()> {
    if address.port() != 0 {
        // Other checkers may have the same `bind_port`.
        socket.set_reuseaddr(true)?;
        // Closed in the usual way the connection would stay in TIME-WAIT for a minute, and the
        // next probe from this port to this server could not connect. So it ends with a reset.
        socket.set_zero_linger()?;
    }
    socket.bind(address)
}

/// What to bind to; `None` leaves the choice to the kernel's routing.
fn source(checker: &Checker, target: SocketAddr) -> Option<SocketAddr> {
    if checker.bindto.is_none() && checker.bind_port == 0 {
        return None;
    }
    let any = match target {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Some(SocketAddr::new(
        checker.bindto.unwrap_or(any),
        checker.bind_port,
    ))
}
