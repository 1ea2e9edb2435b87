//! `TCP_CHECK` with `xdp_check_via_tunnel`: a handshake with the virtual address on one real server,
//! whose packets arrive there as a client's do.
//!
//! A check of the server's own address cannot notice that the virtual address is missing on its `lo`
//! (DR) or tunnel (TUN), that `rp_filter` drops what comes out of the tunnel, or that the server
//! answers ARP or neighbour solicitations for the virtual address and so takes clients from the director.
//!
//! The kernel's TCP cannot ask this question: while this host is MASTER the virtual address is local,
//! whatever routes say (the rule of the local table comes first), and answers from it are dropped as
//! martians. So the handshake is made here, below the kernel's IP: a SYN in a frame to the server's
//! MAC address, or in a packet of IP in IP to the server, of either family in either; the answer is heard
//! on a packet socket, before the kernel drops it; a RST ends it. That is all of TCP there is here: no data,
//! hence `TCP_CHECK` only. On-link servers are also asked by ARP, or by a neighbour solicitation, who has
//! the virtual address, each by itself.
//!
//! Where the virtual address is not local (BACKUP), this host's kernel answers the SYN/ACK with a RST
//! of its own, to whoever holds the address: its data plane has no connection for it.

mod handshake;
mod listener;
mod outer;
mod way;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;

use self::handshake::{Answer, Handshake};
use self::listener::{ClaimListener, TcpListener};
use self::way::Way;
use super::{Failure, NotProbed, ProbeResult, connect, icmp};
use crate::health::spec::{Target, ViaTunnel};

/// From a SYN to the next one, doubled each time (RFC 6298 section 2.1).
const RETRANSMIT: Duration = Duration::from_secs(1);

/// After the handshake so long for a reply that must not come, which was asked for before it.
const GRACE: Duration = Duration::from_millis(100);

/// Makes a handshake with the virtual address on the server.
pub async fn probe(target: &Target, via: &ViaTunnel) -> ProbeResult {
    match ask(target, via).await {
        Ok(()) => ProbeResult::Success,
        Err(end) => end,
    }
}

async fn ask(target: &Target, via: &ViaTunnel) -> Result<(), ProbeResult> {
    let limit = target.connect_timeout;
    let way = timeout(limit, Way::find(target, via)).await;
    let way = way.unwrap_or_else(|_elapsed| Err(ProbeResult::Failed(silent(target))))?;
    let service = via.virtual_address;
    // Held to the end: nobody else on this host gets the port meanwhile.
    let port = reserve(way.source_at(target.bind_port))?;
    let source = way.source_at(port.number);
    let Some(handshake) = Handshake::new(source, service, icmp::any_number()) else {
        return Err(not_sent(io::ErrorKind::InvalidInput.into()));
    };
    let answers = TcpListener::open(source, service.ip()).map_err(not_sent)?;
    let claims = ask_who_has(&way, service.ip()).map_err(not_sent)?;
    let made = timeout(limit, exchange(&way, &answers, &handshake, service)).await;
    let no_answer = Failure::NoAnswerOf {
        address: service,
        within: limit,
        lvs_method: via.lvs_method,
    };
    made.unwrap_or(Err(ProbeResult::Failed(no_answer)))?;
    if let Some((listener, mac)) = claims
        && timeout(GRACE, listener.answered_by(mac)).await.is_ok()
    {
        return Err(ProbeResult::Failed(given_away(service.ip(), mac)));
    }
    Ok(())
}

/// The server's MAC address is asked for in vain.
fn silent(target: &Target) -> Failure {
    let limit = target.connect_timeout;
    if target.connect_ip.is_ipv4() {
        Failure::NoNeighbour(limit)
    } else {
        Failure::NoNeighbourSix(limit)
    }
}

fn given_away(address: IpAddr, mac: [u8; 6]) -> Failure {
    match address {
        IpAddr::V4(address) => Failure::AnswersArp { address, mac },
        IpAddr::V6(address) => Failure::AnswersSolicitations { address, mac },
    }
}

/// Asks the server alone whether it has `address`; nothing if it is not on the link. Who listens,
/// and whose reply counts.
fn ask_who_has(way: &Way, address: IpAddr) -> io::Result<Option<(ClaimListener, [u8; 6])>> {
    let Some(server) = way.on_link else {
        return Ok(None);
    };
    let listener = ClaimListener::open(address)?;
    server.ask_for(way.source, address)?;
    Ok(Some((listener, server.mac)))
}

/// SYN until there is an answer; RST when that was SYN/ACK.
async fn exchange(
    way: &Way,
    answers: &TcpListener,
    handshake: &Handshake,
    service: SocketAddr,
) -> Result<(), ProbeResult> {
    let mut wait = RETRANSMIT;
    loop {
        let sent = way.send(&handshake.syn());
        sent.map_err(not_sent)?;
        let answer = timeout(wait, async {
            loop {
                let packet = answers.next().await?;
                if let Some(answer) = handshake.read(&packet) {
                    return Ok::<_, io::Error>(answer);
                }
            }
        });
        match answer.await {
            Err(_elapsed) => wait = wait.saturating_mul(2),
            Ok(Err(error)) => return Err(not_sent(error)),
            Ok(Ok(Answer::Refused)) => {
                return Err(ProbeResult::Failed(Failure::RefusedFor(service)));
            }
            Ok(Ok(Answer::Open)) => {
                // Lost, the server ends the half-open connection by itself.
                way.send(&handshake.rst()).ok();
                return Ok(());
            }
        }
    }
}

/// A port of this host that the kernel gives nobody else.
struct Port {
    number: u16,
    _socket: socket2::Socket,
}

fn reserve(address: SocketAddr) -> Result<Port, ProbeResult> {
    let bound = || {
        let kind = socket2::Type::STREAM.cloexec();
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, None)?;
        socket.set_reuse_address(address.port() != 0)?;
        socket.bind(&address.into())?;
        let number = socket.local_addr()?.as_socket().map_or(0, |it| it.port());
        Ok(Port {
            number,
            _socket: socket,
        })
    };
    bound().map_err(|error| ProbeResult::NotProbed(connect::no_bind(address, &error)))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_sent(error: io::Error) -> ProbeResult {
    ProbeResult::NotProbed(NotProbed::Socket(error.to_string()))
}
