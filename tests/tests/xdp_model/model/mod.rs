//! The decision of the XDP program, a second time: in plain Rust, from the same promises
//! (`lb_common`, DESIGN) and not from the program.
//!
//! It shares with the program the records of `lb_common`, the hash that chooses a bucket (any
//! would do, if both use the same), and the filter, which decides whether a packet that nobody
//! could want is counted. It does not know slots and generations: a server that goes and comes
//! again is another [`Incarnation`].

mod choice;
mod error;
mod fragment;
mod installed;
mod load;
mod locality;
mod packet;
mod rota;
mod scheduler;
mod sctp;
mod state;
mod table;
pub(crate) mod tunnel;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::Path;
use lb_common::address6::words;
use lb_common::answers::LIMIT;
use lb_common::filter::AddressFilter;
use lb_common::load::Load;
use lb_common::stats::{Reason, Traffic};

use choice::Choice;
pub(crate) use installed::{Ids, Incarnation, key_of};
use installed::{RealServer, VirtualServer};
use locality::Locality;
use packet::Packet;
use table::Flow;
pub(crate) use table::Table;

use crate::frame::{ETHERNET, Endpoint, SCTP};
use crate::network::{Network, NoWay, WayBack};

/// `XDP_DROP`, `XDP_PASS`, `XDP_TX`, `XDP_REDIRECT`.
pub(crate) const DROP: u32 = 1;
pub(crate) const PASS: u32 = 2;
pub(crate) const TX: u32 = 3;
pub(crate) const REDIRECT: u32 = 4;

/// What the kernel gets nothing of.
const DROPPED: [Reason; 8] = [
    Reason::SctpFragment,
    Reason::NoNeighbour,
    Reason::CannotFragment,
    Reason::AnswerLimit,
    Reason::NoRoom,
    Reason::NoWayBack,
    Reason::NewFlowLimit,
    Reason::SourceLimit,
];

/// What the program does with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: u32,
    pub(crate) frame: Vec<u8>,
    /// What the agent gets: the interface that the packet is to leave by, and the packet.
    pub(crate) handed: Option<(u32, Vec<u8>)>,
}

impl Outcome {
    /// Nothing for the agent.
    pub(crate) const fn of(verdict: u32, frame: Vec<u8>) -> Self {
        Self {
            verdict,
            frame,
            handed: None,
        }
    }
}

/// When and where a frame comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) tick: i64,
    /// The agent has said nothing for longer than `xdp_deadman`.
    pub(crate) agent_silent: bool,
    /// The agent has counted connections lately.
    pub(crate) has_census: bool,
    pub(crate) ingress: u32,
}

/// Why a frame is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotOurs,
    /// A fragment without ports.
    Later,
    Because(Reason),
}

/// The server a client has been given for `persistence_timeout`.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) server: Incarnation,
    /// Tick of the last new flow, or of a packet of one that it was the template of.
    pub(crate) seen: i64,
}

/// Configuration and memory of the program.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) table: Table,
    /// Gates that are armed.
    pub(crate) armed: Vec<bool>,
    services: BTreeMap<(Endpoint, u8), VirtualServer>,
    servers: BTreeMap<Incarnation, RealServer>,
    filter: AddressFilter,
    /// By pool and client network.
    pub(crate) templates: HashMap<(u16, [u8; 4]), Template>,
    /// The same of clients that have not been seen again.
    pub(crate) pending: HashMap<(u16, [u8; 4]), Template>,
    /// The turn that was last given, by pool.
    cursors: HashMap<u16, usize>,
    /// Connections, as the program has counted them.
    pub(crate) loads: HashMap<Incarnation, Load>,
    /// New flows in a tick, by pool.
    rates: HashMap<u16, (i64, u32)>,
    /// Packets of unknown connections in a tick, by pool.
    unknown: HashMap<u16, (i64, u32)>,
    /// Flows of clients, by counter.
    pub(crate) sources: HashMap<u32, u32>,
    /// By pool and destination.
    localities: HashMap<(u16, Ipv4Addr), Locality>,
    pub(crate) traffic: HashMap<Incarnation, Traffic>,
    pub(crate) retired: HashMap<u16, Traffic>,
    pub(crate) reasons: [u64; Reason::ALL.len()],
    /// What is known of first fragments.
    fragments: HashMap<fragment::Key, fragment::First>,
    /// Ethernet addresses of interfaces, as far as the program knows them.
    pub(crate) stations: HashMap<u32, [u8; 6]>,
    /// Answers by ICMP, by type and the service's share.
    answers: HashMap<(u8, u16), Limited>,
    /// Replies handed to the agent.
    handed: Limited,
    incarnations: u32,
    /// Counts of connections are gone by.
    has_census: bool,
}

