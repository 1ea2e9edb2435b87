//! The probe's socket: options as configured, and one time-out for the connection.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::net::if_::if_nametoindex;
use socket2::{SockAddr, SockRef};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{Failure, NotProbed, ProbeResult};
use crate::health::spec::Target;

/// Connects to `connect_ip` and `connect_port` from where the target says, within
/// `connect_timeout`. An error is how the probe ends.
pub(super) async fn connect(target: &Target) -> Result<TcpStream, ProbeResult> {
    let address = address(target);
    let socket = open(target).map_err(ProbeResult::NotProbed)?;
    match timeout(target.connect_timeout, socket.connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_elapsed) => Err(ProbeResult::Failed(Failure::ConnectTimeout(
            target.connect_timeout,
        ))),
    }
}

/// A UDP socket that talks to the target only.
pub(super) async fn connect_udp(target: &Target) -> Result<UdpSocket, ProbeResult> {
    let to = address(target);
    let not_probed = ProbeResult::NotProbed;
    let from = source(target).unwrap_or_else(|| SocketAddr::new(any(target.connect_ip), 0));
    let domain = socket2::Domain::for_address(to);
    let kind = socket2::Type::DGRAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(domain, kind, Some(socket2::Protocol::UDP))
        .map_err(|error| not_probed(no_socket(&error)))?;
    prepare(target, &SockRef::from(&socket)).map_err(not_probed)?;
    if from.port() != 0 {
        // Checkers of other servers may have the same `bind_port`; the kernel tells their answers apart by
        // the addresses that they are connected to. Those of the same server take turns.
        let shared = socket.set_reuse_address(true);
        shared.map_err(|error| not_probed(no_bind(from, &error)))?;
    }
    socket
        .bind(&SockAddr::from(from))
        .map_err(|error| not_probed(no_bind(from, &error)))?;
    let socket =
        UdpSocket::from_std(socket.into()).map_err(|error| not_probed(no_socket(&error)))?;
    match socket.connect(to).await {
        Ok(()) => Ok(socket),
        Err(error) => Err(refused(&error)),
    }
}

/// `fwmark` and `bind_if`.
pub(super) fn prepare(target: &Target, socket: &SockRef<'_>) -> Result<(), NotProbed> {
    if target.fwmark != 0 {
        socket
            .set_mark(target.fwmark)
            .map_err(|error| NotProbed::Mark {
                mark: target.fwmark,
                cause: error.to_string(),
            })?;
    }
    if let Some(name) = &target.bind_if {
        socket
            .bind_device(Some(name.as_bytes()))
            .map_err(|error| NotProbed::Interface {
                name: name.clone(),
                cause: error.to_string(),
            })?;
    }
    Ok(())
}

/// Where the probe goes. A link-local address needs the interface with it, which is `bind_if`.
pub(super) fn address(target: &Target) -> SocketAddr {
    match target.connect_ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            let name = target.bind_if.as_deref().unwrap_or_default();
            // Without it connect(2) says what is wrong.
            let scope = if_nametoindex(name).unwrap_or_default();
            SocketAddrV6::new(ip, target.connect_port, 0, scope).into()
        }
        ip => SocketAddr::new(ip, target.connect_port),
    }
}

pub(super) fn no_socket(error: &io::Error) -> NotProbed {
    NotProbed::Socket(error.to_string())
}

pub(super) fn no_bind(address: SocketAddr, error: &io::Error) -> NotProbed {
    NotProbed::Bind {
        address,
        cause: error.to_string(),
    }
}

/// What to bind to; `None` leaves the choice to the kernel's routing.
pub(super) fn source(target: &Target) -> Option<SocketAddr> {
    if target.bindto.is_none() && target.bind_port == 0 {
        return None;
    }
    let from = target.bindto.unwrap_or_else(|| any(target.connect_ip));
    Some(SocketAddr::new(from, target.bind_port))
}

fn refused(error: &io::Error) -> ProbeResult {
    if error.kind() == ErrorKind::AddrNotAvailable {
        // All source ports to this target are taken: connect(2), EADDRNOTAVAIL.
        return ProbeResult::NotProbed(NotProbed::Port(error.to_string()));
    }
    ProbeResult::Failed(Failure::Connect(error.to_string()))
}

fn open(target: &Target) -> Result<TcpSocket, NotProbed> {
    let socket = if target.connect_ip.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(|error| no_socket(&error))?;
    prepare(target, &SockRef::from(&socket))?;
    if let Some(address) = source(target) {
        bind(&socket, address).map_err(|error| no_bind(address, &error))?;
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

fn any(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
