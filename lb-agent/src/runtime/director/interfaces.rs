//! Which interfaces the virtual servers need, and what is in the way between them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Director, methods, servers};
use crate::config::model::{Family, Forwarding, VirtualServer, XdpAttach, XdpMode};
use crate::dataplane::below::{self, Native};
use crate::dataplane::choice::Carrier;
use crate::dataplane::nexthop::{Hop, Resolution};
use crate::dataplane::port::{Need, Obstacle, Wanted, obstacle, obstacle_to_answers};
use crate::net::link::{Link, LinkKind};

impl Director {
    /// The interfaces that the data plane needs now, those that do not exist excepted.
    ///
    /// They follow from where the virtual addresses are and where the servers are, unless
    /// `xdp_interfaces` says which are to carry the program.
    pub fn interfaces(&self) -> Vec<Wanted> {
        let (mut ingress, mut egress, mut answers) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut modes: BTreeMap<u32, XdpMode> = BTreeMap::new();
        for (virtual_server, _) in self.carried_by(Carrier::Xdp) {
            let ways_in = self.entries(virtual_server);
            if ways_in.is_empty() && self.is_waiting(virtual_server) {
                continue;
            }
            let ways_out = self.ways_out(virtual_server);
            if virtual_server.uses(Forwarding::Nat) {
                answers.extend(ways_out.iter().copied());
                egress.extend(self.ethernet(self.hops.gateway_interfaces()));
                egress.extend(self.ethernet(ways_in.clone()));
            }
            let mode = self.mode(virtual_server);
            for index in &ways_in {
                let other = modes.entry(*index).or_insert(mode);
                *other = stricter(*other, mode);
            }
            ingress.extend(ways_in);
            egress.extend(ways_out);
        }
        let named = !self.config.global_defs.xdp_interfaces.is_empty();
        let wanted = self.links.values().map(|link| {
            let (is_ingress, is_egress) =
                (ingress.contains(&link.index), egress.contains(&link.index));
            let need = match (is_ingress, is_egress) {
                (true, _) => Need::Packets,
                (false, true) if named => Need::None,
                (false, true) if answers.contains(&link.index) => Need::Packets,
                (false, true) => Need::Driver,
                (false, false) => Need::None,
            };
            let mode = modes.get(&link.index).copied();
            Wanted {
                link: link.clone(),
                ingress: is_ingress,
                egress: is_egress,
                need,
                mode: mode.unwrap_or(self.config.global_defs.xdp_mode),
                native: self.native(link, &modes),
            }
        });
        wanted.filter(|it| it.ingress || it.egress).collect()
    }

    /// Where a native program meets the frames of an interface, unless a virtual server wants generic mode
    /// there.
    fn native(&self, link: &Link, modes: &BTreeMap<u32, XdpMode>) -> Native {
        match below::native(link, &self.links) {
            Native::Below(below) if modes.get(&below.link.index) == Some(&XdpMode::Generic) => {
                let (above, what, base) = (&link.name, below.what(), &below.link.name);
                Native::Nowhere(format!(
                    "{above} is {what}, and `xdp_mode` is generic on {base}"
                ))
            }
            native => native,
        }
    }

    /// Whether the program is not to be attached for any of its addresses yet (`xdp_attach master`).
    fn is_waiting(&self, virtual_server: &VirtualServer) -> bool {
        let mut addresses = self.addresses_with(virtual_server).peekable();
        addresses.peek().is_some() && addresses.all(|address| self.waits(address))
    }

    /// Whether the program is not to be attached for an address yet.
    fn waits(&self, address: IpAddr) -> bool {
        self.config.global_defs.xdp_attach == XdpAttach::Master
            && self
                .owner(address)
                .and_then(|owner| self.config.vrrp_instances.get(owner))
                .is_some_and(|owner| !self.masters.have_the_program(&owner.name))
    }

    /// Where clients' packets arrive.
    fn ways_in(&self, virtual_server: &VirtualServer) -> BTreeSet<u32> {
        self.ways_in_to(self.addresses_with(virtual_server))
    }

