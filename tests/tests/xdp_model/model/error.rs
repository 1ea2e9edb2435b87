//! ICMP errors: whose they are, by what they quote, and what becomes of them.

use std::net::Ipv4Addr;

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::Path;
use lb_common::stats::Reason;

use super::packet::{self, address, mend, put, readdress, short};
use super::{Arrival, DROP, Incarnation, Model, Outcome, Refusal, tunnel};
use crate::frame::{ETHERNET, Endpoint, SCTP, TCP, UDP, v4};
use crate::network::Network;

/// IP protocol number of ICMP.
pub(crate) const ICMP: u8 = 1;

/// Destination unreachable, time exceeded, parameter problem.
const ERRORS: [u8; 3] = [3, 11, 12];

/// An error, and the packet that it quotes.
#[derive(Clone, Copy, Debug)]
struct Error {
    /// Who gets it.
    to: Ipv4Addr,
    ttl: u8,
    length: u16,
    /// Who has sent the quoted packet, and to whom.
    source: Endpoint,
    destination: Endpoint,
    protocol: u8,
    /// Where things stand, from the beginning of the IP packet.
    icmp: usize,
    inner: usize,
    transport: usize,
}

/// Length of the IPv4 header at the beginning of `bytes`, if it can be one.
fn header_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.get(..20)?.first()?;
    let length = usize::from(first % 16) * 4;
    (first / 16 == 4 && length >= 20).then_some(length)
}

fn parse(frame: &[u8]) -> Option<Error> {
    let ip = &frame[ETHERNET..];
    let icmp = header_length(ip)?;
    let ip = ip.get(..usize::from(short(&ip[2..4])))?;
    let inner = icmp + 8;
    let transport = inner + header_length(ip.get(inner..)?)?;
    let quoted = ip.get(inner..)?;
    let ports = ip.get(transport..transport + 8)?;
    let fragment = short(&ip[6..8]) & 0x3fff != 0 || short(&quoted[6..8]) & 0x1fff != 0;
    if fragment || !ERRORS.contains(&ip[icmp]) || ![TCP, UDP, SCTP].contains(&quoted[9]) {
        return None;
    }
    Some(Error {
        to: address(&ip[16..20]),
        ttl: ip[8],
        length: short(&ip[2..4]),
        source: Endpoint {
            address: address(&quoted[12..16]),
            port: short(&ports[..2]),
        },
        destination: Endpoint {
            address: address(&quoted[16..20]),
            port: short(&ports[2..4]),
        },
        protocol: quoted[9],
        icmp,
        inner,
        transport,
    })
}

impl Model {
    /// A frame of ICMP.
    pub(super) fn pass_on(
        &mut self,
        network: &Network,
        frame: &[u8],
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let error = parse(frame).ok_or(Refusal::NotOurs)?;
        if error.to != error.source.address {
            return Err(Refusal::NotOurs);
        }
        let service = self.service_of(error.source, error.protocol);
        match service.map(|service| (service.id, service.gate)) {
            Some((id, gate)) => {
                self.pass_gate(gate, arrival)?;
                self.error_to_server(network, frame, &error, id, arrival)
            }
            None => self.error_to_client(network, frame, &error, arrival),
        }
    }

