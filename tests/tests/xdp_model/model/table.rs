//! The flow table as a promise: who is found, who makes room for whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lb_common::flow::state::COUNT;
use lb_common::hash::mix;
use lb_common::limits::FLOW_BUCKETS;

use super::Incarnation;
use super::state::State;
use crate::frame::Endpoint;

/// Entries of one bucket.
const WAYS: usize = 4;

/// A connection of a client to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) client: Endpoint,
    pub(crate) service: u16,
    pub(crate) server: Incarnation,
    pub(crate) state: State,
    /// Tick of the last packet.
    pub(crate) seen: i64,
}

/// Flows, four to a bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) secret: u64,
    /// Ticks that a flow lives without a packet, by state.
    pub(crate) timeouts: [u32; COUNT],
    pub(crate) buckets: BTreeMap<u32, [Option<Flow>; WAYS]>,
}

impl Flow {
    /// Whether a SYN on it is the beginning of another connection.
    pub(crate) const fn is_over(&self) -> bool {
        self.state.is_over()
    }
}

impl Table {
    /// The hash of a client's address and port.
    pub(crate) fn hash(&self, client: Endpoint) -> u64 {
        mix(
            bits(client.address) | u64::from(client.port.to_be()) << 32,
            self.secret,
        )
    }

    /// The buckets of a client: the first one, and the two halves of the second one.
    pub(crate) fn buckets_of(&self, client: Endpoint) -> [u32; 3] {
        let hash = self.hash(client);
        let second = (hash >> 32) as u32 % FLOW_BUCKETS;
        let other_half = if second.is_multiple_of(2) {
            second + 1
        } else {
            second - 1
        };
        [hash as u32 % FLOW_BUCKETS, second, other_half]
    }

    /// The flow of a client to a service in one bucket, dead or alive.
    pub(crate) fn find(
        &mut self,
        bucket: u32,
        client: Endpoint,
        service: u16,
    ) -> Option<&mut Flow> {
        self.buckets
            .get_mut(&bucket)?
            .iter_mut()
            .flatten()
            .find(|flow| flow.client == client && flow.service == service)
    }

    /// The flows of a client, whatever the service, with the buckets they stand in.
    pub(crate) fn of_client(&self, client: Endpoint) -> impl Iterator<Item = (u32, &Flow)> {
        self.buckets_of(client)
            .into_iter()
            .filter_map(|bucket| Some((bucket, self.buckets.get(&bucket)?)))
            .flat_map(|(bucket, ways)| ways.iter().flatten().map(move |flow| (bucket, flow)))
            .filter(move |(_, flow)| flow.client == client)
    }

    /// Whether a flow has outlived its time-out.
    pub(crate) fn is_expired(&self, flow: &Flow, tick: i64) -> bool {
        tick - flow.seen > i64::from(self.timeouts[flow.state as usize])
    }

    /// Makes room for a flow; `false` if everyone who is there has a better right to stay. Who has
    /// just come goes only if nothing better is to be had anywhere.
    pub(crate) fn insert(&mut self, new: Flow, tick: i64) -> bool {
        let places: Vec<(u32, Claim, usize)> = self
            .buckets_of(new.client)
            .into_iter()
            .filter_map(|bucket| {
                let (claim, way) = self.place(bucket, &new, tick)?;
                Some((bucket, claim, way))
            })
            .collect();
        let good = |(_, claim, _): &&(u32, Claim, usize)| claim.is_good();
        let Some((bucket, _, way)) = places.iter().find(good).or_else(|| places.first()) else {
            return false;
        };
        self.buckets.entry(*bucket).or_default()[*way] = Some(new);
        true
    }

    /// The place in a bucket that `new` has the best claim to, and the claim.
    pub(crate) fn place(&self, bucket: u32, new: &Flow, tick: i64) -> Option<(Claim, usize)> {
        let nobody = Default::default();
        let ways: &[_; WAYS] = self.buckets.get(&bucket).unwrap_or(&nobody);
        let claims = ways.iter().map(|old| self.claim(old.as_ref(), new, tick));
        claims
            .zip(0..)
            .filter_map(|(claim, way)| Some((claim?, way)))
            .min()
    }

    /// Everything becomes older, or younger.
    pub(crate) fn age(&mut self, ticks: i64) {
        for flow in self.buckets.values_mut().flatten().flatten() {
            flow.seen -= ticks;
        }
    }

    /// How good a claim `new` has to the place of `old`; `None`: none at all.
    fn claim(&self, old: Option<&Flow>, new: &Flow, tick: i64) -> Option<Claim> {
        let Some(old) = old else {
            return Some(Claim::Nobodys);
        };
        if (old.client, old.service) == (new.client, new.service) {
            return Some(Claim::Own);
        }
        if self.is_expired(old, tick) {
            return Some(Claim::Nobodys);
        }
        let last = old.seen;
        // A tick is half a second at the least of a handshake's way there and back.
        let just_now = tick - last <= 1;
        let silent = tick - last > i64::from(self.timeouts[State::LastAck as usize]);
        match old.state {
            State::Close
            | State::TimeWait
            | State::LastAck
            | State::Closed
            | State::Rejected
            | State::ShutdownAckSent => Some(Claim::Over { last }),
            State::FinWait | State::CloseWait | State::ShutdownReceived | State::ShutdownSent
                if silent =>
            {
                Some(Claim::HalfClosed { last })
            }
            State::FinWait | State::ShutdownReceived if !just_now => Some(Claim::JustCome { last }),
            _ if old.state.is_begun() && !just_now => Some(Claim::SeenOnce { last }),
            // A datagram waits until a handshake is over.
            _ if old.state.is_handshake() && new.state == State::Datagram => None,
            _ if old.state.is_begun() => Some(Claim::JustCome { last }),
            State::Acked | State::SctpAcked => silent.then_some(Claim::SeenOnce { last }),
            _ => None,
        }
    }
}

/// Why a place may be taken, the best reason first; of one kind the longest silent goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// It is the flow's own, from a life that is over.
    Own,
    Nobodys,
    Over {
        last: i64,
    },
    HalfClosed {
        last: i64,
    },
    SeenOnce {
        last: i64,
    },
    JustCome {
        last: i64,
    },
}

impl Claim {
    /// Whether nobody is pushed out who has just come.
    pub(crate) const fn is_good(self) -> bool {
        !matches!(self, Self::JustCome { .. })
    }
}

/// An address as the number that its four bytes are on this machine.
fn bits(address: Ipv4Addr) -> u64 {
    u64::from(u32::from_ne_bytes(address.octets()))
}