impl Model {
    /// Nothing configured.
    pub(crate) fn new(gates: usize) -> Self {
        Self {
            table: Table::default(),
            armed: (0..gates).map(|gate| gate == 0).collect(),
            services: BTreeMap::new(),
            servers: BTreeMap::new(),
            filter: AddressFilter::empty(),
            templates: HashMap::new(),
            pending: HashMap::new(),
            cursors: HashMap::new(),
            loads: HashMap::new(),
            rates: HashMap::new(),
            unknown: HashMap::new(),
            sources: HashMap::new(),
            localities: HashMap::new(),
            traffic: HashMap::new(),
            retired: HashMap::new(),
            reasons: [0; Reason::ALL.len()],
            fragments: HashMap::new(),
            stations: HashMap::new(),
            answers: HashMap::new(),
            handed: Limited::default(),
            incarnations: 0,
            has_census: true,
        }
    }

    /// Flows and templates become older, or younger.
    pub(crate) fn age(&mut self, ticks: i64) {
        self.table.age(ticks);
        for template in self.templates.values_mut().chain(self.pending.values_mut()) {
            template.seen -= ticks;
        }
        for first in self.fragments.values_mut() {
            first.seen -= ticks;
        }
    }

    /// The buckets that a flow of `frame` could be in.
    pub(crate) fn buckets_of(&self, frame: &[u8]) -> Vec<u32> {
        let packet = packet::addresses(frame).and_then(|_| packet::parse(frame).ok());
        let ends = packet.map(|packet| [packet.source, packet.destination]);
        ends.into_iter()
            .flatten()
            .flat_map(|end| self.table.buckets_of(end))
            .collect()
    }

    /// The verdict on `frame`, and what becomes of it.
    pub(crate) fn decide(&mut self, network: &Network, frame: &[u8], arrival: Arrival) -> Outcome {
        self.has_census = arrival.has_census;
        let verdict = match self.consider(network, frame, arrival) {
            Ok(outcome) => return outcome,
            Err(Refusal::NotOurs | Refusal::Later) => PASS,
            Err(Refusal::Because(reason)) => {
                self.reasons[reason as usize] += 1;
                if DROPPED.contains(&reason) {
                    DROP
                } else {
                    PASS
                }
            }
        };
        // Whatever is not forwarded is as it came.
        Outcome::of(verdict, frame.to_vec())
    }

    fn consider(
        &mut self,
        network: &Network,
        frame: &[u8],
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        if let Some(addresses) = packet::addresses6(frame) {
            return Err(self.refuse6(frame, addresses, arrival.ingress));
        }
        let (source, destination) = packet::addresses(frame).ok_or(Refusal::NotOurs)?;
        if frame[0] & 1 == 1 {
            return Err(Refusal::NotOurs);
        }
        let is_for_us = self.is_for_us(frame, arrival.ingress);
        if !is_for_us && frame[ETHERNET + 9] == error::ICMP {
            return Err(Refusal::NotOurs);
        }
        if frame[ETHERNET + 9] == error::ICMP {
            return self.pass_on(network, frame, arrival);
        }
        let bits = |address: Ipv4Addr| u32::from_ne_bytes(address.octets());
        let looked_at = self.filter.may_be_destination(bits(destination))
            || self.filter.may_be_source(bits(source));
        if !looked_at {
            return Err(Refusal::NotOurs);
        }
        if !is_for_us {
            return Err(Refusal::Because(Reason::OtherHost));
        }
        let packet = match packet::parse(frame) {
            Err(Refusal::Later) => return self.follow_fragment(network, frame, arrival),
            packet => packet?,
        };
        if let Some(service) = self.service_of(packet.destination, packet.protocol) {
            let service = service.clone();
            return self.towards_server(network, frame, &packet, &service, arrival);
        }
        self.towards_client(network, frame, &packet, arrival)
    }

    /// What becomes of IPv6, of which there are no services here: the filter takes some of its
    /// addresses for one of ours.
    fn refuse6(
        &self,
        frame: &[u8],
        (source, destination): (Ipv6Addr, Ipv6Addr),
        ingress: u32,
    ) -> Refusal {
        let looked_at = self.filter.may_be_destination6(words(destination))
            || self.filter.may_be_source6(words(source));
        if frame[0] & 1 == 1 || !looked_at {
            return Refusal::NotOurs;
        }
        if !self.is_for_us(frame, ingress) {
            // Of ICMP it is not known whether it would be ours.
            return if frame[ETHERNET + 6] == 58 {
                Refusal::NotOurs
            } else {
                Refusal::Because(Reason::OtherHost)
            };
        }
        if packet::is_malformed6(frame) {
            return Refusal::Because(Reason::Malformed);
        }
        Refusal::NotOurs
    }

