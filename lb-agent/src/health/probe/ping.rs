//! `PING_CHECK`: an echo request and its reply within `connect_timeout`.
//!
//! A datagram socket of ICMP needs no rights but those of `net.ipv4.ping_group_range`, and the
//! kernel gives each its own identifier. Where the range leaves us out, as by default, a raw socket
//! does: it takes `CAP_NET_RAW`, which VRRP takes as well. keepalived widens the range instead,
//! for every program of the host.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::connect::{address, no_bind, no_socket, prepare};
use super::icmp::{self, Family, Message};
use super::{Failure, NotProbed, ProbeResult};
use crate::health::spec::Target;

/// Room for what may come: our request back, with headers.
const BUFFER: usize = 512;

/// Sends one request and waits for its reply.
pub async fn probe(target: &Target) -> ProbeResult {
    let ping = match Ping::open(target) {
        Ok(ping) => ping,
        Err(error) => return ProbeResult::NotProbed(error),
    };
    match timeout(target.connect_timeout, ping.exchange()).await {
        Ok(Ok(())) => ProbeResult::Success,
        Ok(Err(failure)) => ProbeResult::Failed(failure),
        Err(_elapsed) => ProbeResult::Failed(Failure::NoAnswer(target.connect_timeout)),
    }
}

struct Ping {
    socket: UdpSocket,
    family: Family,
    /// `None`: the kernel's, and it sorts the replies.
    ident: Option<u16>,
    sequence: u16,
    to: SockAddr,
}

impl Ping {
    fn open(target: &Target) -> Result<Self, NotProbed> {
        let to = SocketAddr::new(address(target).ip(), 0);
        let to = match address(target) {
            SocketAddr::V4(_) => to.into(),
            SocketAddr::V6(mut v6) => {
                v6.set_port(0);
                SockAddr::from(v6)
            }
        };
        let (domain, protocol, family) = match target.connect_ip {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, Family::V4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, Family::V6),
        };
        let (socket, ident) = match open(domain, Type::DGRAM, protocol) {
            Ok(socket) => (socket, None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let socket = open(domain, Type::RAW, protocol);
                let socket = socket.map_err(|error| no_socket(&error))?;
                (socket, Some(icmp::any_number()))
            }
            Err(error) => return Err(no_socket(&error)),
        };
        prepare(target, &SockRef::from(&socket))?;
        if let Some(bindto) = target.bindto {
            let from = SocketAddr::new(bindto, 0);
            let bound = socket.bind(&from.into());
            bound.map_err(|error| no_bind(from, &error))?;
        }
        // tokio has no type for sockets of ICMP, but sending and receiving is the same for all.
        let socket = UdpSocket::from_std(socket.into()).map_err(|error| no_socket(&error))?;
        Ok(Self {
            socket,
            family,
            ident,
            sequence: icmp::any_number(),
            to,
        })
    }

    async fn exchange(&self) -> Result<(), Failure> {
        // Connected, so that only this server's messages come.
        let connected = SockRef::from(&self.socket).connect(&self.to);
        connected.map_err(|error| Failure::Connect(error.to_string()))?;
        let request = icmp::request(self.family, self.ident.unwrap_or_default(), self.sequence);
        let sent = self.socket.send(&request).await;
        sent.map_err(|error| Failure::Send(error.to_string()))?;
        let mut buffer = [0; BUFFER];
        loop {
            let read = self.socket.recv(&mut buffer).await;
            let length = read.map_err(|error| Failure::Connect(error.to_string()))?;
            let message = self.message(buffer.get(..length).unwrap_or(&buffer));
            match icmp::read(self.family, self.ident, self.sequence, message) {
                Message::Reply => return Ok(()),
                Message::Unreachable(code) => {
                    let reason = format!("unreachable, ICMP code {code}");
                    return Err(Failure::Connect(reason));
                }
                Message::Other => {}
            }
        }
    }

    /// A raw socket of IPv4 gives the IP header with it: raw(7).
    fn message<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        if self.ident.is_none() || self.family == Family::V6 {
            return packet;
        }
        let header = packet.first().map_or(0, |first| usize::from(first & 0x0f));
        packet.get(header.saturating_mul(4)..).unwrap_or_default()
    }
}

fn open(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    Socket::new(domain, kind.nonblocking().cloexec(), Some(protocol))
}

#[cfg(test)]
mod tests;
