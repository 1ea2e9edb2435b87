//! One netlink socket: a request out, its answer in, errors that say what was asked.
//!
//! [`Connection::open`] speaks rtnetlink; [`Connection::with_protocol`] any other protocol
//! (generic netlink for IPVS): nothing here knows what the messages mean. Notifications come over
//! a socket of their own, [`super::monitor::Monitor`].
//!
//! RFC 3549 section 2; Documentation/userspace-api/netlink/intro.rst.

mod error;
pub mod frame;
mod socket;

use std::fmt::Display;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

pub use self::error::NetlinkError;
use self::frame::{Content, frames};
pub(super) use self::socket::receive;

/// The kernel answers while the request is being sent; this is for a kernel that does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a list is asked for again because it changed while the kernel was writing it.
const DUMP_ATTEMPTS: u32 = 16;

/// A socket for requests, one at a time.
///
/// It belongs to the network namespace its thread was in when it was opened.
pub struct Connection {
    socket: Socket,
    sequence: u32,
    datagram: Vec<u8>,
}

impl Connection {
    /// A connection for rtnetlink.
    pub fn open() -> Result<Self, NetlinkError> {
        Self::with_protocol(NETLINK_ROUTE)
    }

    /// A connection for a protocol of `netlink_sys::protocols`.
    pub fn with_protocol(protocol: isize) -> Result<Self, NetlinkError> {
        let socket = socket::open(protocol, ANSWER_WITHIN)?;
        Ok(Self {
            socket,
            sequence: 0,
            datagram: Vec::with_capacity(socket::DATAGRAM),
        })
    }

    /// Sends a request that is answered by an acknowledgement alone.
    ///
    /// `flags` are added to `NLM_F_REQUEST | NLM_F_ACK`; `what` completes "cannot …".
    pub fn execute(
        &mut self,
        message: impl NetlinkSerializable,
        flags: u16,
        what: &dyn Display,
    ) -> Result<(), NetlinkError> {
        self.exchange(message, flags | NLM_F_ACK, what, |_, _| ())?;
        Ok(())
    }

    /// Sends a request for one object, and gives what `decode` makes of the first answer it can
    /// use: its arguments are the type and the bytes after the netlink header.
    pub fn query<T>(
        &mut self,
        message: impl NetlinkSerializable,
        what: &dyn Display,
        mut decode: impl FnMut(u16, &[u8]) -> Option<T>,
    ) -> Result<T, NetlinkError> {
        let mut found = None;
        self.exchange(message, NLM_F_ACK, what, |kind, payload| {
            if found.is_none() {
                found = decode(kind, payload);
            }
        })?;
        found.ok_or_else(|| NetlinkError::malformed(what, "the answer holds no such object"))
    }

    /// Sends a request for a list, and gives what `decode` makes of each entry; `None` leaves the
    /// entry out. A list that changed while it was written is asked for again.
    pub fn dump<T>(
        &mut self,
        message: &(impl NetlinkSerializable + Clone),
        what: &dyn Display,
        mut decode: impl FnMut(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut list = Vec::new();
            let end = self.exchange(message.clone(), NLM_F_DUMP, what, |kind, payload| {
                list.extend(decode(kind, payload));
            })?;
            match end {
                End::Complete => return Ok(list),
                End::Interrupted => {}
            }
        }
        Err(NetlinkError::DumpInterrupted {
            what: what.to_string(),
            attempts: DUMP_ATTEMPTS,
        })
    }

    /// Sends `message` and feeds the answers to `each` until the kernel says that was all.
    fn exchange(
        &mut self,
        message: impl NetlinkSerializable,
        flags: u16,
        what: &dyn Display,
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<End, NetlinkError> {
        let sequence = self.send(message, flags, what)?;
        let mut end = End::Complete;
        loop {
            receive(&self.socket, &mut self.datagram)
                .map_err(|source| NetlinkError::receive(what, source))?;
            for frame in frames(&self.datagram) {
                let frame = frame.map_err(|reason| NetlinkError::malformed(what, reason))?;
                // The late answer to a request that was given up.
                if frame.sequence != sequence {
                    continue;
                }
                if frame.dump_interrupted() {
                    end = End::Interrupted;
                }
                match frame.content() {
                    Content::Noop => {}
                    Content::Object => each(frame.kind, frame.payload),
                    Content::End => return Ok(end),
                    Content::Refusal { errno, explanation } => {
                        return Err(NetlinkError::refused(what, errno, explanation));
                    }
                    Content::Malformed(reason) => {
                        return Err(NetlinkError::malformed(what, reason));
                    }
                }
            }
        }
    }

    /// Sends one request and returns its sequence number.
    fn send(
        &mut self,
        message: impl NetlinkSerializable,
        flags: u16,
        what: &dyn Display,
    ) -> Result<u32, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        self.datagram.clear();
        self.datagram.resize(message.buffer_len(), 0);
        message.serialize(&mut self.datagram);
        self.socket
            .send(&self.datagram, 0)
            .map_err(|source| NetlinkError::Send {
                what: what.to_string(),
                source,
            })?;
        Ok(self.sequence)
    }
}

/// How a list ended.
enum End {
    /// Whole.
    Complete,
    /// `NLM_F_DUMP_INTR`: something changed half way, entries may be missing or double.
    Interrupted,
}
