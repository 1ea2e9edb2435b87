//! One instance with what belongs to it: its machine, its addresses, its packets, its record.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tracing::info;

use super::complaint::{Complaints, Repeated};
use super::{Interfaces, Outside};
use crate::net::address::Address;
use crate::vrrp::addresses::{Addresses, Restored};
use crate::vrrp::effects::{Channel, Kernel};
use crate::vrrp::election::Advert;
use crate::vrrp::group::Standing;
use crate::vrrp::hmac::Sequences;
use crate::vrrp::instance::{Fault, Input, Instance};
use crate::vrrp::receive::{Expected, Mismatch, Rejected};
use crate::vrrp::routing::Routing;
use crate::vrrp::settings::{Kind, Status, VirtualRouter};
use crate::vrrp::status::{AddressStatus, Board, Reason, Record, TrackedStatus};
use crate::wire::vrrp::PRIORITY_OWNER;

mod act;
mod announce;
mod filter;
mod packets;
mod reload;

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the instance"
)]
pub(super) struct Member {
    place: usize,
    pub(super) config: VirtualRouter,
    expected: Expected,
    machine: Instance,
    pub(super) addresses: Addresses,
    routing: Routing,
    pub(super) board: Arc<Board>,
    since: Instant,
    master: Option<Advert>,
    /// What was published.
    faults: BTreeSet<Fault>,
    rejections: Complaints<Rejected>,
    mismatches: Complaints<Mismatch>,
    repeated: Repeated,
    /// Whether the last advert could not be sent: said once.
    mute: bool,
    /// Identification of the last IP packet; keepalived's first is 1.
    identification: u16,
    /// Sequence number of the last authentication header, sent or received.
    sequence: Option<u32>,
    /// Sequence numbers of `auth_hmac`.
    hmac: Sequences,
    /// That of the advert being sent.
    hmac_sequence: Option<u64>,
    /// The peers compute checksums as old keepalived did.
    old_checksum: bool,
    /// A master of lower priority was heard: the group has to hear of it.
    heard_lower: bool,
    /// `no_accept` is in force.
    blocked: bool,
    /// What keeps its packet filter from being looked after, as it was said last.
    filter_trouble: Option<String>,
    /// Who that was, and where.
    lower: Option<(IpAddr, Option<[u8; 6]>)>,
    /// The address to ask for next.
    probe: usize,
    packet: Vec<u8>,
}

impl Member {
    pub(super) fn new(place: usize, config: VirtualRouter, now: Instant) -> Self {
        let machine = Instance::new(&config);
        let addresses = Addresses::new(&config);
        let record = record(&config, &machine, &addresses, now);
        let expected = Expected::from(&config);
        let routing = Routing::new(&config.name, &config.virtual_routes, &config.virtual_rules);
        Self {
            place,
            old_checksum: expected.sends_old_checksum(),
            expected,
            machine,
            addresses,
            routing,
            board: Arc::new(Board::new(&config, record)),
            since: now,
            master: None,
            faults: BTreeSet::new(),
            rejections: Complaints::new(),
            mismatches: Complaints::new(),
            repeated: Repeated::new(),
            mute: false,
            identification: 0,
            sequence: None,
            hmac: Sequences::default(),
            hmac_sequence: None,
            heard_lower: false,
            blocked: false,
            filter_trouble: None,
            lower: None,
            probe: 0,
            packet: Vec::new(),
            config,
        }
    }

    pub(super) const fn is_owner(&self) -> bool {
        self.config.priority == PRIORITY_OWNER
    }

    pub(super) const fn channel(&self) -> Channel {
        Channel {
            family: self.config.family,
            ah: self.config.has_ah(),
        }
    }

