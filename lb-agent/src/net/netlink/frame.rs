//! A datagram from the kernel, taken apart into netlink messages. Pure.
//!
//! ```text
//!  0               2               4               6               8
//!  +---------------+---------------+---------------+---------------+
//!  |   length, with this header    |     type      |     flags     |
//!  +---------------+---------------+---------------+---------------+
//!  |        sequence number        |          port number          |
//!  +---------------+---------------+---------------+---------------+
//!  NLMSG_ERROR: -errno (4), header of the request (16), [its payload],
//!               attributes when NLM_F_ACK_TLVS is set
//! ```

use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer,
};
use nix::errno::Errno;

use crate::net::attribute;

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// `NLMSGERR_ATTR_MSG` of enum `nlmsgerr_attrs`: the error in words.
const NLMSGERR_ATTR_MSG: u16 = 1;

/// One netlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message type.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// The number of the request that this answers; 0 in notifications.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// What a message means to who waits for an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// `NLMSG_NOOP`.
    Noop,
    /// A message of the protocol.
    Object,
    /// The acknowledgement, or the end of a list.
    End,
    /// The request failed.
    Refusal {
        /// Why.
        errno: Errno,
        /// Why, in the kernel's words.
        explanation: Option<String>,
    },
    /// A control message that says nothing.
    Malformed(&'static str),
}

/// The messages of one datagram. A length that contradicts the datagram is an error and the last
/// item.
pub fn frames(datagram: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, &'static str>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Ok(buffer) = NetlinkBuffer::new_checked(rest) else {
            rest = &[];
            return Some(Err("a message is longer than what arrived"));
        };
        let length = buffer.length() as usize;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Frame {
            kind: buffer.message_type(),
            flags: buffer.flags(),
            sequence: buffer.sequence_number(),
            payload: buffer.payload(),
        }))
    })
}

impl Frame<'_> {
    /// Whether the list was changed while the kernel wrote it.
    pub const fn dump_interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// What the message means to who waits for an answer.
    pub fn content(&self) -> Content {
        match self.kind {
            NLMSG_NOOP => Content::Noop,
            NLMSG_ERROR => self.result(true),
            // Kernels before 4.17 close some lists without a code.
            NLMSG_DONE if self.payload.is_empty() => Content::End,
            NLMSG_DONE => self.result(false),
            NLMSG_OVERRUN => Content::Malformed("the kernel lost data"),
            _ => Content::Object,
        }
    }

    /// Reads the code that `NLMSG_ERROR` and `NLMSG_DONE` begin with; `echoes` tells whether the
    /// request stands between it and the attributes (only in `NLMSG_ERROR`).
    fn result(&self, echoes: bool) -> Content {
        let Some((code, rest)) = self.payload.split_first_chunk() else {
            return Content::Malformed("an acknowledgement without a code");
        };
        match i32::from_ne_bytes(*code) {
            0 => Content::End,
            code if code < 0 => Content::Refusal {
                errno: Errno::from_raw(code.saturating_neg()),
                explanation: self.explanation(rest, echoes),
            },
            // A positive code is a length (dumps before 2.6), not an error.
            _ => Content::End,
        }
    }

    /// The text of the extended acknowledgement.
    fn explanation(&self, rest: &[u8], echoes: bool) -> Option<String> {
        if self.flags & NLM_F_ACK_TLVS == 0 {
            return None;
        }
        let echoed = if !echoes {
            0
        } else if self.flags & NLM_F_CAPPED != 0 {
            HEADER
        } else {
            attribute::u32(rest)? as usize
        };
        attribute::attributes(rest.get(echoed.next_multiple_of(4)..)?)
            .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
            .map(|(_, text)| attribute::string(text))
    }
}

#[cfg(test)]
mod tests;
