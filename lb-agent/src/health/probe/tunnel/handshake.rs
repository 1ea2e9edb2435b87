//! The two packets we send, and what the answers mean. Pure.

use std::net::SocketAddrV4;

use crate::wire::tcp::{Flags, Segment};

/// The client's side of one handshake (RFC 9293 section 3.5).
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    source: SocketAddrV4,
    service: SocketAddrV4,
    /// Our initial sequence number.
    initial: u32,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// SYN/ACK.
    Open,
    /// RST.
    Refused,
}

impl Handshake {
    /// `number` makes the sequence number another one than the last probe's.
    pub(super) fn new(source: SocketAddrV4, service: SocketAddrV4, number: u16) -> Self {
        let initial = u32::from(number) << 16 | u32::from(source.port());
        Self {
            source,
            service,
            initial,
        }
    }

    pub(super) fn service(&self) -> SocketAddrV4 {
        self.service
    }

    pub(super) fn syn(&self) -> Vec<u8> {
        self.packet(
            self.initial,
            Flags {
                syn: true,
                ..Flags::default()
            },
        )
    }

    pub(super) fn rst(&self) -> Vec<u8> {
        self.packet(
            self.initial.wrapping_add(1),
            Flags {
                rst: true,
                ..Flags::default()
            },
        )
    }

    /// What an IPv4 packet says to our SYN; `None`: nothing.
    pub(super) fn read(&self, packet: &[u8]) -> Option<Answer> {
        let segment = Segment::parse(packet)?;
        let ours = segment.source == self.service
            && segment.destination == self.source
            && segment.flags.ack
            && segment.acknowledgment == self.initial.wrapping_add(1);
        if !ours {
            return None;
        }
        match segment.flags {
            Flags { rst: true, .. } => Some(Answer::Refused),
            Flags { syn: true, .. } => Some(Answer::Open),
            Flags { .. } => None,
        }
    }

    fn packet(&self, sequence: u32, flags: Flags) -> Vec<u8> {
        Segment {
            source: self.source,
            destination: self.service,
            sequence,
            acknowledgment: 0,
            flags,
        }
        .packet()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOURCE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 40000);
    const SERVICE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 1), 80);

    fn answer(acknowledgment: u32, flags: Flags) -> Segment {
        Segment {
            source: SERVICE,
            destination: SOURCE,
            sequence: 77,
            acknowledgment,
            flags,
        }
    }

    #[test]
    fn only_what_acknowledges_our_syn_is_an_answer() {
        let handshake = Handshake::new(SOURCE, SERVICE, u16::MAX);
        let syn = Segment::parse(&handshake.syn()).unwrap();
        let next = syn.sequence.wrapping_add(1);
        assert_eq!(
            Segment::parse(&handshake.rst()).unwrap().sequence,
            next,
            "a RST within the window"
        );
        let flags = |syn, ack, rst| Flags { syn, ack, rst };
        let elsewhere = SocketAddrV4::new(*SOURCE.ip(), 40001);
        for (segment, expected) in [
            (answer(next, flags(true, true, false)), Some(Answer::Open)),
            (
                answer(next, flags(false, true, true)),
                Some(Answer::Refused),
            ),
            (answer(next, flags(false, true, false)), None),
            (answer(next, flags(true, false, false)), None),
            (answer(next.wrapping_add(1), flags(true, true, false)), None),
            (
                Segment {
                    destination: elsewhere,
                    ..answer(next, flags(true, true, false))
                },
                None,
            ),
            (
                Segment {
                    source: elsewhere,
                    ..answer(next, flags(true, true, false))
                },
                None,
            ),
            (syn, None),
        ] {
            assert_eq!(handshake.read(&segment.packet()), expected, "{segment:?}");
        }
    }
}