    /// Where clients' packets to these addresses arrive: where `xdp_interfaces` says, else at the
    /// address's interface, else at the instance's. Never at `lo`.
    fn ways_in_to(&self, addresses: impl Iterator<Item = IpAddr>) -> BTreeSet<u32> {
        let named = &self.config.global_defs.xdp_interfaces;
        let mut addresses = addresses.peekable();
        let links: Vec<&Link> = if named.is_empty() {
            addresses.filter_map(|it| self.way_in(it)).collect()
        } else if addresses.peek().is_some() {
            named.iter().filter_map(|name| self.link(name)).collect()
        } else {
            Vec::new()
        };
        let links = links.into_iter();
        links
            .filter(|link| link.kind != LinkKind::Loopback)
            .map(|link| link.index)
            .collect()
    }

    fn way_in(&self, address: IpAddr) -> Option<&Link> {
        let owner = self.owner(address);
        let Some(instance) = owner.and_then(|owner| self.config.vrrp_instances.get(owner)) else {
            let links = || {
                self.addresses
                    .of(address)
                    .filter_map(|it| self.links.get(&it))
            };
            let wire = links().find(|link| link.kind != LinkKind::Loopback);
            return wire.or_else(|| links().next());
        };
        let mut vips = instance
            .virtual_ipaddress
            .iter()
            .chain(&instance.virtual_ipaddress_excluded);
        vips.find(|vip| vip.address.addr() == address)
            .and_then(|vip| self.link(&vip.dev))
            .filter(|link| link.kind != LinkKind::Loopback)
            .or_else(|| self.link(&instance.interface))
    }

    /// Where packets leave towards every server of the configuration, in the pool or not, so that
    /// nothing has to be attached when one returns. Whether a neighbour answers does not matter
    /// here: attaching resets the link of many cards.
    fn ways_out(&self, virtual_server: &VirtualServer) -> BTreeSet<u32> {
        let ways = servers(virtual_server).filter_map(|address| self.hops.interface(address));
        self.ethernet(ways.collect())
    }

    /// Those of the interfaces that are there and carry Ethernet frames to somewhere.
    fn ethernet(&self, mut indexes: BTreeSet<u32>) -> BTreeSet<u32> {
        let carries = |link: &Link| link.kind != LinkKind::Loopback && link.mac != [0; 6];
        indexes.retain(|index| self.links.get(index).is_some_and(carries));
        indexes
    }

    /// The interfaces by which the answers of servers of a family in NAT mode arrive; `None`: there
    /// is none.
    pub fn answers_come_by(&self, family: Family) -> Option<BTreeSet<&str>> {
        let all = self.carried_by(Carrier::Xdp);
        let mut servers_in_nat = all
            .flat_map(|(server, _)| methods(server))
            .filter(|(address, method)| {
                *method == Forwarding::Nat && Family::of(*address) == family
            })
            .peekable();
        servers_in_nat.peek()?;
        let indexes = servers_in_nat.filter_map(|(address, _)| self.hops.interface(address));
        let links = indexes.filter_map(|index| self.links.get(&index));
        Some(links.map(|link| link.name.as_str()).collect())
    }

    /// The interfaces by which packets of a virtual server arrive at the program.
    pub(super) fn entries(&self, virtual_server: &VirtualServer) -> BTreeSet<u32> {
        let addresses = self.addresses_with(virtual_server);
        self.ways_in_to(addresses.filter(|address| !self.waits(*address)))
    }

    /// What keeps packets of a virtual server that arrive by `entries` from going to `server` by `hop`, or
    /// in NAT mode the answers from coming back.
    pub(super) fn obstacle(
        &self,
        method: Forwarding,
        entries: &BTreeSet<u32>,
        server: IpAddr,
        hop: &Hop,
    ) -> Option<Obstacle> {
        let nat = method == Forwarding::Nat;
        let between = entries.iter().find_map(|entry| {
            let answers = || {
                nat.then(|| obstacle_to_answers(&self.ports, hop.index, *entry))
                    .flatten()
            };
            obstacle(&self.ports, *entry, hop.index).or_else(answers)
        });
        let sourceless = || match method {
            Forwarding::Tun => self.no_source(server, hop),
            Forwarding::Dr | Forwarding::Nat => None,
        };
        between.or_else(sourceless)
    }

