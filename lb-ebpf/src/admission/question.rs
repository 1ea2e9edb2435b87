//! What is asked about a packet: whose flow it is, and what it may begin.

use lb_common::control::Control;
use lb_common::flow::{self, FlowEntry, sctp, state, tcp};
use lb_common::service::{ServiceEntry, TCP};

use crate::family::{Family, Key};
use crate::flows::Fresh;

/// What is asked.
pub(crate) struct Question<F: Family> {
    pub(crate) service: ServiceEntry,
    /// The first bucket of the flow.
    pub(crate) near: *mut F::Bucket,
    /// Key of the flow.
    pub(crate) key: Key<F>,
    /// Address that it asks for, network byte order; of IPv6 its fold.
    pub(crate) destination: u32,
    pub(crate) tick: u32,
    pub(crate) protocol: u8,
    /// TCP flags; of a datagram ACK, of SCTP the type of the chunk that counts.
    pub(crate) flags: u8,
}

/// Whether a packet may be the first of a connection.
#[inline(always)]
pub(crate) const fn opens<F: Family>(protocol: u8, flags: u8) -> bool {
    if F::SCTP {
        return flags == sctp::chunk::INIT;
    }
    protocol != TCP || flags & (tcp::SYN | tcp::RST) == tcp::SYN
}

impl<F: Family> Question<F> {
    /// State of a flow that begins with this packet.
    #[inline(always)]
    pub(crate) const fn first_state(&self) -> u8 {
        if F::SCTP {
            sctp::INIT1
        } else if self.protocol == TCP {
            state::SYN_RECV
        } else {
            state::DATAGRAM
        }
    }

    /// Address of the client as schedulers hash it, network byte order.
    #[inline(always)]
    pub(crate) fn client(&self) -> u32 {
        F::folded(&self.key)
    }

    /// Hash of its client. Computed anew: what is remembered takes room on the stack.
    #[inline(always)]
    pub(crate) fn hash(&self, control: &Control) -> u64 {
        F::hash(&self.key, control.secret)
    }

    /// Port of the client, network byte order.
    #[inline(always)]
    pub(crate) const fn port(&self) -> u16 {
        self.key.port()
    }

    /// The flow that begins with this packet.
    #[inline(always)]
    pub(super) const fn entry(&self, target: u32) -> Fresh<F> {
        Fresh {
            entry: FlowEntry {
                key: self.key.word,
                target,
                life: flow::life(self.first_state(), self.tick),
            },
            rest: self.key.rest,
        }
    }

    /// Whether it is a SYN that opens a connection, or an INIT.
    #[inline(always)]
    pub(super) const fn is_syn(&self) -> bool {
        (F::SCTP || self.protocol == TCP) && opens::<F>(self.protocol, self.flags)
    }

    /// Whether there are no connections, but datagrams.
    #[inline(always)]
    pub(crate) const fn is_datagram(&self) -> bool {
        !F::SCTP && self.protocol != TCP
    }
}
