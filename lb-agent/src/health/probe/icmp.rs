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
    let &[
        kind,
        code,
        _,
        _,
        ident_1,
        ident_2,
        sequence_1,
        sequence_2,
        ..,
    ] = message
    else {
        return Message::Other;
    };
    if kind == family.unreachable() {
        return Message::Unreachable(code);
    }
    let ours = ident.is_none_or(|ident| ident == u16::from_be_bytes([ident_1, ident_2]))
        && sequence == u16::from_be_bytes([sequence_1, sequence_2]);
    if kind == family.reply() && ours {
        Message::Reply
    } else {
        Message::Other
    }
}

/// Any number: the standard library's hasher starts from the system's randomness.
pub(super) fn any_number() -> u16 {
    let [a, b, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([a, b])
}
