//! One netlink socket: a request out, its answer in, errors that say what was asked.
//!
//! [`Connection::open`] speaks rtnetlink; [`Connection::with_protocol`] any other protocol
//! (generic netlink for IPVS): nothing here knows what the messages mean. Notifications come over
//! a socket of their own, [`super::monitor::Monitor`].
//!
//! RFC 3549 section 2; Documentation/userspace-api/netlink/intro.rst.

mod error;
pub mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod socket;

use std::fmt::Display;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;

pub use self::error::NetlinkError;
use self::frame::{Content, frames};
pub(super) use self::socket::receive;

/// The kernel answers while the request is being sent; this is for a kernel that does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a list is asked for again because it changed while the kernel was writing it.
const DUMP_ATTEMPTS: u32 = 16;

/// How many requests go out together. Each may be refused, and all refusals have to fit the
/// receive buffer: 208 KiB by default, of which a refusal takes about one.
pub(super) const TOGETHER: usize = 128;

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

    /// Sends requests that are answered by an acknowledgement alone, many with one system call:
    /// `describe` completes "cannot …" for the one with this number. Gives those that the kernel
    /// refused, with their numbers; the others are done. The kernel works through them in order and
    /// does not stop at a refusal.
    ///
    /// An error means that it is not known which are done.
    pub fn execute_all<M: NetlinkSerializable>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
        describe: &dyn Fn(usize) -> String,
    ) -> Result<Vec<(usize, NetlinkError)>, NetlinkError> {
        let mut refused = Vec::new();
        let mut messages = messages.into_iter().peekable();
        let mut done = 0;
        let mut requests = Vec::new();
        while messages.peek().is_some() {
            requests.clear();
            let first = self.sequence.wrapping_add(1);
            let mut number = 0;
            while let Some(message) = messages.next_if(|_| number < TOGETHER) {
                number += 1;
                // Refusals are always reported; one acknowledgement tells that all have been read.
                let last = number == TOGETHER || messages.peek().is_none();
                let flags = if last { NLM_F_ACK } else { 0 };
                self.append(message, flags, &mut requests);
            }
            self.socket
                .send(&requests, 0)
                .map_err(|source| NetlinkError::Send {
                    what: describe(done),
                    source,
                })?;
            self.acknowledgements(first, done, describe, &mut refused)?;
            done += number;
        }
        Ok(refused)
    }

    /// Reads refusals up to the answer to the last request sent; `first` is the sequence number of
    /// the first one, and `done` its number among all.
    fn acknowledgements(
        &mut self,
        first: u32,
        done: usize,
        describe: &dyn Fn(usize) -> String,
        refused: &mut Vec<(usize, NetlinkError)>,
    ) -> Result<(), NetlinkError> {
        loop {
            self.receive(&|| describe(done))?;
            for frame in frames(&self.datagram) {
                let frame =
                    frame.map_err(|reason| NetlinkError::malformed(&describe(done), reason))?;
                let place = frame.sequence.wrapping_sub(first);
                // The late answer to a request that was given up.
                if place > self.sequence.wrapping_sub(first) {
                    continue;
                }
                let number = done + place as usize;
                match frame.content() {
                    Content::Noop | Content::Object | Content::End => {}
                    Content::Refusal { errno, explanation } => {
                        let what = describe(number);
                        refused.push((number, NetlinkError::refused(&what, errno, explanation)));
                    }
                    Content::Malformed(reason) => {
                        return Err(NetlinkError::malformed(&describe(number), reason));
                    }
                }
                if frame.sequence == self.sequence {
                    return Ok(());
                }
            }
        }
    }

    /// Sends several requests that take effect together or not at all, between the two that frame
    /// them; each with flags of its own.
    pub fn batch<M: NetlinkSerializable>(
        &mut self,
        begin: M,
        messages: Vec<(M, u16)>,
        end: M,
        what: &dyn Display,
    ) -> Result<(), NetlinkError> {
        let mut datagram = Vec::new();
        self.append(begin, 0, &mut datagram);
        let first = self.sequence;
        for (message, flags) in messages {
            self.append(message, flags | NLM_F_ACK, &mut datagram);
        }
        let last = self.sequence;
        self.append(end, 0, &mut datagram);
        let sent = self.socket.send(&datagram, 0);
        sent.map_err(|source| NetlinkError::Send {
            what: what.to_string(),
            source,
        })?;
        loop {
            self.receive(&|| what.to_string())?;
            for frame in frames(&self.datagram) {
                let frame = frame.map_err(|reason| NetlinkError::malformed(what, reason))?;
                if frame.sequence.wrapping_sub(first) > last.wrapping_sub(first) {
                    continue;
                }
                match frame.content() {
                    Content::End if frame.sequence == last => return Ok(()),
                    Content::Noop | Content::Object | Content::End => {}
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
            self.receive(&|| what.to_string())?;
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

    /// Reads one datagram. After an overrun the socket is empty, and of use again.
    fn receive(&mut self, what: &dyn Fn() -> String) -> Result<(), NetlinkError> {
        receive(&self.socket, &mut self.datagram).map_err(|source| {
            if source.raw_os_error() == Some(Errno::ENOBUFS as i32) {
                socket::drain(&self.socket, &mut self.datagram);
            }
            NetlinkError::receive(&what(), source)
        })
    }

    /// Sends one request and returns its sequence number.
    fn send(
        &mut self,
        message: impl NetlinkSerializable,
        flags: u16,
        what: &dyn Display,
    ) -> Result<u32, NetlinkError> {
        let mut request = std::mem::take(&mut self.datagram);
        request.clear();
        self.append(message, flags, &mut request);
        self.datagram = request;
        self.socket
            .send(&self.datagram, 0)
            .map_err(|source| NetlinkError::Send {
                what: what.to_string(),
                source,
            })?;
        Ok(self.sequence)
    }

    /// Writes a request with the next sequence number behind those in `requests`.
    fn append(&mut self, message: impl NetlinkSerializable, flags: u16, requests: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = requests.len().next_multiple_of(4);
        requests.resize(start + message.buffer_len(), 0);
        if let Some(room) = requests.get_mut(start..) {
            message.serialize(room);
        }
    }
}

/// How a list ended.
enum End {
    /// Whole.
    Complete,
    /// `NLM_F_DUMP_INTR`: something changed half way, entries may be missing or double.
    Interrupted,
}
