//! Fragments: the first one is a packet with ports, the others go where it went.

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::Path;
use lb_common::stats::Reason;

use super::packet::{self, address, short};
use super::{Arrival, DROP, Incarnation, Model, Outcome, Refusal, tunnel};
use crate::frame::{ETHERNET, SCTP, TCP, UDP, v4};
use crate::network::Network;

/// Addresses, identification and protocol.
pub(super) type Key = ([u8; 8], u16, u8);

/// What is known of a first fragment.
#[derive(Clone, Copy)]
pub(super) struct First {
    server: Incarnation,
    /// Number of the service.
    service: u16,
    /// The server has sent it.
    from_server: bool,
    /// The tick in which it came.
    pub(super) seen: i64,
}

impl First {
    pub(super) const fn new(
        server: Incarnation,
        service: u16,
        from_server: bool,
        seen: i64,
    ) -> Self {
        Self {
            server,
            service,
            from_server,
            seen,
        }
    }
}

/// So long after the first fragment it is forgotten: thirty seconds at 250 Hz, in ticks.
const LIFE: i64 = 30 * 250 / 256;

fn key(ip: &[u8]) -> Key {
    let mut addresses = [0; 8];
    addresses.copy_from_slice(&ip[12..20]);
    (addresses, short(&ip[4..6]), ip[9])
}

impl Model {
    pub(super) fn remember_fragments(&mut self, frame: &[u8], first: First) {
        self.fragments.insert(key(&frame[ETHERNET..]), first);
    }

    /// A fragment that is not the first one.
    pub(super) fn follow_fragment(
        &mut self,
        network: &Network,
        frame: &[u8],
        arrival: Arrival,
    ) -> Result<Outcome, Refusal> {
        const UNKNOWN: Refusal = Refusal::Because(Reason::Fragment);
        let ip = &frame[ETHERNET..];
        if ![TCP, UDP, SCTP].contains(&ip[9]) {
            return Err(Refusal::NotOurs);
        }
        let first = *self.fragments.get(&key(ip)).ok_or(UNKNOWN)?;
        let (chosen, from_server) = (first.server, first.from_server);
        let real = self.servers.get(&chosen).cloned().ok_or(UNKNOWN)?;
        if arrival.tick - first.seen > LIFE {
            return Err(UNKNOWN);
        }
        let (service, gate) = self.asked(first.service, chosen).ok_or(UNKNOWN)?;
        self.pass_gate(gate, arrival)?;
        let server = real.server;
        let nat = server.method == Forwarding::Nat;
        let (length, ttl) = (short(&ip[2..4]), ip[8]);
        if from_server {
            if ttl <= 1 {
                return Err(Refusal::Because(Reason::TimeToLive));
            }
            let way = self.way_back(network, address(&ip[16..20]), length, arrival)?;
            let mut frame = frame.to_vec();
            packet::hop_less(&mut frame[ETHERNET..]);
            packet::readdress(&mut frame[ETHERNET..], 12, service.address);
            return Ok(self.leave_for_client(network, frame, chosen, way, arrival));
        }
        let Path::Via(hop) = server.path else {
            return Err(Refusal::Because(Reason::NoNeighbour));
        };
        if ttl <= 1 {
            return Err(Refusal::Because(Reason::TimeToLive));
        }
        let (room, limited) = match server.method {
            Forwarding::Tun => (hop.mtu - tunnel::overhead(&server), true),
            Forwarding::Dr | Forwarding::Nat => (hop.mtu, hop.index != arrival.ingress),
        };
        if limited && u32::from(length) > room {
            return Err(Refusal::Because(Reason::CannotFragment));
        }
        let mut frame = match server.method {
            Forwarding::Dr | Forwarding::Nat => packet::direct(frame, &hop),
            Forwarding::Tun => tunnel::tunnelled(frame, &server, &hop, self.table.secret),
        };
        if nat {
            packet::readdress(&mut frame[ETHERNET..], 16, v4(server.address));
        }
        let verdict = self.leave(network, arrival.ingress, hop.index);
        if verdict != DROP {
            let traffic = self.traffic.entry(chosen).or_default();
            traffic.in_packets += 1;
            traffic.in_bytes += u64::from(length);
        }
        Ok(Outcome::of(verdict, frame))
    }
}