    pub(super) fn has_virtual(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(config, _)| config.address.addr() == address)
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            state: self.machine.state(),
            wants_master: self.machine.wants_master(),
            has_own_fault: self.machine.has_own_fault(),
        }
    }

    /// Whether it leaves INIT when it is told to start.
    pub(super) fn may_begin(&self) -> bool {
        self.machine.may_begin()
    }

    /// Whether it has heard a master of lower priority since this was asked last.
    pub(super) const fn take_heard_lower(&mut self) -> bool {
        std::mem::replace(&mut self.heard_lower, false)
    }

    pub(super) fn has_fault(&self, fault: Fault) -> bool {
        self.machine.faults().contains(&fault)
    }

    pub(super) const fn source(&self) -> Option<IpAddr> {
        self.machine.source()
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
        if let Some(due) = self.machine.advert_due().filter(|due| *due <= now) {
            let late = now.saturating_duration_since(due);
            self.board.counters.late(late, self.config.advert_int);
        }
        self.machine.handle_timeout(now);
        self.carry_out(interfaces, outside, now);
    }

    /// Something is new about a tracked thing, if this instance tracks it.
    pub(super) fn track<K: Kernel>(
        &mut self,
        (kind, name): (Kind, &str),
        status: Status,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        for place in 0..self.config.tracked.len() {
            let Some(tracked) = self.config.tracked.get(place) else {
                continue;
            };
            let known = self.machine.tracked().get(place).copied();
            if tracked.kind != kind || tracked.name != name || known == Some(status) {
                continue;
            }
            let (was, is) = (
                known.is_some_and(|known| tracked.is_fault(known)),
                tracked.is_fault(status),
            );
            let instance = &self.config.name;
            match (was, is) {
                (false, true) => info!("({instance}) {kind} {name} is down: FAULT"),
                (true, false) => info!("({instance}) {kind} {name} is up"),
                (false, false) | (true, true) => {}
            }
            self.handle(Input::Tracked { place, status }, interfaces, outside, now);
            self.publish();
        }
    }

    /// The address to send from; said when it is new.
    pub(super) fn set_source<K: Kernel>(
        &mut self,
        source: Option<IpAddr>,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
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

    /// Somebody has removed an address: if it is ours, it is put back and announced.
    pub(super) fn restore<K: Kernel>(
        &mut self,
        removed: &Address,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        if !self.machine.holds_addresses() {
            return self.addresses.let_go(removed);
        }
        match self.addresses.restore(&mut outside.kernel, removed) {
            Restored::Nothing => {}
            Restored::Back(place) => {
                self.board.counters.restored();
                self.announce(place, false, interfaces, outside, now);
            }
            Restored::Gone => self.publish(),
        }
    }

    /// Whether it is MASTER without an address that could be set.
    pub(super) fn lacks_addresses(&self, interfaces: &Interfaces) -> bool {
        let is_there = |dev: &str| interfaces.by_name(dev).is_some();
        self.machine.holds_addresses() && self.addresses.lacks(is_there)
    }

    /// Somebody may have removed a route or a rule: a MASTER puts them back.
    pub(super) fn restore_routing<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        if self.machine.holds_addresses() {
            let restored = self.routing.restore(&mut outside.kernel, interfaces);
            self.board.counters.routing_restored(restored);
        }
    }

    /// Takes from the kernel what an earlier run may have left: filters, routes and rules,
    /// addresses.
    pub(super) fn remove_residual<K: Kernel>(
        &self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let source = self.source();
        self.unblock(outside);
        let kernel = &mut outside.kernel;
        self.routing.remove_residual(kernel, interfaces);
        // Addresses on an interface that only has the name of a VMAC are somebody else's.
        if !self.machine.faults().contains(&Fault::VmacNameTaken) {
            self.addresses.remove_residual(kernel, interfaces, source);
        }
    }

    /// A MASTER sets and announces the addresses that had to wait: for another interface, or for
    /// whatever kept the kernel from taking them.
    pub(super) fn complete<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let absent = |addresses: &Addresses| -> Vec<usize> {
            let places = addresses.iter().enumerate();
            places
                .filter(|(_, (_, set))| !set)
                .map(|(place, _)| place)
                .collect()
        };
        let missing = absent(&self.addresses);
        if !self.machine.holds_addresses() || missing.is_empty() {
            return;
        }
        self.addresses.add(&mut outside.kernel, interfaces);
        let still_missing = absent(&self.addresses);
        for place in missing
            .into_iter()
            .filter(|place| !still_missing.contains(place))
        {
            if self.addresses.take_lost(place) {
                self.board.counters.restored();
            }
            self.announce(place, true, interfaces, outside, now);
        }
        self.publish();
    }

    fn publish(&self) {
        let record = record(&self.config, &self.machine, &self.addresses, self.since);
        self.board.publish(record);
    }
}

fn record(
    config: &VirtualRouter,
    machine: &Instance,
    addresses: &Addresses,
    since: Instant,
) -> Record {
    let address = |(config, set): (&crate::vrrp::settings::VirtualAddress, bool)| AddressStatus {
        address: config.address,
        dev: config.dev.clone(),
        set,
    };
    let pairs = config.tracked.iter().zip(machine.tracked());
    let faults = machine.faults().iter();
    Record {
        state: machine.state(),
        since,
        effective_priority: machine.effective_priority(),
        source: machine.source(),
        master: machine.master(),
        master_adver_int: machine.master_adver_int(),
        faults: faults.map(|fault| Reason::new(*fault, config)).collect(),
        virtual_ipaddress: addresses.iter().map(address).collect(),
        tracked: pairs
            .map(|(tracked, status)| TrackedStatus::new(tracked, *status))
            .collect(),
        split_brain: machine.rival(),
    }
}
