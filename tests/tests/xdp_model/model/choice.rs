//! Which server a packet goes to: that of its flow, that of its client, or the next.

use lb_agent::config::model::{Forwarding, Scheduler, SchedulerFlags};
use lb_common::stats::Reason;

use super::installed::VirtualServer;
use super::packet::Packet;
use super::scheduler::{Dest, compare, hashed};
use super::state::State;
use super::table::Flow;
use super::{Incarnation, Model, Refusal, Template};
use crate::frame::{UDP, opens};

/// A server for a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) server: Incarnation,
    /// The packet opens a connection.
    pub(super) new: bool,
    /// The flow stands nowhere in the table.
    pub(super) forgotten: bool,
}

impl Model {
    /// The server of the packet's flow.
    pub(super) fn choose(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<Choice, Refusal> {
        let opens = opens(packet.protocol, packet.flags);
        let syn = opens && packet.protocol != UDP;
        let follows = |server| Choice {
            server,
            new: false,
            forgotten: false,
        };
        let [first, second @ ..] = self.table.buckets_of(packet.source);
        if let Some(server) = self.follow(first, packet, service, opens, tick)? {
            return Ok(follows(server));
        }
        if !(syn && self.has_room(first, packet, service, tick)) {
            for bucket in second {
                if let Some(server) = self.follow(bucket, packet, service, opens, tick)? {
                    return Ok(follows(server));
                }
            }
        }
        let [from, asked] = [packet.source, packet.destination].map(|end| end.address);
        let is_bad = |first| first == 0 || first == 127 || first >= 224;
        if is_bad(from.octets()[0]) || from == asked {
            return Err(Refusal::Because(Reason::BadSource));
        }
        if opens {
            self.pass_limits(packet, service, tick)?;
            let server = self.next(packet, service, tick)?;
            if service.ops {
                return Ok(Choice {
                    server,
                    new: true,
                    forgotten: true,
                });
            }
            let new = Flow {
                client: packet.source,
                service: service.id,
                server,
                state: State::first(packet.protocol),
                seen: tick,
            };
            let state = new.state;
            if self.table.insert(new, tick) {
                self.note_new(service, server, state);
                return Ok(Choice {
                    server,
                    new: true,
                    forgotten: false,
                });
            }
        }
        let server = self.untracked(packet, service, tick)?;
        if !opens && !self.is_consistent(packet, service, tick) {
            self.pass_unknown(service, tick)?;
        }
        Ok(Choice {
            server,
            new: opens,
            forgotten: true,
        })
    }

    /// The server of the flow, if it stands in this bucket and goes on.
    fn follow(
        &mut self,
        bucket: u32,
        packet: &Packet,
        service: &VirtualServer,
        opens: bool,
        tick: i64,
    ) -> Result<Option<Incarnation>, Refusal> {
        let Some(old) = self.table.find(bucket, packet.source, service.id) else {
            return Ok(None);
        };
        let old = old.clone();
        let goes_on = !self.table.is_expired(&old, tick)
            && self.serves(old.server, service)
            && !(opens && old.is_over());
        if !goes_on {
            return Ok(None);
        }
        let sees_server = self.servers[&old.server].server.method == Forwarding::Nat;
        let state = old.state.client_sends(packet.flags, sees_server);
        let whose = (service.pool, packet.source.address);
        if self.is_one_too_many(whose, old.state, state) {
            return Err(Refusal::Because(Reason::SourceLimit));
        }
        if let Some(flow) = self.table.find(bucket, packet.source, service.id) {
            (flow.state, flow.seen) = (state, tick);
        }
        self.note_change(whose, old.server, old.state, state);
        if (old.seen != tick || old.state != state) && state.is_seen_again() {
            self.keep(packet, service, old.server, tick);
        }
        Ok(Some(old.server))
    }

    /// A connection keeps the template alive that it was made by, or makes it anew.
    fn keep(&mut self, packet: &Packet, service: &VirtualServer, server: Incarnation, tick: i64) {
        let Some(persistence) = service.persistence else {
            return;
        };
        let key = (service.pool, service.network_of(packet.source.address));
        let now = Template { server, seen: tick };
        let Some(template) = self.templates.get(&key) else {
            self.templates.insert(key, now);
            return;
        };
        let age = tick - template.seen;
        let is_young = age <= i64::from(persistence.ticks / 4);
        let lives = self.is_alive(template, persistence.ticks, tick);
        if (template.server == server && !is_young) || (template.server != server && !lives) {
            self.templates.insert(key, now);
        }
    }

    /// Whether a server is there, and one of the service's.
    fn serves(&self, server: Incarnation, service: &VirtualServer) -> bool {
        let server = self.servers.get(&server);
        server.is_some_and(|server| server.pool == service.pool)
    }

    fn is_alive(&self, template: &Template, ticks: u32, tick: i64) -> bool {
        tick - template.seen <= i64::from(ticks) && self.servers.contains_key(&template.server)
    }

    /// Whether a SYN finds a place in this bucket.
    fn has_room(&self, bucket: u32, packet: &Packet, service: &VirtualServer, tick: i64) -> bool {
        // Any server would do: the place does not depend on it.
        let Some(server) = self.servers.keys().next() else {
            return true;
        };
        let new = Flow {
            client: packet.source,
            service: service.id,
            server: *server,
            state: State::first(packet.protocol),
            seen: tick,
        };
        let place = self.table.place(bucket, &new, tick);
        place.is_some_and(|(claim, _)| claim.is_good())
    }

    /// For a new flow: the server of the client's template, else the one whose turn it is.
    fn next(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<Incarnation, Refusal> {
        let key = (service.pool, service.network_of(packet.source.address));
        if let Some((server, is_pending)) = self.template(packet, service, tick) {
            let now = Template { server, seen: tick };
            if is_pending {
                self.pending.insert(key, now.clone());
            }
            if !is_pending {
                self.templates.insert(key, now);
            } else if packet.protocol == UDP {
                // The program leaves a template that has died to the packets that come.
                self.templates.entry(key).or_insert(now);
            }
            return Ok(server);
        }
        let server = self.by_scheduler(packet, service)?;
        if service.persistence.is_some() {
            self.pending.insert(key, Template { server, seen: tick });
        }
        Ok(server)
    }

    /// What the scheduler says.
    fn by_scheduler(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
    ) -> Result<Incarnation, Refusal> {
        let dests = self.dests(service);
        if dests.iter().all(|dest| dest.weight == 0) {
            return Err(Refusal::Because(Reason::NoServer));
        }
        let chosen = match service.scheduler {
            Scheduler::Rr | Scheduler::Wrr => return self.in_turn(service, &dests),
            Scheduler::Lblc | Scheduler::Lblcr => {
                self.by_locality(service, &dests, packet.destination)
            }
            Scheduler::Sh | Scheduler::Dh | Scheduler::Mh => {
                Self::by_client(packet, service, &dests)
            }
            other => compare(other, &dests).map(|at| service.members[at]),
        };
        chosen.ok_or(Refusal::Because(Reason::Full))
    }

    /// The next turn of somebody who is not full; after 32 of them the first who is not.
    fn in_turn(&mut self, service: &VirtualServer, dests: &[Dest]) -> Result<Incarnation, Refusal> {
        let is_full = |server: &Incarnation| {
            let place = service.members.iter().position(|it| it == server);
            service.counted && place.is_some_and(|place| dests[place].overloaded)
        };
        let turns = service.turns.len();
        let last = self.cursors.entry(service.pool).or_default();
        let mut cursor = *last;
        for _ in 0..32 {
            cursor = if cursor < turns { cursor + 1 } else { 1 };
            let server = service.turns[cursor - 1];
            if !is_full(&server) {
                *last = cursor;
                return Ok(server);
            }
        }
        *last = cursor;
        let mut members = service.members.iter().zip(dests);
        let free = members.find(|(_, dest)| dest.weight > 0 && !dest.overloaded);
        free.map(|(server, _)| *server)
            .ok_or(Refusal::Because(Reason::Full))
    }

    /// By the hash of the client, or of what it asks for.
    fn by_client(packet: &Packet, service: &VirtualServer, dests: &[Dest]) -> Option<Incarnation> {
        let (client, destination) = (packet.source, packet.destination);
        let place = hashed(service.scheduler, service.flags, dests, client, destination);
        place.map(|at| service.members[at])
    }

    /// Whether packets without a flow go where another director would send them.
    fn is_consistent(&self, packet: &Packet, service: &VirtualServer, tick: i64) -> bool {
        let by_hash = matches!(
            service.scheduler,
            Scheduler::Sh | Scheduler::Dh | Scheduler::Mh
        );
        by_hash || self.template(packet, service, tick).is_some()
    }

    /// For a packet that leaves no trace: the server of the client's template, else the one that
    /// the client's hash stands for, in proportion to the turns.
    fn untracked(
        &self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<Incarnation, Refusal> {
        if let Some((server, _)) = self.template(packet, service, tick) {
            return Ok(server);
        }
        if matches!(
            service.scheduler,
            Scheduler::Sh | Scheduler::Dh | Scheduler::Mh
        ) {
            // As if nobody were full, and without a fallback.
            let mut dests = self.dests(service);
            for dest in &mut dests {
                dest.overloaded = false;
            }
            let service = VirtualServer {
                flags: SchedulerFlags {
                    flag_1: false,
                    ..service.flags
                },
                ..service.clone()
            };
            let server = Self::by_client(packet, &service, &dests);
            return server.ok_or(Refusal::Because(Reason::NoServer));
        }
        let high = u128::from(self.table.hash(packet.source) >> 32);
        let turn = (high * service.turns.len() as u128) >> 32;
        service
            .turns
            .get(turn as usize)
            .copied()
            .ok_or(Refusal::Because(Reason::NoServer))
    }

    /// The server that a persistent service has given this client before, and whether the client has
    /// not been seen again since.
    fn template(
        &self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Option<(Incarnation, bool)> {
        let persistence = service.persistence?;
        let key = (service.pool, service.network_of(packet.source.address));
        [(&self.templates, false), (&self.pending, true)]
            .into_iter()
            .filter_map(|(all, is_pending)| Some((all.get(&key)?, is_pending)))
            .find(|(template, _)| self.is_alive(template, persistence.ticks, tick))
            .map(|(template, is_pending)| (template.server, is_pending))
    }
}
