//! What the instances ask of the kernel. Everything is done at once, on the caller's thread.
//!
//! [`super::kernel::System`] is the real thing. Interfaces are meant by their index; what their
//! names are is [`super::router`]'s to know.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::routing::Entry;
use super::settings::{Family, Filter};
use crate::net::address::{Added, Address, Removed};
use crate::net::link::Link;
use crate::net::netlink::NetlinkError;
use crate::net::virtual_link::VirtualLink;

/// By what an instance's adverts come and go on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    /// The family of the packets.
    pub family: Family,
    /// Whether they have an authentication header, which is an IP protocol of its own.
    pub ah: bool,
}

impl Channel {
    /// Every channel there is; their places are their numbers.
    pub const ALL: [Self; 3] = [
        Self::of(Family::V4, false),
        Self::of(Family::V4, true),
        Self::of(Family::V6, false),
    ];

    const fn of(family: Family, ah: bool) -> Self {
        Self { family, ah }
    }
}

/// What becomes of a kernel setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// At the end it is what it was.
    AsBefore,
    /// It goes with its interface.
    Gone,
}

/// The kernel, as far as VRRP needs it.
pub trait Kernel {
    /// Every interface.
    fn links(&mut self) -> Result<Vec<Link>, NetlinkError>;

    /// Every address of every interface, those of one interface in the kernel's order.
    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError>;

    /// Gives an interface an address.
    fn add_address(&mut self, address: &Address) -> Result<Added, NetlinkError>;

    /// Takes an address from an interface.
    fn remove_address(&mut self, address: &Address) -> Result<Removed, NetlinkError>;

    /// Adds a route or a rule.
    fn add_routing(&mut self, entry: &Entry) -> Result<Added, NetlinkError>;

    /// Removes a route or a rule.
    fn remove_routing(&mut self, entry: &Entry) -> Result<Removed, NetlinkError>;

    /// Drops packets to and from these addresses (`no_accept`), in an nftables table of this name.
    fn block(
        &mut self,
        table: &str,
        filter: &Filter,
        addresses: &[IpAddr],
    ) -> Result<(), NetlinkError>;

    /// Whether they still are, by every rule of it.
    fn is_blocked(&mut self, table: &str, addresses: &[IpAddr]) -> Result<bool, NetlinkError>;

    /// The end of it. Harmless if it was not begun.
    fn unblock(&mut self, table: &str) -> Result<(), NetlinkError>;

    /// Makes an interface; it is down, and will have no address of its own: that would be announced
    /// and could be chosen as a source.
    fn create_link(&mut self, link: &VirtualLink) -> Result<(), NetlinkError>;

    /// Brings an interface up, and writes `alias` on it.
    fn bring_up(&mut self, name: &str, alias: &str) -> Result<(), NetlinkError>;

    /// Removes an interface. Harmless if it is gone.
    fn remove_link(&mut self, name: &str) -> Result<(), NetlinkError>;

    /// Sets a kernel setting, by its path below `/proc/sys`, soon: it is a file, which is another
    /// thread's to write. Set again, what it was before the first time is still known.
    fn set_sysctl(&mut self, path: &str, value: &str, afterwards: Afterwards);

    /// Settings whose paths begin so are gone, with their interface.
    fn forget_sysctls(&mut self, below: &str);

    /// All settings are what they were, soon.
    fn restore_sysctls(&mut self);

    /// Begins to send and receive adverts on an interface, and joins these groups. `buffer`: so
    /// many bytes may wait to be received.
    fn open(
        &mut self,
        link: &Link,
        channel: Channel,
        groups: &[IpAddr],
        buffer: Option<u32>,
    ) -> io::Result<()>;

    /// Ends what [`Self::open`] began, for all channels. Harmless if it did not.
    fn close(&mut self, index: u32);

    /// The same for one channel.
    fn close_channel(&mut self, index: u32, channel: Channel);

    /// Sends a whole IP packet from an interface that was opened.
    fn send_advert(
        &mut self,
        index: u32,
        channel: Channel,
        destination: IpAddr,
        packet: &[u8],
    ) -> io::Result<()>;

    /// Sends a whole Ethernet frame from any interface.
    fn send_frame(&mut self, index: u32, frame: &[u8]) -> io::Result<()>;

    /// The time of day, for `auth_hmac` only: it may be set.
    fn since_1970(&mut self) -> Duration;

    /// Whether this interface forwards IPv6: its neighbours are told.
    fn is_ipv6_router(&mut self, link: &Link) -> bool;
}
