//! One instance with what belongs to it: its machine, its addresses, its packets, its record.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, error, info, warn};

use super::complaint::Complaints;
use super::{Interfaces, Outside};
use crate::config::model::VrrpInstance;
use crate::net::address::Address;
use crate::vrrp::addresses::Addresses;
use crate::vrrp::effects::Kernel;
use crate::vrrp::election::Advert;
use crate::vrrp::instance::{Action, Input, Instance};
use crate::vrrp::receive::{self, Expected, Mismatch, Rejected};
use crate::vrrp::status::{AddressStatus, Board, Record};
use crate::vrrp::{Change, State};
use crate::wire::arp;
use crate::wire::ipv4::{self, Packet};
use crate::wire::vrrp::{PRIORITY_OWNER, PROTOCOL, Repr, TTL, View};

pub(super) struct Member {
    place: usize,
    pub(super) config: VrrpInstance,
    expected: Expected,
    machine: Instance,
    pub(super) addresses: Addresses,
    pub(super) board: Arc<Board>,
    since: Instant,
    master: Option<Advert>,
    rejections: Complaints<Rejected>,
    mismatches: Complaints<Mismatch>,
    /// Whether the last advert could not be sent: said once.
    mute: bool,
    /// Identification of the last IP packet; keepalived's first is 1.
    identification: u16,
    packet: Vec<u8>,
}

impl Member {
    pub(super) fn new(place: usize, config: VrrpInstance, now: Instant) -> Self {
        let machine = Instance::new(&config);
        let addresses = Addresses::new(&config);
        let record = record(&machine, &addresses, now);
        Self {
            place,
            expected: Expected::from(&config),
            machine,
            addresses,
            board: Arc::new(Board::new(&config, record)),
            since: now,
            master: None,
            rejections: Complaints::new(),
            mismatches: Complaints::new(),
            mute: false,
            identification: 0,
            packet: Vec::new(),
            config,
        }
    }

    pub(super) const fn is_owner(&self) -> bool {
        self.config.priority == PRIORITY_OWNER
    }

    pub(super) const fn is_unicast(&self) -> bool {
        self.expected.unicast
    }

