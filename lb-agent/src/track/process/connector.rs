//! The kernel's process events: netlink's connector protocol (Documentation/driver-api/connector.rst,
//! `include/uapi/linux/cn_proc.h`, `connector.h`).
//!
//! ```text
//!  netlink header (16) | struct cn_msg: idx, val, seq, ack (4 each), length, flags (2 each)
//!                      | struct proc_event: what, cpu (4 each), time (8), data of the event
//! ```
//!
//! All in the byte order of the machine. Codecs only; [`super::driver`] has the socket.

/// `NETLINK_CONNECTOR`.
pub const PROTOCOL: isize = 11;
/// `CN_IDX_PROC`, which is also the group that hears the events.
pub const GROUP: u32 = 1;

const CN_VAL_PROC: u32 = 1;
const PROC_CN_MCAST_LISTEN: u32 = 1;
const NLMSG_DONE: u16 = 3;

const PROC_EVENT_NONE: u32 = 0;
const PROC_EVENT_FORK: u32 = 0x1;
const PROC_EVENT_EXEC: u32 = 0x2;
const PROC_EVENT_COMM: u32 = 0x200;
const PROC_EVENT_EXIT: u32 = 0x8000_0000;

/// What the kernel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// We are heard: events come from now on. Otherwise the error number.
    Listening(u32),
    /// A process has made another (not: a thread).
    Fork {
        /// The parent.
        parent: u32,
        /// The child.
        child: u32,
    },
    /// A process runs another program or has changed its name.
    Changed(u32),
    /// A process has ended (not: one of its threads).
    Exit(u32),
    /// Something about threads, users or sessions.
    Other,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts up by one for each message of one processor.
    pub sequence: u32,
    /// The processor.
    pub cpu: u32,
    /// What happened.
    pub event: Event,
}

/// Reads what follows a netlink header; `None`: too short, or of another connector.
pub fn parse(payload: &[u8]) -> Option<Message> {
    let (header, rest) = payload.split_first_chunk::<20>()?;
    let ([idx, val, sequence, ack, _flags], []) = words(header) else {
        return None;
    };
    if (idx, val) != (GROUP, CN_VAL_PROC) {
        return None;
    }
    let (event, data) = rest.split_first_chunk::<16>()?;
    let ([what, cpu, _, _], []) = words(event) else {
        return None;
    };
    let word = |place: usize| {
        let bytes = data.get(place * 4..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    let event = match what {
        PROC_EVENT_NONE if ack != 0 => Event::Listening(word(0)?),
        PROC_EVENT_FORK => {
            let (parent, child, child_process) = (word(1)?, word(2)?, word(3)?);
            if child == child_process {
                Event::Fork { parent, child }
            } else {
                Event::Other
            }
        }
        PROC_EVENT_EXEC => Event::Changed(word(1)?),
        PROC_EVENT_COMM if word(0)? == word(1)? => Event::Changed(word(1)?),
        PROC_EVENT_EXIT if word(0)? == word(1)? => Event::Exit(word(1)?),
        _ => Event::Other,
    };
    Some(Message {
        sequence,
        cpu,
        event,
    })
}

/// The words of a header whose length is a multiple of four.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> ([u32; WORDS], &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<4>();
    let mut words = [0; WORDS];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u32::from_ne_bytes(*chunk);
    }
    (words, rest)
}

/// The message that asks for the events.
pub fn listen(pid: u32) -> Vec<u8> {
    const LENGTH: u16 = 40;
    let mut message = Vec::with_capacity(LENGTH.into());
    message.extend_from_slice(&u32::from(LENGTH).to_ne_bytes());
    message.extend_from_slice(&NLMSG_DONE.to_ne_bytes());
    message.extend_from_slice(&[0; 6]);
    message.extend_from_slice(&pid.to_ne_bytes());
    for word in [GROUP, CN_VAL_PROC, 0, 0] {
        message.extend_from_slice(&word.to_ne_bytes());
    }
    message.extend_from_slice(&4_u16.to_ne_bytes());
    message.extend_from_slice(&0_u16.to_ne_bytes());
    message.extend_from_slice(&PROC_CN_MCAST_LISTEN.to_ne_bytes());
    message
}

#[cfg(test)]
mod tests;