    /// The service at an endpoint: one of its port, else one of all ports.
    fn service_of(&self, endpoint: Endpoint, protocol: u8) -> Option<&VirtualServer> {
        let all = Endpoint {
            port: 0,
            ..endpoint
        };
        let own = self.services.get(&(endpoint, protocol));
        own.or_else(|| self.services.get(&(all, protocol)))
    }

    /// Whether a frame that comes by `ingress` is for the Ethernet address there, or a virtual
    /// router's.
    fn is_for_us(&self, frame: &[u8], ingress: u32) -> bool {
        let virtual_router = matches!(frame[..5], [0, 0, 0x5e, 0, 1 | 2]);
        let station = self.stations.get(&ingress);
        virtual_router || station.is_none_or(|mac| frame[..6] == *mac)
    }

    fn towards_server(
        &mut self,
        network: &Network,
        frame: &[u8],
        packet: &Packet,
        service: &VirtualServer,
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        self.pass_gate(service.gate, arrival)?;
        let choice = self.choose(packet, service, arrival.tick)?;
        let server = self.servers[&choice.server].server;
        let hop = match server.path {
            Path::Unknown => return Err(Refusal::Because(Reason::NoNeighbour)),
            Path::Local => {
                self.count_in(choice, packet);
                return Err(Refusal::Because(Reason::LocalServer));
            }
            Path::Via(hop) => hop,
        };
        if choice.forgotten && server.method == Forwarding::Nat {
            let reason = if choice.new {
                Reason::NoRoom
            } else {
                Reason::NoFlow
            };
            return Err(Refusal::Because(reason));
        }
        let changes_port =
            server.method == Forwarding::Nat && server.port != packet.destination.port;
        if packet.protocol == SCTP && packet.more && changes_port {
            return Err(Refusal::Because(Reason::SctpFragment));
        }
        if packet.more {
            let first = fragment::First::new(choice.server, service.id, false, arrival.tick);
            self.remember_fragments(frame, first);
        }
        if packet.ttl <= 1 {
            return self.answer(frame, packet, (service.pool, Complaint::Time), arrival.tick);
        }
        let (room, limited) = match server.method {
            Forwarding::Tun => (hop.mtu - tunnel::overhead(&server), true),
            // What came by an interface fits it.
            Forwarding::Dr | Forwarding::Nat => (hop.mtu, hop.index != arrival.ingress),
        };
        if limited && u32::from(packet.length) > room {
            let complaint = (service.pool, Complaint::Size(room));
            return self.answer(frame, packet, complaint, arrival.tick);
        }
        let frame = match server.method {
            Forwarding::Dr => packet::direct(frame, &hop),
            Forwarding::Nat => packet::to_server(frame, packet, &server, &hop),
            Forwarding::Tun => tunnel::tunnelled(frame, &server, &hop, self.table.secret),
        };
        let verdict = self.leave(network, arrival.ingress, hop.index);
        if verdict != DROP {
            self.count_in(choice, packet);
        }
        Ok(Outcome::of(verdict, frame))
    }

    /// Tells the client what is the matter with its packet for a service, if it wants to know.
    fn answer(
        &mut self,
        frame: &[u8],
        packet: &Packet,
        (service, complaint): (u16, Complaint),
        tick: i64,
    ) -> Result<Outcome, Refusal> {
        let [first, ..] = packet.source.address.octets();
        let one_host = first != 0 && first != 127 && first < 224;
        let (is_told, done, not_done, icmp) = match complaint {
            Complaint::Size(room) => (
                packet.whole,
                Reason::TooBig,
                Reason::CannotFragment,
                [3, 4, 0, 0, 0, 0, (room >> 8) as u8, room as u8],
            ),
            Complaint::Time => (
                true,
                Reason::TimeExceeded,
                Reason::TimeToLive,
                [11, 0, 0, 0, 0, 0, 0, 0],
            ),
        };
        if !is_told || !one_host {
            return Err(Refusal::Because(not_done));
        }
        let budget = self.answers.entry((icmp[0], service % 64)).or_default();
        if !budget.another(tick) {
            return Err(Refusal::Because(Reason::AnswerLimit));
        }
        self.reasons[done as usize] += 1;
        Ok(Outcome::of(TX, packet::icmp_error(frame, packet, icmp)))
    }

