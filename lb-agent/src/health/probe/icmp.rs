//! ICMP echo, RFC 792 and RFC 4443 section 4: the message and what answers it. Pure, but for the
//! random identifier.

use std::hash::{BuildHasher, Hasher, RandomState};

use lb_common::checksum;

/// What follows the header, as many bytes as keepalived sends.
const PAYLOAD: [u8; 128] = [b'.'; 128];

/// Which ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    const fn request(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    const fn reply(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }

    const fn unreachable(self) -> u8 {
        match self {
            Self::V4 => 3,
            Self::V6 => 1,
        }
    }

    /// Bytes of the header of the packet that an error quotes.
    fn quoted_header(self, quote: &[u8]) -> usize {
        match self {
            Self::V4 => quote.first().map_or(0, |first| usize::from(first & 0x0f)) * 4,
            Self::V6 => 40,
        }
    }
}

/// What a message is to who asked with `ident` and `sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The answer.
    Reply,
    /// A message that the target cannot be reached, with its code.
    Unreachable(u8),
    /// Somebody else's.
    Other,
}

/// An echo request with its checksum. IPv6's covers addresses, too, and is for the kernel to set.
pub(super) fn request(family: Family, ident: u16, sequence: u16) -> Vec<u8> {
    let mut message = vec![family.request(), 0, 0, 0];
    message.extend(ident.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(PAYLOAD);
    if family == Family::V4 {
        // Already in the order of the packet.
        let sum = (!checksum::fold(checksum::sum(&message))).to_ne_bytes();
        if let Some(field) = message.get_mut(2..4) {
            field.copy_from_slice(&sum);
        }
    }
    message
}

/// Reads an ICMP message. `ident` is `None` where the kernel has seen to it that it is ours.
pub(super) fn read(family: Family, ident: Option<u16>, sequence: u16, message: &[u8]) -> Message {
    match message {
        [kind, ..] if *kind == family.reply() && is_ours(message, ident, sequence) => {
            Message::Reply
        }
        // It may be about somebody else's packet: it quotes it.
        [kind, code, _, _, _, _, _, _, quote @ ..] if *kind == family.unreachable() => {
            let asked = quote.get(family.quoted_header(quote)..).unwrap_or_default();
            let ours = asked.first() == Some(&family.request());
            if ours && is_ours(asked, ident, sequence) {
                Message::Unreachable(*code)
            } else {
                Message::Other
            }
        }
        [..] => Message::Other,
    }
}

fn is_ours(message: &[u8], ident: Option<u16>, sequence: u16) -> bool {
    let &[_, _, _, _, ident_1, ident_2, sequence_1, sequence_2, ..] = message else {
        return false;
    };
    ident.is_none_or(|ident| ident == u16::from_be_bytes([ident_1, ident_2]))
        && sequence == u16::from_be_bytes([sequence_1, sequence_2])
}

/// Any number: the standard library's hasher starts from the system's randomness.
pub(super) fn any_number() -> u16 {
    let [a, b, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([a, b])
}