    /// The servers that XDP cannot reach although it knows the way, and why.
    pub fn obstacles(&self) -> BTreeMap<IpAddr, Obstacle> {
        let mut found = BTreeMap::new();
        for (virtual_server, _) in self.carried_by(Carrier::Xdp) {
            let entries = self.entries(virtual_server);
            for (address, method) in methods(virtual_server) {
                if let Resolution::Via(hop) = self.hops.resolved(address)
                    && let Some(obstacle) = self.obstacle(method, &entries, address, hop)
                {
                    found.insert(address, obstacle);
                }
            }
        }
        found
    }

    /// The addresses of the servers that XDP is to reach.
    pub fn servers_of_xdp(&self) -> BTreeSet<IpAddr> {
        let all = self.carried_by(Carrier::Xdp);
        all.flat_map(|(server, _)| servers(server)).collect()
    }

    /// Why XDP does not reach servers, by their addresses.
    pub fn unreached(&self) -> BTreeMap<IpAddr, String> {
        let all = self.carried_by(Carrier::Xdp);
        let all = all.flat_map(|(server, _)| servers(server));
        let unresolved = all.filter_map(|address| match self.hops.resolved(address) {
            Resolution::Unknown(reason) => Some((address, reason.to_string())),
            Resolution::Local | Resolution::Via(_) => None,
        });
        let obstacles = self.obstacles().into_iter();
        obstacles
            .map(|(address, obstacle)| (address, obstacle.to_string()))
            .chain(unresolved)
            .collect()
    }

    /// The real servers on this host that XDP does not serve, and why, for the operator: the kernel
    /// gets what it passes on with the virtual server's port, and looks for a listener there.
    pub fn misplaced(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (server, _) in self.carried_by(Carrier::Xdp) {
            let Some(port) = self.keys(server).first().map(|key| key.port) else {
                continue;
            };
            let sorry = server.sorry_server.map(|sorry| (sorry.address, sorry.port));
            let real = server.real_servers.iter();
            let all = real.map(|it| (it.key.address, it.key.port)).chain(sorry);
            for (address, own) in all.filter(|(_, own)| *own != port) {
                if *self.hops.resolved(address) != Resolution::Local {
                    continue;
                }
                let name = format!("{address} port {own} of virtual server {}", server.key);
                let why = format!(
                    "{name} is this host, and XDP leaves its packets to the kernel as they are, for \
                     port {port}: it gets no connections; let it listen on port {port}, or give \
                     the virtual server to kernel IPVS (`xdp_mode off`) and the server \
                     `lvs_method NAT`"
                );
                found.insert(name, why);
            }
        }
        found
    }

    /// The virtual servers that no interface serves, and why, for the operator.
    pub fn unserved(&self) -> BTreeMap<String, String> {
        let all = self.carried_by(Carrier::Xdp).map(|(server, _)| server);
        let unserved = all.filter(|virtual_server| self.ways_in(virtual_server).is_empty());
        unserved
            .map(|virtual_server| {
                let name = virtual_server.key.to_string();
                (name, self.why_unserved(virtual_server))
            })
            .collect()
    }

    fn why_unserved(&self, virtual_server: &VirtualServer) -> String {
        let Some(address) = self.addresses_with(virtual_server).next() else {
            return "another virtual server serves all of its addresses and ports".to_owned();
        };
        let name = "`xdp_interfaces` can name those that its clients come by";
        if !self.config.global_defs.xdp_interfaces.is_empty() {
            return "none of `xdp_interfaces` is there".to_owned();
        }
        match self.way_in(address) {
            Some(link) => format!(
                "{address} is on {}, where no client comes by; {name}",
                link.name
            ),
            None if self.owner(address).is_some() => {
                format!("the interface of {address} is gone; it is served when it is back")
            }
            None if self.addresses.of(address).next().is_some() => {
                format!("the interface that had {address} is gone; {name}")
            }
            None => format!(
                "{address} is on no interface, and no `vrrp_instance` has it; give it to an \
                 interface, or {name}"
            ),
        }
    }
}

/// What two virtual servers that share an interface come to: who names a mode is heard, and
/// generic works for everybody.
const fn stricter(one: XdpMode, other: XdpMode) -> XdpMode {
    match (one, other) {
        (XdpMode::Generic, _) | (_, XdpMode::Generic) => XdpMode::Generic,
        (XdpMode::Native, _) | (_, XdpMode::Native) => XdpMode::Native,
        (XdpMode::Auto | XdpMode::Off, XdpMode::Auto | XdpMode::Off) => XdpMode::Auto,
    }
}
