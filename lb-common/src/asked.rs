//! What the first program of IPv6 has found out about a packet whose flow it does not know, for the one
//! that it hands the packet over to: the value of `ASKED6`.
//!
//! A program that is called last keeps nothing of the one before but the packet. Nothing comes between the
//! two on their CPU, so one record for each is enough: programs of a card's queue run with bottom halves off.
//! With `PREEMPT_RT` another packet may come in between all the same, so the second program looks whether the
//! addresses are those of its packet, and else lets the first one ask again. Of two packets of one client it
//! does not know which was asked about: such a kernel is none that we are made for.

use bytemuck::{Pod, Zeroable};

use crate::address6::Address6;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(8))]
pub struct Asked6 {
    /// [`crate::flow::key6`] of the flow.
    pub key: u64,
    /// Client address.
    pub client: Address6,
    /// [`crate::service::ServiceEntry::word`] of the service.
    pub service: u64,
    /// [`crate::address6::folded`] of the address that is asked for.
    pub destination: u32,
    /// Tick of the packet.
    pub tick: u32,
    /// [`crate::service::TCP`], [`crate::service::UDP`] or [`crate::service::SCTP`].
    pub protocol: u8,
    /// TCP flags; of a datagram ACK, of SCTP the type of a chunk.
    pub flags: u8,
    /// For the program that translates: the id of the service.
    pub of: u16,
    /// For the program that translates: which server, and what else the admission says of the packet.
    pub admission: u32,
}
