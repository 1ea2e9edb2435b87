//! A kernel of paper: interfaces and addresses in lists, and a journal of what was done.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::net::address::{Added, Removed};
use crate::net::link::LinkKind;
use crate::net::netlink::NetlinkError;
use crate::net::virtual_link::{VirtualKind, VirtualLink};
use crate::vrrp::routing::Entry;
use crate::vrrp::settings::Filter;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Armed(usize),
    Disarmed(usize),
    Changed(Change),
    Told(News),
    Advert {
        index: u32,
        destination: IpAddr,
        packet: Vec<u8>,
    },
    Frame {
        index: u32,
        frame: Vec<u8>,
    },
    Added(Address),
    Removed(Address),
    Routed(String),
    Unrouted(String),
    Blocked(String, Vec<IpAddr>),
    Unblocked(String),
    LinkMade(VirtualLink),
    LinkRemoved(String),
    Opened {
        index: u32,
        groups: Vec<IpAddr>,
        buffer: Option<u32>,
    },
    Closed(u32),
}

#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Seen>>>);

impl Journal {
    pub(super) fn push(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Gate for Journal {
    fn arm(&self, instance: usize) {
        self.push(Seen::Armed(instance));
    }

    fn disarm(&self, instance: usize) {
        self.push(Seen::Disarmed(instance));
    }
}

/// An interface.
pub(super) struct Port {
    pub(super) index: u32,
    pub(super) mac: [u8; 6],
    name: &'static str,
}

pub(super) const ETH0: Port = Port {
    index: 2,
    mac: [2, 0, 0, 0, 0, 2],
    name: "eth0",
};
pub(super) const ETH1: Port = Port {
    index: 3,
    mac: [2, 0, 0, 0, 0, 3],
    name: "eth1",
};

impl Port {
    pub(super) fn link(&self) -> Link {
        Link {
            index: self.index,
            name: self.name.into(),
            mac: self.mac,
            up: true,
            mtu: 1500,
            kind: LinkKind::Ethernet,
            master: None,
            alias: None,
        }
    }
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a refusal or a fact by itself"
)]
pub(super) struct Fake {
    pub(super) links: Vec<Link>,
    pub(super) addresses: Vec<Address>,
    pub(super) routing: Vec<String>,
    /// Those that are set, and what becomes of them.
    pub(super) sysctls: BTreeMap<String, (String, Afterwards)>,
    pub(super) since_1970: Duration,
    /// Somebody has removed a packet filter.
    pub(super) flushed: bool,
    /// None can be made.
    pub(super) refuses_filters: bool,
    /// It is not taken, as an IPv6 address where IPv6 is disabled.
    pub(super) refuses: Option<&'static str>,
    /// No IPv6 address is taken.
    pub(super) refuses_ipv6: bool,
    /// So many addresses were to be added.
    pub(super) asked: usize,
    /// None can be removed.
    pub(super) keeps_addresses: bool,
    /// No interface can be made.
    pub(super) refuses_links: bool,
    /// No route is taken, as over a next hop that cannot be reached.
    pub(super) refuses_routing: bool,
    /// Indexes of interfaces that were made.
    given: Vec<u32>,
    journal: Journal,
}

impl Fake {
    pub(super) fn new(journal: &Journal) -> Self {
        Self {
            links: vec![ETH0.link(), ETH1.link()],
            routing: Vec::new(),
            sysctls: BTreeMap::new(),
            since_1970: Duration::from_secs(1_700_000_000),
            flushed: false,
            refuses_filters: false,
            refuses: None,
            refuses_ipv6: false,
            asked: 0,
            keeps_addresses: false,
            refuses_links: false,
            refuses_routing: false,
            given: Vec::new(),
            addresses: vec![
                on(ETH0.index, "10.0.0.1/24"),
                on(ETH1.index, "192.0.2.1/24"),
            ],
            journal: journal.clone(),
        }
    }

    fn position(&self, address: &Address) -> Option<usize> {
        let same =
            |other: &Address| (other.index, other.address) == (address.index, address.address);
        self.addresses.iter().position(same)
    }
}

fn denied(what: String) -> NetlinkError {
    NetlinkError::Send {
        what,
        source: io::ErrorKind::PermissionDenied.into(),
    }
}

impl Kernel for Fake {
    fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        Ok(self.links.clone())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        Ok(self.addresses.clone())
    }

    fn add_address(&mut self, address: &Address) -> Result<Added, NetlinkError> {
        self.asked += 1;
        if self.position(address).is_some() {
            return Ok(Added::AlreadyThere);
        }
        let refused: Option<IpNet> = self.refuses.and_then(|it| it.parse().ok());
        let is_ipv6 = address.address.addr().is_ipv6();
        if refused == Some(address.address) || (is_ipv6 && self.refuses_ipv6) {
            return Err(denied(format!("add {}", address.address)));
        }
        self.addresses.push(address.clone());
        self.journal.push(Seen::Added(address.clone()));
        Ok(Added::New)
    }

    fn remove_address(&mut self, address: &Address) -> Result<Removed, NetlinkError> {
        let Some(place) = self.position(address) else {
            return Ok(Removed::WasNotThere);
        };
        if self.keeps_addresses {
            return Err(denied(format!("remove {}", address.address)));
        }
        let removed = self.addresses.remove(place);
        self.journal.push(Seen::Removed(removed));
        Ok(Removed::Gone)
    }

