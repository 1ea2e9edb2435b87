//! The real [`Kernel`]: rtnetlink for addresses, raw sockets for adverts, a packet socket for ARP.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::Arc;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::errno::Errno;
use nix::sys::socket::LinkAddr;
use tracing::info;

use super::driver::Pulse;
use super::effects::{Afterwards, Channel, Kernel};
use super::routing::Entry;
use super::settings::Filter;
use super::socket::{AdvertSocket, FrameSocket, link_address, protocol};
use super::sysctl::Sysctls;
use super::wait::Registry;
use crate::net::address::{self, Added, Address, Removed};
use crate::net::link::{self, Link};
use crate::net::netconf;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::nft;
use crate::net::virtual_link::{self, VirtualLink};
use crate::runtime::clock;

/// The kernel of this network namespace: that of the thread that opened it.
pub struct System {
    connection: Connection,
    filters: Option<Connection>,
    frames: FrameSocket,
    ports: BTreeMap<(u32, Channel), AdvertSocket>,
    /// `sockaddr_ll` by index, looked up once: not in the middle of a failover.
    link_addresses: BTreeMap<u32, LinkAddr>,
    registry: Registry,
    sysctls: Option<Sysctls>,
    pulse: Arc<Pulse>,
}

impl System {
    /// Every advert socket is registered with [`token`] of its interface and channel. Without
    /// `sysctls` no kernel setting is touched. `pulse`: that of the thread that asks.
    pub(super) fn new(
        connection: Connection,
        frames: FrameSocket,
        registry: Registry,
        sysctls: Option<Sysctls>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self {
            connection,
            filters: None,
            sysctls,
            pulse,
            frames,
            ports: BTreeMap::new(),
            link_addresses: BTreeMap::new(),
            registry,
        }
    }

    /// Receives one packet on an interface; `None`: there is none now, or no socket any more.
    pub(super) fn receive(
        &mut self,
        index: u32,
        channel: Channel,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        self.ports
            .get_mut(&(index, channel))
            .map_or(Ok(None), |port| port.receive(buffer))
    }

    /// For one request. It takes a few seconds at most; many of them take as long as they take, and
    /// the thread that makes them does not hang.
    fn rtnetlink(&mut self) -> &mut Connection {
        self.pulse.goes_on(clock::now());
        &mut self.connection
    }

    /// The same for packet filters, which are a protocol of their own, and few need it.
    fn filters(&mut self) -> Result<&mut Connection, NetlinkError> {
        self.pulse.goes_on(clock::now());
        let filters = match self.filters.take() {
            Some(filters) => filters,
            None => Connection::with_protocol(NETLINK_NETFILTER)?,
        };
        Ok(self.filters.insert(filters))
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
        link::list(self.rtnetlink())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        address::list(self.rtnetlink())
    }

    fn add_address(&mut self, address: &Address) -> Result<Added, NetlinkError> {
        address::add(self.rtnetlink(), address)
    }

    fn remove_address(&mut self, address: &Address) -> Result<Removed, NetlinkError> {
        address::remove(self.rtnetlink(), address)
    }

    fn add_routing(&mut self, entry: &Entry) -> Result<Added, NetlinkError> {
        let what = format_args!("add {}", entry.text);
        let request = entry.add.clone();
        match self.rtnetlink().execute(request, entry.flags, &what) {
            Ok(()) => Ok(Added::New),
            Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(Added::AlreadyThere),
            Err(error) => Err(error),
        }
    }

    fn remove_routing(&mut self, entry: &Entry) -> Result<Removed, NetlinkError> {
        let what = format_args!("remove {}", entry.text);
        match self.rtnetlink().execute(entry.remove.clone(), 0, &what) {
            Ok(()) => Ok(Removed::Gone),
            Err(error) => match error.errno() {
                Some(Errno::ESRCH | Errno::ENOENT | Errno::ENODEV) => Ok(Removed::WasNotThere),
                _ => Err(error),
            },
        }
    }