    fn error_to_server(
        &mut self,
        network: &Network,
        frame: &[u8],
        error: &Error,
        service: u16,
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let live = |(_, flow): &(u32, &super::Flow)| {
            flow.service == service
                && !self.table.is_expired(flow, arrival.tick)
                && self.asked(service, flow.server).is_some()
        };
        let found = self.table.of_client(error.destination).find(live);
        let chosen = found.map(|(_, flow)| flow.server).ok_or(Refusal::NotOurs)?;
        let server = self.servers[&chosen].server;
        let hop = match server.path {
            Path::Unknown => return Err(Refusal::Because(Reason::NoNeighbour)),
            Path::Local => {
                self.count_error(chosen, error);
                return Err(Refusal::Because(Reason::LocalServer));
            }
            Path::Via(hop) => hop,
        };
        if error.ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        let (room, limited) = match server.method {
            Forwarding::Tun => (hop.mtu - tunnel::overhead(&server), true),
            Forwarding::Dr | Forwarding::Nat => (hop.mtu, hop.index != arrival.ingress),
        };
        if limited && u32::from(error.length) > room {
            return Err(Refusal::Because(Reason::CannotFragment));
        }
        let frame = match server.method {
            Forwarding::Dr => packet::direct(frame, &hop),
            Forwarding::Tun => tunnel::tunnelled(frame, &server, &hop, self.table.secret),
            Forwarding::Nat => {
                let mut frame = packet::direct(frame, &hop);
                let to = Endpoint {
                    address: v4(server.address),
                    port: server.port,
                };
                let ip = &mut frame[ETHERNET..];
                readdress(ip, 16, to.address);
                requote(ip, error, 12, 0, to);
                frame
            }
        };
        let verdict = self.leave(network, arrival.ingress, hop.index);
        if verdict != DROP {
            self.count_error(chosen, error);
        }
        Ok(Outcome::of(verdict, frame))
    }

    fn error_to_client(
        &mut self,
        network: &Network,
        frame: &[u8],
        error: &Error,
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        let live = |(_, flow): &(u32, &super::Flow)| {
            let server = self.servers.get(&flow.server);
            !self.table.is_expired(flow, arrival.tick)
                && server.is_some_and(|it| it.is_nat(error.destination, error.protocol))
                && self.asked(flow.service, flow.server).is_some()
        };
        let found = self.table.of_client(error.source).find(live);
        let (_, flow) = found.ok_or(Refusal::NotOurs)?;
        let (id, chosen) = (flow.service, flow.server);
        let (service, gate) = self.asked(id, chosen).ok_or(Refusal::NotOurs)?;
        self.pass_gate(gate, arrival)?;
        if error.ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        let way = self.way_back(network, error.to, error.length, arrival)?;
        let mut frame = frame.to_vec();
        let ip = &mut frame[ETHERNET..];
        packet::hop_less(ip);
        readdress(ip, 12, service.address);
        requote(ip, error, 16, 2, service);
        Ok(self.leave_for_client(network, frame, chosen, way, arrival))
    }

    fn count_error(&mut self, server: Incarnation, error: &Error) {
        let traffic = self.traffic.entry(server).or_default();
        traffic.in_packets += 1;
        traffic.in_bytes += u64::from(error.length);
    }
}

/// Another address and port in the quoted packet.
fn requote(ip: &mut [u8], error: &Error, address_at: usize, port_at: usize, to: Endpoint) {
    let (address_at, port_at) = (error.inner + address_at, error.transport + port_at);
    let mut old = ip[address_at..address_at + 4].to_vec();
    old.extend(&ip[port_at..port_at + 2]);
    let mut new = to.address.octets().to_vec();
    put(ip, address_at, &new);
    new.extend(to.port.to_be_bytes());
    put(ip, port_at, &new[4..]);
    mend(ip, error.icmp + 2, &old, &new);
    mend_within(ip, error, error.inner + 10, &old[..4], &new[..4]);
    let check_at = error.transport + if error.protocol == TCP { 16 } else { 6 };
    let there = if error.protocol == TCP {
        error.transport + 20 <= usize::from(error.length)
    } else {
        // That of SCTP stays as it is.
        error.protocol == UDP && ip[check_at..check_at + 2] != [0, 0]
    };
    if there {
        mend_within(ip, error, check_at, &old, &new);
    }
}

/// Mends a checksum in the quoted packet, and that of the message for it.
fn mend_within(ip: &mut [u8], error: &Error, at: usize, old: &[u8], new: &[u8]) {
    let before = ip[at..at + 2].to_vec();
    mend(ip, at, old, new);
    if error.protocol == UDP && at > error.transport && ip[at..at + 2] == [0, 0] {
        put(ip, at, &[0xff, 0xff]);
    }
    let after = ip[at..at + 2].to_vec();
    mend(ip, error.icmp + 2, &before, &after);
}