    pub(super) fn has_virtual(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(config, _)| config.address.addr() == address)
    }

    /// Whether the instance listens for adverts that come the way of this one.
    pub(super) fn hears(&self, packet: &Packet<'_>) -> bool {
        if self.is_unicast() {
            !packet.destination().is_multicast()
                && self.config.unicast_peer.contains(&packet.source())
        } else {
            packet.destination() == self.config.mcast_dst_ip
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    pub(super) fn handle<K: Kernel>(
        &mut self,
        input: Input,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        self.machine.handle(input, now);
        self.carry_out(interfaces, outside, now);
    }

    pub(super) fn handle_timeout<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        self.machine.handle_timeout(now);
        self.carry_out(interfaces, outside, now);
    }

    /// The address to send from; said when it is new.
    pub(super) fn set_source<K: Kernel>(
        &mut self,
        source: Option<Ipv4Addr>,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let source = source.map(IpAddr::V4);
        if source == self.machine.source() {
            return;
        }
        let interface = &self.config.interface;
        match (source, self.machine.source()) {
            (Some(address), _) => info!("Assigned address {address} for interface {interface}"),
            (None, Some(address)) => {
                info!("Deassigned address {address} from interface {interface}");
            }
            (None, None) => {}
        }
        self.handle(Input::Source(source), interfaces, outside, now);
    }

    pub(super) fn handle_packet<K: Kernel>(
        &mut self,
        packet: &Packet<'_>,
        view: &View<'_>,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let name = &self.config.name;
        // skip_check_adv_addr spares a backup the list of a master it knows, nothing more.
        let known = self.machine.master().map(|master| master.source);
        let check_addresses = self.machine.state() == State::Master
            || !self.config.skip_check_adv_addr
            || known != Some(IpAddr::V4(packet.source()));
        match receive::check(&self.expected, packet, view, check_addresses) {
            Ok(received) => {
                self.board.counters.received(received.advert);
                if let Some(mismatch) = received.mismatch {
                    self.board.counters.mismatched();
                    if self.mismatches.is_due(&mismatch, now) {
                        warn!("({name}) {mismatch}");
                    }
                }
                self.handle(Input::Advert(received.advert), interfaces, outside, now);
            }
            Err(reason) => {
                self.board.counters.rejected(&reason);
                if self.rejections.is_due(&reason, now) {
                    warn!("({name}) {reason}");
                }
            }
        }
    }

    /// Somebody has removed an address: if it is ours, it is put back and announced.
    pub(super) fn restore<K: Kernel>(
        &mut self,
        removed: &Address,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        if let Some(place) = self.addresses.restore(&mut outside.kernel, removed) {
            self.board.counters.restored();
            self.announce(place, false, interfaces, outside);
        }
    }

    /// Another interface has come up: a MASTER sets and announces the addresses that had to wait
    /// for it.
    pub(super) fn complete<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let absent = |addresses: &Addresses| -> Vec<usize> {
            let places = addresses.iter().enumerate();
            places
                .filter(|(_, (_, set))| !set)
                .map(|(place, _)| place)
                .collect()
        };
        let missing = absent(&self.addresses);
        if self.machine.state() != State::Master || missing.is_empty() {
            return;
        }
        self.addresses.add(&mut outside.kernel, interfaces);
        let still_missing = absent(&self.addresses);
        for place in missing
            .into_iter()
            .filter(|place| !still_missing.contains(place))
        {
            self.announce(place, true, interfaces, outside);
        }
        self.publish();
    }

    fn carry_out<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SendAdvert { priority } => self.send_advert(priority, interfaces, outside),
                Action::ArmGate => outside.gate.arm(self.place),
                Action::DisarmGate => outside.gate.disarm(self.place),
                Action::RemoveResidual => {
                    let source = self.source();
                    self.addresses
                        .remove_residual(&mut outside.kernel, interfaces, source);
                }
                Action::AddAddresses => self.addresses.add(&mut outside.kernel, interfaces),
                Action::RemoveAddresses => self.addresses.remove(&mut outside.kernel),
                Action::Announce { address, first } => {
                    self.announce(address, first, interfaces, outside);
                }
                Action::AnnounceSource => self.announce_source(interfaces, outside),
                Action::Log(line) if line.is_warning() => warn!("({}) {line}", self.config.name),
                Action::Log(line) => info!("({}) {line}", self.config.name),
                Action::Changed { from, to } => {
                    self.since = now;
                    self.board.counters.changed(from, to);
                    self.rejections.clear();
                    self.mismatches.clear();
                    self.publish();
                    (outside.changed)(Change {
                        instance: self.place,
                        from,
                        to,
                    });
                }
            }
        }
        let master = self.machine.master();
        if master != self.master {
            self.master = master;
            self.publish();
        }
    }

    pub(super) fn source(&self) -> Option<Ipv4Addr> {
        match self.machine.source()? {
            IpAddr::V4(source) => Some(source),
            IpAddr::V6(_) => None,
        }
    }

    fn send_advert<K: Kernel>(
        &mut self,
        priority: u8,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let link = interfaces.by_name(&self.config.interface);
        // Without either the instance is in FAULT, and nobody could hear it.
        let (Some(link), Some(source)) = (link, self.source()) else {
            return;
        };
        self.packet.clear();
        self.packet.resize(ipv4::HEADER_LEN, 0);
        Repr {
            vrid: self.expected.vrid,
            priority,
            auth_type: self.expected.auth_type(),
            adver_int: self.expected.adver_int,
            addresses: &self.expected.addresses,
            auth_data: self.expected.auth_data(),
        }
        .emit(&mut self.packet);
        let peers: &[Ipv4Addr] = if self.is_unicast() {
            &self.config.unicast_peer
        } else {
            std::slice::from_ref(&self.config.mcast_dst_ip)
        };
        for destination in peers {
            // Zero would make the kernel choose one.
            self.identification = self.identification.wrapping_add(1).max(1);
            let header = ipv4::Repr {
                identification: self.identification,
                ttl: if self.expected.unicast {
                    self.config.unicast_ttl
                } else {
                    TTL
                },
                protocol: PROTOCOL,
                source,
                destination: *destination,
                payload_len: u16::try_from(self.packet.len() - ipv4::HEADER_LEN).unwrap_or(0),
            };
            if let Some(place) = self.packet.first_chunk_mut() {
                *place = header.to_bytes();
            }
            match outside
                .kernel
                .send_advert(link.index, *destination, &self.packet)
            {
                Ok(()) => {
                    self.mute = false;
                    self.board.counters.sent(priority);
                }
                Err(_said_before) if self.mute => {}
                Err(error) => {
                    self.mute = true;
                    error!(
                        "({}) Cant send advert to {destination} ({error})",
                        self.config.name
                    );
                }
            }
        }
    }

    fn announce<K: Kernel>(
        &self,
        place: usize,
        first: bool,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let Some(config) = self.addresses.get(place) else {
            return;
        };
        let IpAddr::V4(address) = config.address.addr() else {
            return;
        };
        let dev = &config.dev;
        if first {
            let name = &self.config.name;
            info!("({name}) Sending/queueing gratuitous ARPs on {dev} for {address}");
        }
        send_garp(dev, address, interfaces, outside);
    }

    fn announce_source<K: Kernel>(&self, interfaces: &Interfaces, outside: &mut Outside<K>) {
        if let Some(source) = self.source() {
            send_garp(&self.config.interface, source, interfaces, outside);
        }
    }

    fn publish(&self) {
        self.board
            .publish(record(&self.machine, &self.addresses, self.since));
    }
}

fn send_garp<K: Kernel>(
    dev: &str,
    address: Ipv4Addr,
    interfaces: &Interfaces,
    outside: &mut Outside<K>,
) {
    let Some(link) = interfaces.by_name(dev) else {
        return;
    };
    debug!("Sending gratuitous ARP on {dev} for {address}");
    let frame = arp::gratuitous(link.mac, address);
    if let Err(error) = outside.kernel.send_frame(link.index, &frame) {
        warn!("Error sending gratuitous ARP on {dev} for {address}: {error}");
    }
}

fn record(machine: &Instance, addresses: &Addresses, since: Instant) -> Record {
    let address = |(config, set): (&crate::config::model::VirtualAddress, bool)| AddressStatus {
        address: config.address,
        dev: config.dev.clone(),
        set,
    };
    Record {
        state: machine.state(),
        since,
        effective_priority: machine.effective_priority(),
        master: machine.master(),
        faults: machine.faults().iter().copied().collect(),
        virtual_ipaddress: addresses.iter().map(address).collect(),
    }
}