    fn block(
        &mut self,
        table: &str,
        filter: &Filter,
        addresses: &[IpAddr],
    ) -> Result<(), NetlinkError> {
        let table = nft::Table {
            name: table,
            priority: filter.priority,
            counters: filter.counters,
        };
        nft::block(self.filters()?, table, addresses)
    }

    fn is_blocked(&mut self, table: &str, addresses: &[IpAddr]) -> Result<bool, NetlinkError> {
        nft::is_blocked(self.filters()?, table, addresses)
    }

    fn unblock(&mut self, table: &str) -> Result<(), NetlinkError> {
        nft::unblock(self.filters()?, table)
    }

    fn create_link(&mut self, link: &VirtualLink) -> Result<(), NetlinkError> {
        virtual_link::create(self.rtnetlink(), link)
    }

    fn bring_up(&mut self, name: &str) -> Result<(), NetlinkError> {
        virtual_link::bring_up(self.rtnetlink(), name)
    }

    fn remove_link(&mut self, name: &str) -> Result<(), NetlinkError> {
        virtual_link::remove(self.rtnetlink(), name).map(drop)
    }

    fn set_sysctl(&mut self, path: &str, value: &str, afterwards: Afterwards) {
        if let Some(sysctls) = &self.sysctls {
            sysctls.set(path, value, afterwards);
        }
    }

    fn forget_sysctls(&mut self, below: &str) {
        if let Some(sysctls) = &self.sysctls {
            sysctls.forget(below);
        }
    }

    fn restore_sysctls(&mut self) {
        if let Some(sysctls) = &self.sysctls {
            sysctls.restore();
        }
    }

    fn open(
        &mut self,
        link: &Link,
        channel: Channel,
        groups: &[IpAddr],
        buffer: Option<u32>,
    ) -> io::Result<()> {
        let port = AdvertSocket::open(link, channel, groups)?;
        if let Some(bytes) = buffer {
            port.set_receive_buffer(bytes)?;
        }
        self.registry.add(&port, token(link.index, channel))?;
        let fd = port.as_fd().as_raw_fd();
        let (index, family, protocol) = (link.index, channel.family.name(), protocol(channel));
        let cast = if groups.is_empty() {
            "unicast"
        } else {
            "multicast"
        };
        let say = |address: &str| {
            info!(
                "VRRP sockpool: [ifindex({index:3}), family({family}), proto({protocol}), \
                 fd({fd},{fd}) {cast}{address}]"
            );
        };
        for group in groups {
            say(&format!(", address({group})"));
        }
        if groups.is_empty() {
            say("");
        }
        self.ports.insert((link.index, channel), port);
        // Frames go by other interfaces, too; those are looked up when they are needed.
        self.look_up(link.index).map(drop)
    }

    fn close(&mut self, index: u32) {
        self.ports.retain(|(of, _), _| *of != index);
        self.link_addresses.remove(&index);
    }

    fn close_channel(&mut self, index: u32, channel: Channel) {
        self.ports.remove(&(index, channel));
    }

    fn send_advert(
        &mut self,
        index: u32,
        channel: Channel,
        destination: IpAddr,
        packet: &[u8],
    ) -> io::Result<()> {
        match self.ports.get(&(index, channel)) {
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

    fn since_1970(&mut self) -> Duration {
        clock::since_1970()
    }

    fn is_ipv6_router(&mut self, link: &Link) -> bool {
        // Without IPv6 there is no answer.
        netconf::forwards_ipv6(self.rtnetlink(), link.index).unwrap_or(false)
    }
}

/// What a socket is registered with; [`port_of`] reads it.
fn token(index: u32, channel: Channel) -> u64 {
    let number = Channel::ALL.iter().position(|other| *other == channel);
    let number = number.and_then(|number| u64::try_from(number).ok());
    u64::from(index) | (number.unwrap_or(0) << 32)
}

/// The interface and channel of a token; `None` for those of others.
pub(super) fn port_of(token: u64) -> Option<(u32, Channel)> {
    let number = usize::try_from(token >> 32).ok()?;
    let index = u32::try_from(token & u64::from(u32::MAX)).ok()?;
    Some((index, *Channel::ALL.get(number)?))
}