    fn towards_client(
        &mut self,
        network: &Network,
        frame: &[u8],
        packet: &Packet,
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let sends = |server: &RealServer| server.is_nat(packet.source, packet.protocol);
        let client = packet.destination;
        let is_replied_to = |(_, flow): &(u32, &Flow)| {
            !self.table.is_expired(flow, arrival.tick)
                && self.servers.get(&flow.server).is_some_and(sends)
                && self.asked(flow.service, flow.server).is_some()
        };
        let found = self.table.of_client(client).find(is_replied_to);
        let (bucket, flow) = found.ok_or(Refusal::NotOurs)?;
        let (id, chosen) = (flow.service, flow.server);
        let pool = self.servers[&chosen].pool;
        let (before, whose) = (flow.state, (pool, client.address));
        let (service, gate) = self.asked(id, chosen).ok_or(Refusal::NotOurs)?;
        self.pass_gate(gate, arrival)?;
        let after = before.server_sends(packet.flags);
        if !self.is_one_too_many(whose, before, after)
            && let Some(flow) = self.table.find(bucket, client, id)
        {
            (flow.state, flow.seen) = (after, arrival.tick);
            self.note_change(whose, chosen, before, after);
        }
        if packet.ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        if packet.protocol == SCTP && packet.more && packet.source.port != service.port {
            return Err(Refusal::Because(Reason::SctpFragment));
        }
        if packet.more {
            let first = fragment::First::new(chosen, id, true, arrival.tick);
            self.remember_fragments(frame, first);
        }
        let way = match self.way_back(network, client.address, packet.length, arrival) {
            Err(Refusal::Because(Reason::CannotFragment)) if packet.whole => {
                return Err(Refusal::Because(Reason::ReplyTooBig));
            }
            way => way?,
        };
        let translated = packet::to_client(frame, packet, service);
        Ok(self.leave_for_client(network, translated, chosen, way, arrival))
    }

    /// The way to a client for a packet of `length` bytes.
    fn way_back(
        &mut self,
        network: &Network,
        client: Ipv4Addr,
        length: u16,
        arrival: Arrival,
    ) -> Result<WayBack, Refusal> {
        let way = network.way_back(client, length);
        let way = way.map_err(|no_way| {
            Refusal::Because(match no_way {
                NoWay::TooNarrow => Reason::CannotFragment,
                NoWay::NoRoute => Reason::NoWayBack,
            })
        })?;
        if way.dst_mac.is_none() && !self.handed.another(arrival.tick) {
            return Err(Refusal::Because(Reason::NoWayBack));
        }
        Ok(way)
    }

    /// A translated packet of a server on its way.
    fn leave_for_client(
        &mut self,
        network: &Network,
        mut frame: Vec<u8>,
        server: Incarnation,
        way: WayBack,
        arrival: Arrival,
    ) -> Outcome {
        let length = u16::from_be_bytes([frame[ETHERNET + 2], frame[ETHERNET + 3]]);
        if let Some(mac) = way.dst_mac {
            packet::address_to(&mut frame, mac, way.src_mac);
            let verdict = self.leave(network, arrival.ingress, way.ifindex);
            if verdict != DROP {
                self.count_out(server, length);
            }
            return Outcome::of(verdict, frame);
        }
        self.count_out(server, length);
        self.reasons[Reason::Unresolved as usize] += 1;
        let ip = frame[ETHERNET..][..usize::from(length)].to_vec();
        Outcome {
            verdict: DROP,
            frame,
            handed: Some((way.ifindex, ip)),
        }
    }

    fn pass_gate(&self, gate: u16, arrival: Arrival) -> Result<(), Refusal> {
        if !self.armed[usize::from(gate)] {
            return Err(Refusal::Because(Reason::NotMaster));
        }
        if arrival.agent_silent {
            return Err(Refusal::Because(Reason::AgentSilent));
        }
        Ok(())
    }

    /// How a frame leaves by `egress`.
    fn leave(&mut self, network: &Network, ingress: u32, egress: u32) -> u32 {
        if ingress == egress {
            TX
        } else if network.egress().contains(&egress) {
            REDIRECT
        } else {
            self.reasons[Reason::NoEgress as usize] += 1;
            DROP
        }
    }

    fn count_out(&mut self, server: Incarnation, length: u16) {
        let traffic = self.traffic.entry(server).or_default();
        traffic.out_packets += 1;
        traffic.out_bytes += u64::from(length);
    }

    fn count_in(&mut self, choice: Choice, packet: &Packet) {
        let traffic = self.traffic.entry(choice.server).or_default();
        traffic.conns += u64::from(choice.new);
        traffic.in_packets += 1;
        traffic.in_bytes += u64::from(packet.length);
    }
}

/// What a client is told.
#[derive(Clone, Copy, Debug)]
enum Complaint {
    /// So many bytes would fit.
    Size(u32),
    /// The time to live has run out.
    Time,
}

/// What may be done so often in a tick: the last one, and how often it was done in it.
#[derive(Clone, Copy, Default)]
struct Limited {
    tick: i64,
    count: u32,
}

impl Limited {
    /// Once more, if that may be.
    const fn another(&mut self, tick: i64) -> bool {
        if self.tick != tick {
            *self = Self { tick, count: 0 };
        }
        let may = self.count < LIMIT;
        self.count += may as u32;
        may
    }
}
