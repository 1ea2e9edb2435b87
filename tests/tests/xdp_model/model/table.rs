//! The flow table as a promise: who is found, who makes room for whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lb_common::hash::mix;
use lb_common::limits::FLOW_BUCKETS;

use super::Incarnation;
use crate::frame::Endpoint;

/// Entries of one bucket.
const WAYS: usize = 4;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;

/// Where a flow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    SynRecv = 1,
    Established = 2,
    FinWait = 3,
    Close = 4,
    Udp = 5,
}

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
    pub(crate) timeouts: [u32; 6],
    pub(crate) buckets: BTreeMap<u32, [Option<Flow>; WAYS]>,
}

impl State {
    /// The state of a new flow.
    pub(crate) const fn first(tcp: bool) -> Self {
        // A TCP flow begins with a SYN.
        if tcp { Self::SynRecv } else { Self::Udp }
    }

    /// After a packet of the client.
    pub(crate) const fn client_sends(self, flags: u8) -> Self {
        match self {
            Self::Udp => Self::Udp,
            _ if flags & RST != 0 => Self::Close,
            Self::Established if flags & SYN != 0 => Self::Established,
            _ if flags & SYN != 0 => Self::SynRecv,
            Self::Close | Self::FinWait => self,
            _ if flags & FIN != 0 => Self::FinWait,
            Self::SynRecv | Self::Established => Self::Established,
        }
    }

    /// After a packet of the server.
    pub(crate) const fn server_sends(self, flags: u8) -> Self {
        match self {
            Self::Udp => Self::Udp,
            _ if flags & RST != 0 => Self::Close,
            Self::Established if flags & FIN != 0 => Self::FinWait,
            Self::SynRecv | Self::Established | Self::FinWait | Self::Close => self,
        }
    }

    const fn is_over(self) -> bool {
        matches!(self, Self::FinWait | Self::Close)
    }
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

    pub(crate) fn bucket_of(&self, client: Endpoint) -> u32 {
        (self.hash(client) % u64::from(FLOW_BUCKETS)) as u32
    }

    /// The flow of a client to a service, dead or alive.
    pub(crate) fn find(&mut self, client: Endpoint, service: u16) -> Option<&mut Flow> {
        let bucket = self.bucket(client);
        bucket
            .iter_mut()
            .flatten()
            .find(|flow| flow.client == client && flow.service == service)
    }

    /// The flows of a client, whatever the service.
    pub(crate) fn of_client(&self, client: Endpoint) -> impl Iterator<Item = &Flow> {
        let bucket = self.buckets.get(&self.bucket_of(client));
        bucket
            .into_iter()
            .flatten()
            .flatten()
            .filter(move |flow| flow.client == client)
    }

    /// Whether a flow has outlived its time-out.
    pub(crate) fn is_expired(&self, flow: &Flow, tick: i64) -> bool {
        tick - flow.seen > i64::from(self.timeouts[flow.state as usize])
    }

    /// Makes room for a flow; `false` if everyone who is there has a better right to stay.
    pub(crate) fn insert(&mut self, new: Flow, tick: i64) -> bool {
        let bucket = self.bucket(new.client).clone();
        let claims = bucket
            .iter()
            .map(|old| self.claim(old.as_ref(), &new, tick));
        let best = claims
            .zip(0..)
            .filter_map(|(claim, place)| Some((claim?, place)))
            .min();
        let Some((_, place)) = best else { return false };
        let bucket: &mut [_; WAYS] = self.bucket(new.client);
        bucket[place] = Some(new);
        true
    }

    /// Everything becomes older.
    pub(crate) fn age(&mut self, ticks: u32) {
        for flow in self.buckets.values_mut().flatten().flatten() {
            flow.seen -= i64::from(ticks);
        }
    }

    fn bucket(&mut self, client: Endpoint) -> &mut [Option<Flow>; WAYS] {
        let bucket = self.bucket_of(client);
        self.buckets.entry(bucket).or_default()
    }

    /// How good a claim `new` has to the place of `old`; `None`: none at all.
    fn claim(&self, old: Option<&Flow>, new: &Flow, tick: i64) -> Option<Claim> {
        let Some(old) = old else {
            return Some(Claim::Nobodys);
        };
        if self.is_expired(old, tick) {
            return Some(Claim::Nobodys);
        }
        match old.state {
            State::FinWait | State::Close => Some(Claim::Over { last: old.seen }),
            State::SynRecv => Some(Claim::HalfOpen { last: old.seen }),
            State::Udp if new.state == State::Udp => Some(Claim::Datagrams { last: old.seen }),
            State::Udp | State::Established => None,
        }
    }
}

/// Why a place may be taken, the best reason first; of one kind the longest silent goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Nobodys,
    Over { last: i64 },
    HalfOpen { last: i64 },
    Datagrams { last: i64 },
}

/// An address as the number that its four bytes are on this machine.
fn bits(address: Ipv4Addr) -> u64 {
    u64::from(u32::from_ne_bytes(address.octets()))
}
