//! Where a flow stands, and what a packet makes of it: IPVS's table, as IPVS writes it.

use super::sctp;
use crate::frame::{SCTP, TCP};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Where a flow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    SynRecv = 1,
    Established = 2,
    FinWait = 3,
    Close = 4,
    Udp = 5,
    SynSent = 6,
    TimeWait = 7,
    CloseWait = 8,
    LastAck = 9,
    /// Established by an ACK, and silent since.
    Acked = 10,
    /// UDP, and nothing but one datagram.
    Datagram = 11,
    CookieEchoed = 17,
    SctpEstablished = 18,
    ShutdownReceived = 19,
    Closed = 20,
    Cookie = 22,
    Rejected = 23,
    ShutdownSent = 24,
    ShutdownAckSent = 25,
    /// As [`Self::Acked`].
    SctpAcked = 26,
    CookieWait = 27,
    SctpInit1 = 28,
    SctpInit = 29,
    CookieSent = 30,
    CookieReplied = 31,
}

use State::{
    Acked, Close, CloseWait, Closed, Cookie, CookieEchoed, CookieReplied, CookieSent, CookieWait,
    Datagram, Established, FinWait, LastAck, SctpEstablished, SctpInit, SctpInit1,
    ShutdownReceived, ShutdownSent, SynRecv, SynSent, TimeWait, Udp,
};

/// Who has sent a packet, and who is seen at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    InputOnly,
    Output,
}

impl State {
    /// The state of a new flow.
    pub(crate) const fn first(protocol: u8) -> Self {
        match protocol {
            // It begins with a SYN, …
            TCP => SynRecv,
            // … or with an INIT.
            SCTP => SctpInit1,
            _ => Datagram,
        }
    }

    /// After a packet of the client, whose server's packets are seen (NAT) or not.
    pub(crate) const fn client_sends(self, flags: u8, sees_server: bool) -> Self {
        if sees_server {
            self.after(Direction::Input, flags)
        } else {
            self.after(Direction::InputOnly, flags)
        }
    }

    /// After a packet of the server.
    pub(crate) const fn server_sends(self, flags: u8) -> Self {
        self.after(Direction::Output, flags)
    }

    const fn after(self, direction: Direction, flags: u8) -> Self {
        if self as u8 >= 16 {
            sctp::after(self, direction, flags)
        } else if matches!((self, direction), (Datagram, Direction::Output)) {
            // A server answers forged senders, too.
            Datagram
        } else if matches!(self, Udp | Datagram) {
            Udp
        } else if flags & RST != 0 {
            self.after_rst(direction)
        } else if flags & SYN != 0 {
            self.after_syn(direction)
        } else if flags & FIN != 0 {
            self.after_fin(direction)
        } else if flags & ACK != 0 {
            self.after_ack(direction)
        } else {
            Close
        }
    }

    const fn after_rst(self, direction: Direction) -> Self {
        match (self, direction) {
            (SynRecv, Direction::Input | Direction::InputOnly) => SynRecv,
            (LastAck, Direction::Input | Direction::InputOnly) => LastAck,
            (SynSent | TimeWait, Direction::Output) => self,
            _ => Close,
        }
    }

    const fn after_syn(self, direction: Direction) -> Self {
        match (self, direction) {
            (Established | Acked, _) => self,
            (SynSent, Direction::Input | Direction::InputOnly) => Established,
            (_, Direction::Input | Direction::InputOnly) | (SynRecv, Direction::Output) => SynRecv,
            (_, Direction::Output) => SynSent,
        }
    }

    const fn after_fin(self, direction: Direction) -> Self {
        match (self, direction) {
            (Established | Acked, Direction::Input) => CloseWait,
            (Established | Acked, Direction::InputOnly | Direction::Output) => FinWait,
            (SynRecv, _) | (FinWait, Direction::Input) | (CloseWait, Direction::Output) => TimeWait,
            _ => self,
        }
    }

    const fn after_ack(self, direction: Direction) -> Self {
        match (self, direction) {
            (SynRecv, Direction::Input | Direction::InputOnly) => Acked,
            (SynRecv, Direction::Output) | (Acked, _) => Established,
            (LastAck, Direction::Input | Direction::InputOnly) => Close,
            _ => self,
        }
    }

    /// Whether it is half-open.
    pub(crate) const fn is_handshake(self) -> bool {
        matches!(
            self,
            SynRecv
                | SynSent
                | SctpInit1
                | SctpInit
                | CookieSent
                | CookieReplied
                | Cookie
                | CookieEchoed
        )
    }

    /// Whether nothing but a beginning was seen.
    pub(crate) const fn is_begun(self) -> bool {
        self.is_handshake() || matches!(self, Datagram | CookieWait)
    }

    /// Whether it tells that the client is there.
    pub(crate) const fn is_seen_again(self) -> bool {
        matches!(
            self,
            Established
                | Udp
                | FinWait
                | CloseWait
                | SctpEstablished
                | ShutdownSent
                | ShutdownReceived
        )
    }

    /// Whether a SYN, or an INIT, is the beginning of another connection.
    pub(crate) const fn is_over(self) -> bool {
        matches!(
            self,
            FinWait | Close | TimeWait | CloseWait | LastAck | Closed
        )
    }
}
