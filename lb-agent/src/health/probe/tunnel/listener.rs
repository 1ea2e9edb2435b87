//! Packet sockets that hear the answers. A filter in the kernel keeps everything else away, so that
//! each costs some nanoseconds for every packet that the kernel receives, as long as it is open.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddrV4};

use nix::libc::{ETH_P_ARP, ETH_P_IP};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;

use crate::track::wait_for;

/// `BPF_LD | BPF_W | BPF_ABS`
const LOAD_WORD: u16 = 0x20;
/// `BPF_LD | BPF_H | BPF_ABS`
const LOAD_HALF: u16 = 0x28;
/// `BPF_LD | BPF_H | BPF_IND`
const LOAD_HALF_FROM_X: u16 = 0x48;
/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_BYTE: u16 = 0x30;
/// `BPF_LDX | BPF_B | BPF_MSH`: the length of an IPv4 header.
const LOAD_HEADER_LENGTH: u16 = 0xb1;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

/// Enough for the headers that are looked at.
const LENGTH: usize = 128;

/// Hears TCP from one service to one port of ours.
pub(super) struct TcpListener(AsyncFd<Socket>);

impl TcpListener {
    pub(super) fn open(ours: SocketAddrV4, service: SocketAddrV4) -> io::Result<Self> {
        let service = u32::from(*service.ip());
        let (address, port) = (u32::from(*ours.ip()), u32::from(ours.port()));
        // What differs jumps to the last line.
        let filter = [
            SockFilter::new(LOAD_BYTE, 0, 0, 9),
            SockFilter::new(IF_EQUAL, 0, 8, 6),
            SockFilter::new(LOAD_WORD, 0, 0, 12),
            SockFilter::new(IF_EQUAL, 0, 6, service),
            SockFilter::new(LOAD_WORD, 0, 0, 16),
            SockFilter::new(IF_EQUAL, 0, 4, address),
            SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 0),
            SockFilter::new(LOAD_HALF_FROM_X, 0, 0, 2),
            SockFilter::new(IF_EQUAL, 0, 1, port),
            SockFilter::new(RETURN, 0, 0, 128),
            SockFilter::new(RETURN, 0, 0, 0),
        ];
        open(ETH_P_IP, &filter).map(Self)
    }

    /// The next packet, from its IPv4 header on.
    pub(super) async fn next(&self) -> io::Result<Vec<u8>> {
        next(&self.0).await
    }
}

/// Hears ARP replies that give an address away.
pub(super) struct ArpListener(AsyncFd<Socket>);

impl ArpListener {
    pub(super) fn open(address: Ipv4Addr) -> io::Result<Self> {
        // Operation 2, the sender's protocol address (RFC 826).
        let filter = [
            SockFilter::new(LOAD_HALF, 0, 0, 6),
            SockFilter::new(IF_EQUAL, 0, 3, 2),
            SockFilter::new(LOAD_WORD, 0, 0, 14),
            SockFilter::new(IF_EQUAL, 0, 1, u32::from(address)),
            SockFilter::new(RETURN, 0, 0, 128),
            SockFilter::new(RETURN, 0, 0, 0),
        ];
        open(ETH_P_ARP, &filter).map(Self)
    }

    /// Returns when `mac` says that it has the address.
    pub(super) async fn answered_by(&self, mac: [u8; 6]) {
        loop {
            // The sender's hardware address.
            match next(&self.0).await {
                Ok(arp) if arp.get(8..14) == Some(&mac) => return,
                Ok(_) => {}
                // Nothing more can be heard.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// Without its Ethernet header a packet looks the same on every kind of interface.
fn open(ethertype: i32, filter: &[SockFilter]) -> io::Result<AsyncFd<Socket>> {
    let ethertype = u16::try_from(ethertype).unwrap_or_default().to_be();
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(
        Domain::PACKET,
        kind,
        Some(Protocol::from(i32::from(ethertype))),
    )?;
    // What came before the filter stood is looked at as everything is.
    socket.attach_filter(filter)?;
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
