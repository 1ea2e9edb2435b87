//! The real [`Kernel`]: rtnetlink for addresses, raw sockets for adverts, a packet socket for ARP.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _};

use nix::sys::socket::LinkAddr;
use tracing::info;

use super::effects::Kernel;
use super::socket::{AdvertSocket, FrameSocket, link_address};
use super::wait::Registry;
use crate::net::address::{self, Added, Address, Removed};
use crate::net::link::{self, Link};
use crate::net::netlink::{Connection, NetlinkError};
use crate::wire::vrrp::PROTOCOL;

/// The kernel of this network namespace: that of the thread that opened it.
pub struct System {
    connection: Connection,
    frames: FrameSocket,
    ports: BTreeMap<u32, AdvertSocket>,
    /// `sockaddr_ll` by index, looked up once: not in the middle of a failover.
    link_addresses: BTreeMap<u32, LinkAddr>,
    registry: Registry,
}

impl System {
    /// Every advert socket is registered with the index of its interface as token.
    pub(super) fn new(connection: Connection, frames: FrameSocket, registry: Registry) -> Self {
        Self {
            connection,
            frames,
            ports: BTreeMap::new(),
            link_addresses: BTreeMap::new(),
            registry,
        }
    }

    /// Receives one packet on an interface; `None`: there is none now, or no socket any more.
    pub fn receive(&self, index: u32, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.ports
            .get(&index)
            .map_or(Ok(None), |port| port.receive(buffer))
    }

    fn look_up(&mut self, index: u32) -> io::Result<LinkAddr> {
        if let Some(address) = self.link_addresses.get(&index) {
            return Ok(*address);
        }
        let address = link_address(index)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such interface"))?;
        self.link_addresses.insert(index, address);
        Ok(address)
    }
}

impl Kernel for System {
    fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        link::list(&mut self.connection)
    }

    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        address::list(&mut self.connection)
    }

    fn add_address(&mut self, address: &Address) -> Result<Added, NetlinkError> {
        address::add(&mut self.connection, address)
    }

    fn remove_address(&mut self, address: &Address) -> Result<Removed, NetlinkError> {
        address::remove(&mut self.connection, address)
    }

    fn open(&mut self, link: &Link, groups: &[Ipv4Addr]) -> io::Result<()> {
        let port = AdvertSocket::open(link, groups)?;
        self.registry.add(&port, u64::from(link.index))?;
        let fd = port.as_fd().as_raw_fd();
        let (index, cast) = (
            link.index,
            if groups.is_empty() {
                "unicast"
            } else {
                "multicast"
            },
        );
        for group in groups
            .iter()
            .map(Some)
            .chain(groups.is_empty().then_some(None))
        {
            let address = group
                .map(|group| format!(", address({group})"))
                .unwrap_or_default();
            info!(
                "VRRP sockpool: [ifindex({index:3}), family(IPv4), proto({PROTOCOL}), \
                 fd({fd},{fd}) {cast}{address}]"
            );
        }
        self.ports.insert(link.index, port);
        // Frames go by other interfaces, too; those are looked up when they are needed.
        self.look_up(link.index).map(drop)
    }

    fn close(&mut self, index: u32) {
        self.ports.remove(&index);
        self.link_addresses.remove(&index);
    }

    fn send_advert(&mut self, index: u32, destination: Ipv4Addr, packet: &[u8]) -> io::Result<()> {
        match self.ports.get(&index) {
            Some(port) => port.send(destination, packet),
            None => Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "no socket on its interface",
            )),
        }
    }

    fn send_frame(&mut self, index: u32, frame: &[u8]) -> io::Result<()> {
        let interface = self.look_up(index)?;
        self.frames.send(&interface, frame)
    }
}
