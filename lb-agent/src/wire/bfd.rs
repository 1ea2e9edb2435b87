//! The BFD Control packet (RFC 5880 section 4.1), without authentication.

use thiserror::Error;

/// UDP port of single-hop sessions (RFC 5881 section 4).
pub const PORT: u16 = 3784;
/// UDP port of multihop sessions (RFC 5883 section 5).
pub const PORT_MULTIHOP: u16 = 4784;
/// Source ports begin here (RFC 5881 section 4).
pub const FIRST_SOURCE_PORT: u16 = 49152;
/// Length of the mandatory section.
pub const LEN: usize = 24;

/// Length of the mandatory section and the shortest authentication section.
const LEN_AUTHENTICATED: usize = 26;

const VERSION: u8 = 1;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const AUTHENTICATED: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// State of a session (RFC 5880 section 4.1, `Sta`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Held down by its operator.
    AdminDown,
    /// Down, or just begun.
    Down,
    /// The other side is heard, but does not hear us yet.
    Init,
    /// Both sides hear each other.
    Up,
}

impl State {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    /// The RFC's word, which is keepalived's.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        }
    }
}

/// Why a session went down last (RFC 5880 section 4.1, `Diag`). 9 to 31 are for the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnostic(pub u8);

impl Diagnostic {
    /// No Diagnostic.
    pub const NONE: Self = Self(0);
    /// Control Detection Time Expired.
    pub const EXPIRED: Self = Self(1);
    /// Neighbor Signaled Session Down.
    pub const NEIGHBOR_DOWN: Self = Self(3);
    /// Administratively Down.
    pub const ADMIN_DOWN: Self = Self(7);

    /// In keepalived's words.
    pub const fn words(self) -> &'static str {
        match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            _ => "Unknown",
        }
    }
}

/// Why bytes are no Control packet that may be looked at (RFC 5880 section 6.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Fewer bytes than the mandatory section has.
    #[error("Packet is too small: {0} bytes")]
    TooSmall(usize),
    /// Not version 1.
    #[error("Packet is of unsupported version: {0}")]
    Version(u8),
    /// A length that the packet cannot have.
    #[error("Packet size mismatch: length field: {field} bytes, buffer size: {received} bytes")]
    Length {
        /// What it says.
        field: u8,
        /// What there is.
        received: usize,
    },
    /// `Detect Mult` is 0.
    #[error("Packet 'detection multiplier' field is zero")]
    DetectMult,
    /// Multipoint is for the future.
    #[error("Packet has 'multipoint' flag")]
    Multipoint,
    /// `My Discriminator` is 0.
    #[error("Packet 'my discriminator' field is zero")]
    MyDiscriminator,
    /// No session is named, in a state that needs one.
    #[error("Packet 'your discriminator' field is zero and 'state' field is not Down or AdminDown")]
    YourDiscriminator,
    /// RFC 5880 section 4.1 forbids both.
    #[error("Packet has both poll and final flags set")]
    PollAndFinal,
}

/// A Control packet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
/// |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
/// +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
/// |                       My Discriminator                        |
/// +---------------------------------------------------------------+
/// |                      Your Discriminator                       |
/// +---------------------------------------------------------------+
/// |                    Desired Min TX Interval                    |
/// +---------------------------------------------------------------+
/// |                   Required Min RX Interval                    |
/// +---------------------------------------------------------------+
/// |                 Required Min Echo RX Interval                 |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the packet's flags, a bit each"
)]
pub struct Control {
    /// Why the sender's session went down last.
    pub diagnostic: Diagnostic,
    /// State of the sender's session.
    pub state: State,
    /// The sender wants its parameters confirmed.
    pub poll: bool,
    /// The sender confirms ours.
    pub is_final: bool,
    /// An authentication section follows.
    pub authenticated: bool,
    /// The sender asks to be sent nothing while all is well.
    pub demand: bool,
    /// Packets that may be lost before the session counts as down, at least 1.
    pub detect_mult: u8,
    /// The sender's number for the session, not 0.
    pub my_discriminator: u32,
    /// The receiver's number for the session, 0 if unknown.
    pub your_discriminator: u32,
    /// The shortest interval that the sender would send at, microseconds.
    pub desired_min_tx: u32,
    /// The shortest interval that the sender can receive at, microseconds; 0: send nothing.
    pub required_min_rx: u32,
    /// The same for Echo packets; 0: none are wanted.
    pub required_min_echo_rx: u32,
}

impl Control {
    /// Reads a packet, with the checks of RFC 5880 section 6.8.6 that need no session.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header: &[u8; LEN] = bytes.first_chunk().ok_or(Error::TooSmall(bytes.len()))?;
        let [first, flags, detect_mult, length, rest @ ..] = *header;
        if first >> 5 != VERSION {
            return Err(Error::Version(first >> 5));
        }
        let authenticated = flags & AUTHENTICATED != 0;
        let least = if authenticated {
            LEN_AUTHENTICATED
        } else {
            LEN
        };
        if !(least..=bytes.len()).contains(&usize::from(length)) {
            return Err(Error::Length {
                field: length,
                received: bytes.len(),
            });
        }
        let word = |place: usize| {
            let bytes = rest.get(place * 4..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
        };
        let control = Self {
            diagnostic: Diagnostic(first & 0x1f),
            state: State::from_bits(flags >> 6),
            poll: flags & POLL != 0,
            is_final: flags & FINAL != 0,
            authenticated,
            demand: flags & DEMAND != 0,
            detect_mult,
            my_discriminator: word(0),
            your_discriminator: word(1),
            desired_min_tx: word(2),
            required_min_rx: word(3),
            required_min_echo_rx: word(4),
        };
        control.check(flags)?;
        Ok(control)
    }

    fn check(&self, flags: u8) -> Result<(), Error> {
        if self.detect_mult == 0 {
            return Err(Error::DetectMult);
        }
        if flags & MULTIPOINT != 0 {
            return Err(Error::Multipoint);
        }
        if self.my_discriminator == 0 {
            return Err(Error::MyDiscriminator);
        }
        if self.your_discriminator == 0 && self.state > State::Down {
            return Err(Error::YourDiscriminator);
        }
        if self.poll && self.is_final {
            return Err(Error::PollAndFinal);
        }
        Ok(())
    }

    /// The packet's bytes. An authentication section is not written; nor is its flag.
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut flags = self.state.bits() << 6;
        for (set, flag) in [
            (self.poll, POLL),
            (self.is_final, FINAL),
            (self.demand, DEMAND),
        ] {
            if set {
                flags |= flag;
            }
        }
        let first = VERSION << 5 | self.diagnostic.0 & 0x1f;
        let length = 24;
        let head = [first, flags, self.detect_mult, length];
        let words = [
            self.my_discriminator,
            self.your_discriminator,
            self.desired_min_tx,
            self.required_min_rx,
            self.required_min_echo_rx,
        ];
        let words = words.iter().flat_map(|word| word.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(head.into_iter().chain(words)) {
            *to = from;
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
