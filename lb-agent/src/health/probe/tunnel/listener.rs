//! Packet sockets that hear the answers. A filter in the kernel keeps everything else away, so that
//! each costs some nanoseconds for every packet that the kernel receives, as long as it is open.

mod filter;

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};

use nix::libc::{ETH_P_ARP, ETH_P_IP, ETH_P_IPV6};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;

use self::filter::Instruction;
use crate::track::wait_for;

/// Enough for the headers that are looked at.
const LENGTH: usize = 128;

/// Hears TCP from one service to one port of ours.
pub(super) struct TcpListener(AsyncFd<Socket>);

impl TcpListener {
    /// `ours` and `service` are of one family.
    pub(super) fn open(ours: SocketAddr, service: IpAddr) -> io::Result<Self> {
        let ethertype = if service.is_ipv4() {
            ETH_P_IP
        } else {
            ETH_P_IPV6
        };
        open(ethertype, &filter::tcp(service, ours)).map(Self)
    }

    /// The next packet, from its IP header on.
    pub(super) async fn next(&self) -> io::Result<Vec<u8>> {
        next(&self.0).await
    }
}

/// Hears who gives an address away: replies of ARP, neighbour advertisements.
pub(super) struct ClaimListener {
    socket: AsyncFd<Socket>,
    /// Where the MAC address stands.
    mac_at: usize,
}

impl ClaimListener {
    pub(super) fn open(address: IpAddr) -> io::Result<Self> {
        let (ethertype, mac_at) = match address {
            IpAddr::V4(_) => (ETH_P_ARP, filter::MAC_IN_ARP),
            IpAddr::V6(_) => (ETH_P_IPV6, filter::MAC_IN_ADVERTISEMENT),
        };
        let socket = open(ethertype, &filter::claim(address))?;
        Ok(Self { socket, mac_at })
    }

    /// Returns when `mac` says that it has the address.
    pub(super) async fn answered_by(&self, mac: [u8; 6]) {
        loop {
            match next(&self.socket).await {
                Ok(packet) if says(&packet, self.mac_at, mac) => return,
                Ok(_) => {}
                // Nothing more can be heard.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

fn says(packet: &[u8], mac_at: usize, mac: [u8; 6]) -> bool {
    packet
        .get(mac_at..)
        .is_some_and(|rest| rest.starts_with(&mac))
}

/// Without its Ethernet header a packet looks the same on every kind of interface.
fn open(ethertype: i32, filter: &[Instruction]) -> io::Result<AsyncFd<Socket>> {
    let filter: Vec<SockFilter> = filter
        .iter()
        .map(|it| SockFilter::new(it.code, 0, it.skip, it.value))
        .collect();
    let ethertype = u16::try_from(ethertype).unwrap_or_default().to_be();
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(
        Domain::PACKET,
        kind,
        Some(Protocol::from(i32::from(ethertype))),
    )?;
    // What came before the filter stood is looked at as everything is.
    socket.attach_filter(&filter)?;
    wait_for(socket)
}

async fn next(socket: &AsyncFd<Socket>) -> io::Result<Vec<u8>> {
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
