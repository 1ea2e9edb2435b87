//! The decision of the XDP program, a second time: in plain Rust, from the same promises
//! (`lb_common`, DESIGN) and not from the program.
//!
//! It shares with the program the records of `lb_common`, the hash that chooses a bucket (any
//! would do, if both use the same), and the filter, which decides whether a packet that nobody
//! could want is counted. It does not know slots and generations: a server that goes and comes
//! again is another [`Incarnation`].

mod choice;
mod installed;
mod packet;
mod rota;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::Path;
use lb_common::filter::AddressFilter;
use lb_common::stats::{Reason, Traffic};

pub(crate) use installed::{Ids, Incarnation};
use installed::{RealServer, VirtualServer};
use packet::Packet;
use table::Flow;
pub(crate) use table::Table;

use crate::frame::Endpoint;
use crate::network::Network;

/// `XDP_DROP`, `XDP_PASS`, `XDP_TX`, `XDP_REDIRECT`.
pub(crate) const DROP: u32 = 1;
pub(crate) const PASS: u32 = 2;
pub(crate) const TX: u32 = 3;
pub(crate) const REDIRECT: u32 = 4;

/// What the program does with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: u32,
    pub(crate) frame: Vec<u8>,
}

/// When and where a frame comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) tick: i64,
    /// The agent has said nothing for longer than `xdp_deadman`.
    pub(crate) agent_silent: bool,
    pub(crate) ingress: u32,
}

/// Why a frame is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotOurs,
    Because(Reason),
}

/// The server a client has been given for `persistence_timeout`.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) server: Incarnation,
    /// Tick of the last new flow.
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
    /// By service id and client network.
    pub(crate) templates: HashMap<(u16, [u8; 4]), Template>,
    /// The turn that was last given, by service id.
    cursors: HashMap<u16, usize>,
    pub(crate) traffic: HashMap<Incarnation, Traffic>,
    pub(crate) retired: HashMap<u16, Traffic>,
    pub(crate) reasons: [u64; Reason::ALL.len()],
    incarnations: u32,
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
            cursors: HashMap::new(),
            traffic: HashMap::new(),
            retired: HashMap::new(),
            reasons: [0; Reason::ALL.len()],
            incarnations: 0,
        }
    }

    /// Flows and templates become older.
    pub(crate) fn age(&mut self, ticks: u32) {
        self.table.age(ticks);
        for template in self.templates.values_mut() {
            template.seen -= i64::from(ticks);
        }
    }

    /// The buckets that a flow of `frame` could be in.
    pub(crate) fn buckets_of(&self, frame: &[u8]) -> Vec<u32> {
        let packet = packet::addresses(frame).and_then(|_| packet::parse(frame).ok());
        let ends = packet.map(|packet| [packet.source, packet.destination]);
        ends.into_iter()
            .flatten()
            .map(|end| self.table.bucket_of(end))
            .collect()
    }

    /// The verdict on `frame`, and what becomes of it.
    pub(crate) fn decide(&mut self, network: &Network, frame: &[u8], arrival: Arrival) -> Outcome {
        let verdict = match self.consider(network, frame, arrival) {
            Ok(outcome) => return outcome,
            Err(Refusal::NotOurs) => PASS,
            Err(Refusal::Because(reason)) => {
                self.reasons[reason as usize] += 1;
                if reason == Reason::NoWayBack {
                    DROP
                } else {
                    PASS
                }
            }
        };
        // Whatever is not forwarded is as it came.
        Outcome {
            verdict,
            frame: frame.to_vec(),
        }
    }

    fn consider(
        &mut self,
        network: &Network,
        frame: &[u8],
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let (source, destination) = packet::addresses(frame).ok_or(Refusal::NotOurs)?;
        let bits = |address: Ipv4Addr| u32::from_ne_bytes(address.octets());
        let looked_at = self.filter.may_be_destination(bits(destination))
            || self.filter.may_be_source(bits(source));
        if !looked_at {
            return Err(Refusal::NotOurs);
        }
        let packet = packet::parse(frame)?;
        if let Some(service) = self.services.get(&(packet.destination, packet.protocol)) {
            let service = service.clone();
            return self.towards_server(network, frame, &packet, &service, arrival);
        }
        self.towards_client(network, frame, &packet, arrival)
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
        let (chosen, new) = self.choose(packet, service, arrival.tick)?;
        let server = self.servers[&chosen].server;
        let hop = match server.path {
            Path::Unknown => return Err(Refusal::Because(Reason::NoNeighbour)),
            Path::Local => {
                self.count_in(chosen, packet, new);
                return Err(Refusal::Because(Reason::LocalServer));
            }
            Path::Via(hop) => hop,
        };
        if packet.ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        let frame = match server.method {
            Forwarding::Dr => packet::direct(frame, &hop),
            Forwarding::Nat => packet::to_server(frame, packet, &server, &hop),
            Forwarding::Tun if u32::from(packet.length) + 20 > hop.mtu => {
                return Err(Refusal::Because(Reason::TooBig));
            }
            Forwarding::Tun => packet::tunnelled(frame, packet, &server, &hop),
        };
        self.count_in(chosen, packet, new);
        Ok(Outcome {
            verdict: leave(network, arrival.ingress, hop.index),
            frame,
        })
    }

    fn towards_client(
        &mut self,
        network: &Network,
        frame: &[u8],
        packet: &Packet,
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let sends = |server: &RealServer| server.is_nat(packet.source, packet.protocol);
        let mut candidates = self
            .servers
            .iter()
            .filter(|(_, it)| sends(it))
            .map(|(it, _)| *it);
        let first = candidates.next().ok_or(Refusal::NotOurs)?;
        let only = candidates.next().is_none().then_some(first);
        let client = packet.destination;
        let is_replied_to = |flow: &&Flow| {
            !self.table.is_expired(flow, arrival.tick)
                && self.servers.get(&flow.server).is_some_and(sends)
        };
        let flow = self.table.of_client(client).find(is_replied_to).cloned();
        let chosen = flow
            .as_ref()
            .map(|flow| flow.server)
            .or(only)
            .ok_or(Refusal::NotOurs)?;
        let service = self.servers[&chosen].service;
        let gate = self.servers[&chosen].gate;
        self.pass_gate(gate, arrival)?;
        if packet.ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        let no_way_back = if flow.is_some() {
            Refusal::Because(Reason::NoWayBack)
        } else {
            Refusal::NotOurs
        };
        if let Some(flow) = flow
            && let Some(flow) = self.table.find(client, flow.service)
        {
            flow.state = flow.state.server_sends(packet.flags);
            flow.seen = arrival.tick;
        }
        let way = network
            .way_back(client.address, packet.length)
            .ok_or(no_way_back)?;
        let traffic = self.traffic.entry(chosen).or_default();
        traffic.out_packets += 1;
        traffic.out_bytes += u64::from(packet.length);
        Ok(Outcome {
            verdict: leave(network, arrival.ingress, way.ifindex),
            frame: packet::to_client(frame, packet, service, &way),
        })
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

    fn count_in(&mut self, server: Incarnation, packet: &Packet, new: bool) {
        let traffic = self.traffic.entry(server).or_default();
        traffic.conns += u64::from(new);
        traffic.in_packets += 1;
        traffic.in_bytes += u64::from(packet.length);
    }
}

/// How a frame leaves by `egress`.
fn leave(network: &Network, ingress: u32, egress: u32) -> u32 {
    if ingress == egress {
        TX
    } else if network.egress().contains(&egress) {
        REDIRECT
    } else {
        DROP
    }
}
