//! The programs of the classic packet filter that say what is heard. Pure.
//!
//! Each is a list of conditions that must all hold; offsets count from behind the Ethernet header.

use std::net::{IpAddr, SocketAddr};

use crate::wire::{ndisc, tcp};

/// `BPF_LD | BPF_W | BPF_ABS`
const LOAD_WORD: u16 = 0x20;
/// `BPF_LD | BPF_H | BPF_ABS`
const LOAD_HALF: u16 = 0x28;
/// `BPF_LD | BPF_H | BPF_IND`
const LOAD_HALF_FROM_X: u16 = 0x48;
/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_BYTE: u16 = 0x30;
/// `BPF_LDX | BPF_B | BPF_MSH`: the length of an IPv4 header.
const LOAD_HEADER_LENGTH: u16 = 0xb1;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

/// Bytes that are heard of a packet.
const HEARD: u32 = 128;

/// Where the sender's MAC address stands in ARP (RFC 826).
pub(super) const MAC_IN_ARP: usize = 8;

/// Where it stands in a neighbour advertisement whose first option names it (RFC 4861 sections 4.4, 4.6.1).
pub(super) const MAC_IN_ADVERTISEMENT: usize = 66;

/// One instruction, of those that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    /// How many instructions are skipped where the values differ.
    pub(super) skip: u8,
    pub(super) value: u32,
}

impl Instruction {
    const fn new(code: u16, skip: u8, value: u32) -> Self {
        Self { code, skip, value }
    }
}

/// What a part of a packet must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Is {
    load: u16,
    at: u32,
    value: u32,
}

fn byte(at: u32, value: u8) -> Is {
    Is {
        load: LOAD_BYTE,
        at,
        value: value.into(),
    }
}

fn half(at: u32, value: u16) -> Is {
    Is {
        load: LOAD_HALF,
        at,
        value: value.into(),
    }
}

/// An address.
fn address(at: u32, address: IpAddr) -> Vec<Is> {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let (words, _) = octets.as_chunks::<4>();
    let words = words.iter().map(|word| u32::from_be_bytes(*word));
    let places = (at..).step_by(4);
    let words = places.zip(words).map(|(at, value)| Is {
        load: LOAD_WORD,
        at,
        value,
    });
    words.collect()
}

/// TCP from `service` to `ours`, which is of the same family.
pub(super) fn tcp(service: IpAddr, ours: SocketAddr) -> Vec<Instruction> {
    let mut program = Vec::new();
    let (protocol_at, source_at, destination_at) = match service {
        IpAddr::V4(_) => (9, 12, 16),
        IpAddr::V6(_) => (6, 8, 24),
    };
    let mut all = vec![byte(protocol_at, tcp::PROTOCOL)];
    all.extend(address(source_at, service));
    all.extend(address(destination_at, ours.ip()));
    match service {
        IpAddr::V4(_) => {
            // Behind options.
            let port = Is {
                load: LOAD_HALF_FROM_X,
                at: 2,
                value: ours.port().into(),
            };
            program.push(Instruction::new(LOAD_HEADER_LENGTH, 0, 0));
            all.push(port);
        }
        IpAddr::V6(_) => all.push(half(42, ours.port())),
    }
    program.extend(conditions(&all));
    program
}

/// A reply of ARP, or a neighbour advertisement, about `claimed`.
pub(super) fn claim(claimed: IpAddr) -> Vec<Instruction> {
    let mut all = match claimed {
        // Operation 2, the sender's protocol address (RFC 826).
        IpAddr::V4(_) => vec![half(6, 2)],
        IpAddr::V6(_) => vec![
            byte(6, ndisc::ICMPV6),
            byte(40, ndisc::NEIGHBOUR_ADVERTISEMENT),
            // The option, and its length in units of eight bytes.
            half(64, u16::from_be_bytes([ndisc::TARGET_LINK_LAYER, 1])),
        ],
    };
    let at = match claimed {
        IpAddr::V4(_) => 14,
        IpAddr::V6(_) => 48,
    };
    all.extend(address(at, claimed));
    conditions(&all)
}

/// What differs jumps to the last line. There are few enough conditions that a jump gets there.
fn conditions(all: &[Is]) -> Vec<Instruction> {
    let mut program = Vec::new();
    for (index, is) in all.iter().enumerate() {
        let left = all.len().saturating_sub(index);
        let to_the_end = u8::try_from(left.saturating_mul(2).saturating_sub(1)).unwrap_or(u8::MAX);
        program.push(Instruction::new(is.load, 0, is.at));
        program.push(Instruction::new(IF_EQUAL, to_the_end, is.value));
    }
    program.push(Instruction::new(RETURN, 0, HEARD));
    program.push(Instruction::new(RETURN, 0, 0));
    program
}

#[cfg(test)]
mod tests;
