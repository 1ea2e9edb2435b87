//! Which server a packet goes to: that of its flow, that of its client, or the next.

use lb_common::stats::Reason;

use super::installed::VirtualServer;
use super::packet::Packet;
use super::table::{Flow, State};
use super::{Incarnation, Model, Refusal, Template};
use crate::frame::TCP;

impl Model {
    /// The server of the packet's flow, and whether it has just been given.
    pub(super) fn choose(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<(Incarnation, bool), Refusal> {
        let opens = packet.protocol != TCP || packet.flags & 0x06 == 0x02;
        let (client, id) = (packet.source, service.id);
        let known = self.table.find(client, id).cloned();
        if let Some(flow) = &known
            && !self.table.is_expired(flow, tick)
            && self.servers.contains_key(&flow.server)
            && !(opens && flow.is_over())
            && let Some(flow) = self.table.find(client, id)
        {
            flow.state = flow.state.client_sends(packet.flags);
            flow.seen = tick;
            return Ok((flow.server, false));
        }
        if !opens {
            return Ok((self.untracked(packet, service, tick)?, false));
        }
        let server = self.next(packet, service, tick)?;
        let new = Flow {
            client,
            service: id,
            server,
            state: State::first(packet.protocol == TCP),
            seen: tick,
        };
        let remembered = if known.is_some() {
            self.table.find(client, id).map(|old| *old = new).is_some()
        } else {
            self.table.insert(new, tick)
        };
        let server = if remembered {
            server
        } else {
            self.untracked(packet, service, tick)?
        };
        Ok((server, true))
    }

    /// For a new flow: the server of the client's template, else the one whose turn it is.
    fn next(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<Incarnation, Refusal> {
        if let Some(server) = self.template(packet, service, tick) {
            let network = service.network_of(packet.source.address);
            if let Some(template) = self.templates.get_mut(&(service.id, network)) {
                template.seen = tick;
            }
            return Ok(server);
        }
        let turns = service.turns.len();
        if turns == 0 {
            return Err(Refusal::Because(Reason::NoServer));
        }
        let last = self.cursors.entry(service.id).or_default();
        *last = if *last < turns { *last + 1 } else { 1 };
        let server = service.turns[*last - 1];
        if service.persistence.is_some() {
            let network = service.network_of(packet.source.address);
            self.templates
                .insert((service.id, network), Template { server, seen: tick });
        }
        Ok(server)
    }

    /// For a packet that leaves no trace: the server of the client's template, else the one that
    /// the client's hash stands for, in proportion to the turns.
    fn untracked(
        &self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<Incarnation, Refusal> {
        if let Some(server) = self.template(packet, service, tick) {
            return Ok(server);
        }
        let high = u128::from(self.table.hash(packet.source) >> 32);
        let turn = (high * service.turns.len() as u128) >> 32;
        service
            .turns
            .get(turn as usize)
            .copied()
            .ok_or(Refusal::Because(Reason::NoServer))
    }

    /// The server that a persistent service has given this client before.
    fn template(&self, packet: &Packet, service: &VirtualServer, tick: i64) -> Option<Incarnation> {
        let persistence = service.persistence?;
        let key = (service.id, service.network_of(packet.source.address));
        let template = self.templates.get(&key)?;
        let fresh = tick - template.seen <= i64::from(persistence.ticks);
        (fresh && self.servers.contains_key(&template.server)).then_some(template.server)
    }
}