    fn add_routing(&mut self, entry: &Entry) -> Result<Added, NetlinkError> {
        if self.routing.contains(&entry.text) {
            return Ok(Added::AlreadyThere);
        }
        if self.refuses_routing {
            return Err(denied(format!("add {}", entry.text)));
        }
        self.routing.push(entry.text.clone());
        self.journal.push(Seen::Routed(entry.text.clone()));
        Ok(Added::New)
    }

    fn remove_routing(&mut self, entry: &Entry) -> Result<Removed, NetlinkError> {
        let Some(place) = self.routing.iter().position(|text| *text == entry.text) else {
            return Ok(Removed::WasNotThere);
        };
        self.journal
            .push(Seen::Unrouted(self.routing.remove(place)));
        Ok(Removed::Gone)
    }

    fn block(
        &mut self,
        table: &str,
        _filter: &Filter,
        addresses: &[IpAddr],
    ) -> Result<(), NetlinkError> {
        if self.refuses_filters {
            return Err(NetlinkError::Send {
                what: format!("set table {table}"),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        self.flushed = false;
        self.journal
            .push(Seen::Blocked(table.into(), addresses.to_vec()));
        Ok(())
    }

    fn is_blocked(&mut self, _table: &str, _of: &[IpAddr]) -> Result<bool, NetlinkError> {
        Ok(!self.flushed)
    }

    fn unblock(&mut self, table: &str) -> Result<(), NetlinkError> {
        self.journal.push(Seen::Unblocked(table.into()));
        Ok(())
    }

    fn create_link(&mut self, link: &VirtualLink) -> Result<(), NetlinkError> {
        if self.refuses_links {
            return Err(NetlinkError::Send {
                what: format!("make interface {}", link.name),
                source: io::ErrorKind::Unsupported.into(),
            });
        }
        self.journal.push(Seen::LinkMade(link.clone()));
        let parent = link.parent;
        let (mac, kind) = match link.kind {
            VirtualKind::Macvlan(mac) => (mac, LinkKind::Macvlan { parent }),
            VirtualKind::Ipvlan(flags) => {
                let below = self.links.iter().find(|it| it.index == parent).unwrap();
                (below.mac, LinkKind::Ipvlan { parent, flags })
            }
        };
        // An index is never given again.
        let mut index = 100 + link.parent;
        while self.given.contains(&index) {
            index += 100;
        }
        self.given.push(index);
        self.links.push(Link {
            index,
            name: link.name.clone(),
            mac,
            up: false,
            mtu: 1500,
            kind,
            master: None,
            alias: None,
        });
        Ok(())
    }

    /// As the kernel does, not beside another one of the same base with the same Ethernet address.
    fn bring_up(&mut self, name: &str, alias: &str) -> Result<(), NetlinkError> {
        let Some(place) = self.links.iter().position(|link| link.name == name) else {
            return Ok(());
        };
        self.links[place].alias = Some(alias.into());
        let (mac, kind) = (self.links[place].mac, self.links[place].kind.clone());
        let is_macvlan = matches!(kind, LinkKind::Macvlan { .. });
        let same = |link: &Link| link.name != name && link.mac == mac && link.kind == kind;
        if is_macvlan && self.links.iter().any(|link| same(link) && link.up) {
            return Err(NetlinkError::Send {
                what: format!("bring interface {name} up"),
                source: io::ErrorKind::AddrInUse.into(),
            });
        }
        self.links[place].up = true;
        Ok(())
    }

    fn remove_link(&mut self, name: &str) -> Result<(), NetlinkError> {
        let gone = self.links.iter().find(|link| link.name == name);
        let gone = gone.map(|link| link.index);
        self.links.retain(|link| link.name != name);
        self.addresses.retain(|it| Some(it.index) != gone);
        self.journal.push(Seen::LinkRemoved(name.into()));
        Ok(())
    }

    fn set_sysctl(&mut self, path: &str, value: &str, afterwards: Afterwards) {
        self.sysctls.insert(path.into(), (value.into(), afterwards));
    }

    fn forget_sysctls(&mut self, below: &str) {
        self.sysctls.retain(|path, _| !path.starts_with(below));
    }

    fn restore_sysctls(&mut self) {
        self.sysctls.clear();
    }

    fn open(
        &mut self,
        link: &Link,
        _channel: Channel,
        groups: &[IpAddr],
        buffer: Option<u32>,
    ) -> io::Result<()> {
        self.journal.push(Seen::Opened {
            index: link.index,
            groups: groups.to_vec(),
            buffer,
        });
        Ok(())
    }

    fn close(&mut self, index: u32) {
        self.journal.push(Seen::Closed(index));
    }

    fn close_channel(&mut self, index: u32, _channel: Channel) {
        self.journal.push(Seen::Closed(index));
    }

    fn send_advert(
        &mut self,
        index: u32,
        _channel: Channel,
        destination: IpAddr,
        packet: &[u8],
    ) -> io::Result<()> {
        self.journal.push(Seen::Advert {
            index,
            destination,
            packet: packet.to_vec(),
        });
        Ok(())
    }

    fn send_frame(&mut self, index: u32, frame: &[u8]) -> io::Result<()> {
        self.journal.push(Seen::Frame {
            index,
            frame: frame.to_vec(),
        });
        Ok(())
    }

    fn since_1970(&mut self) -> Duration {
        self.since_1970
    }

    fn is_ipv6_router(&mut self, _link: &Link) -> bool {
        false
    }
}
