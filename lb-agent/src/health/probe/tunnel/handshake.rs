//! The two packets we send, and what the answers mean. Pure.

use std::net::SocketAddr;

use crate::wire::tcp::{Ends, Flags, Segment};

/// The client's side of one handshake (RFC 9293 section 3.5).
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    /// From us to the service.
    ends: Ends,
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
    /// `number` makes the sequence number another one than the last probe's. `None`: the two are of
    /// different families.
    pub(super) fn new(source: SocketAddr, service: SocketAddr, number: u16) -> Option<Self> {
        let initial = u32::from(number) << 16 | u32::from(source.port());
        let ends = Ends::new(source, service)?;
        Some(Self { ends, initial })
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

    /// What a packet says to our SYN; `None`: nothing.
    pub(super) fn read(&self, packet: &[u8]) -> Option<Answer> {
        let segment = Segment::parse(packet)?;
        let ours = segment.ends == self.ends.reversed()
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
            ends: self.ends,
            sequence,
            acknowledgment: 0,
            flags,
        }
        .packet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Us, the service, and another port of ours, of each family.
    fn ends() -> [[SocketAddr; 3]; 2] {
        let four = ["10.0.0.1:40000", "192.168.0.1:80", "10.0.0.1:40001"];
        let six = [
            "[2001:db8::1]:40000",
            "[2001:db8::100]:80",
            "[2001:db8::1]:40001",
        ];
        [four, six].map(|ends| ends.map(|end| end.parse().unwrap()))
    }

    fn answer(from: SocketAddr, to: SocketAddr, acknowledgment: u32, flags: Flags) -> Segment {
        Segment {
            ends: Ends::new(from, to).unwrap(),
            sequence: 77,
            acknowledgment,
            flags,
        }
    }

    #[test]
    fn only_what_acknowledges_our_syn_is_an_answer() {
        for [source, service, elsewhere] in ends() {
            let handshake = Handshake::new(source, service, u16::MAX).unwrap();
            let syn = Segment::parse(&handshake.syn()).unwrap();
            let next = syn.sequence.wrapping_add(1);
            let after = next.wrapping_add(1);
            assert_eq!(
                Segment::parse(&handshake.rst()).unwrap().sequence,
                next,
                "a RST within the window"
            );
            let flags = |syn, ack, rst| Flags { syn, ack, rst };
            let syn_ack = flags(true, true, false);
            #[rustfmt::skip]
            let table = [
                (answer(service, source, next, syn_ack), Some(Answer::Open)),
                (answer(service, source, next, flags(false, true, true)), Some(Answer::Refused)),
                (answer(service, source, next, flags(false, true, false)), None),
                (answer(service, source, next, flags(true, false, false)), None),
                (answer(service, source, after, syn_ack), None),
                (answer(service, elsewhere, next, syn_ack), None),
                (answer(elsewhere, source, next, syn_ack), None),
                (syn, None),
            ];
            for (segment, expected) in table {
                assert_eq!(handshake.read(&segment.packet()), expected, "{segment:?}");
            }
        }
    }

    #[test]
    fn nobody_shakes_hands_across_families() {
        let [four, six] = ends();
        assert!(Handshake::new(four[0], six[1], 1).is_none());
        assert!(Handshake::new(six[0], four[1], 1).is_none());
    }
}
