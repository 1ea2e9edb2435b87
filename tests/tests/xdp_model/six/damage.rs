//! Every way to damage a frame that can be counted through: what is left of it is forwarded whole, is
//! answered because it has no hop left, or is the kernel's untouched. Which of them says a second reading of the headers.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;

use super::frame::{
    AUTHENTICATION, DESTINATION_OPTIONS, Extension, FRAGMENT, HEADER, HOP_BY_HOP, ROUTING, frame,
};
use super::{image, twins};
use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::{ETHERNET, Segment, TCP, UDP};
use crate::model::{PASS, REDIRECT, TX};

/// Where these services are.
const SERVICES: [(u8, u16, u8); 2] = [(20, 80, TCP), (21, 53, UDP)];

/// So many extension headers are walked, and so far from the beginning of the packet.
const MOST: usize = 8;
const FARTHEST: usize = 1024;

/// What a second reader makes of frames: whether they are for one of the services.
#[derive(Default)]
struct Reader {
    /// Addresses and identification of packets whose first fragment was forwarded.
    begun: BTreeSet<(Vec<u8>, u32)>,
}

impl Reader {
    fn is_ours(&mut self, frame: &[u8]) -> bool {
        let packet = whole(frame).unwrap_or_default();
        let piece = fragment(packet).map(|(offset, more, id)| {
            let addresses = packet[8..HEADER].to_vec();
            (offset, more, (addresses, id))
        });
        if let Some((1.., _, key)) = piece {
            return frame[0] & 1 == 0 && self.begun.contains(&key);
        }
        let is_ours = read(frame).is_some_and(|(destination, port, protocol)| {
            SERVICES.iter().any(|(last, its_port, its_protocol)| {
                image([198, 51, 100, *last].into()) == destination
                    && (port, protocol) == (*its_port, *its_protocol)
            })
        });
        if is_ours && let Some((0, true, key)) = piece {
            self.begun.insert(key);
        }
        is_ours
    }
}

/// The packet without padding, if it is one of IPv6 and all is there that its header says.
fn whole(frame: &[u8]) -> Option<&[u8]> {
    let packet = frame.get(ETHERNET..)?;
    let header = packet.get(..HEADER)?;
    let is_ipv6 = frame[12..14] == [0x86, 0xdd] && header[0] >> 4 == 6;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    packet.get(..HEADER + length).filter(|_| is_ipv6)
}

/// A header, and where it stands in its packet.
#[derive(Clone, Copy)]
struct Header<'a> {
    number: u8,
    at: usize,
    /// From its beginning to the end of the packet.
    bytes: &'a [u8],
}

impl Header<'_> {
    /// The next one, if this is an extension header that is all there.
    fn next(&self) -> Option<Self> {
        let units = usize::from(*self.bytes.get(1)?);
        let length = match self.number {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => 8 + 8 * units,
            AUTHENTICATION => 8 + 4 * units,
            FRAGMENT => 8,
            _ => return None,
        };
        self.bytes.get(..8)?;
        Some(Self {
            number: self.bytes[0],
            at: self.at + length,
            bytes: self.bytes.get(length..).unwrap_or_default(),
        })
    }

    /// Of a fragment header: offset, "more fragments" and identification.
    fn fragment(&self) -> (u16, bool, u32) {
        let word = u16::from_be_bytes([self.bytes[2], self.bytes[3]]);
        let id = [4, 5, 6, 7].map(|at| self.bytes[at]);
        (word >> 3, word & 1 == 1, u32::from_be_bytes(id))
    }

    /// Whether it may be walked as the one with this index.
    fn is_walked(&self, index: usize) -> bool {
        match self.number {
            HOP_BY_HOP => index == 0,
            // No address to go to before this one's service.
            ROUTING => self.bytes[3] == 0,
            _ => true,
        }
    }
}

/// The extension headers of a packet up to the first that is not walked, and what stands behind them, if
/// all are walked.
fn headers(packet: &[u8]) -> (Vec<Header<'_>>, Option<Header<'_>>) {
    let first = Header {
        number: packet.get(6).copied().unwrap_or(255),
        at: HEADER,
        bytes: packet.get(HEADER..).unwrap_or_default(),
    };
    let all: Vec<_> = std::iter::successors(Some(first), Header::next).collect();
    // The last one has no next.
    let (last, before) = all
        .split_last()
        .map_or((first, [].as_slice()), |(a, b)| (*a, b));
    let walked = before.iter().enumerate().take_while(|(index, header)| {
        *index < MOST && header.at <= FARTHEST && header.is_walked(*index)
    });
    let walked: Vec<_> = walked.map(|(_, header)| *header).collect();
    let is_all = walked.len() == before.len() && last.at <= FARTHEST;
    (walked, is_all.then_some(last))
}

/// Offset, "more fragments" and identification, if the headers that are walked say that the packet is in
/// pieces: of a later one the first that says so, else the last.
fn fragment(packet: &[u8]) -> Option<(u16, bool, u32)> {
    let (walked, _) = headers(packet);
    let pieces = || walked.iter().filter(|it| it.number == FRAGMENT);
    if let Some(later) = pieces().find(|it| it.fragment().0 != 0) {
        // `ICMPv6` in pieces is the kernel's.
        return (later.bytes[0] != 58).then(|| later.fragment());
    }
    pieces().map(Header::fragment).rfind(|it| it.1)
}

/// Destination, port and protocol of a packet that may be forwarded, or answered.
fn read(frame: &[u8]) -> Option<(Ipv6Addr, u16, u8)> {
    let group = frame.first()? & 1 == 1;
    let packet = frame.get(ETHERNET..)?;
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    let (source, destination) = (address(8)?, address(24)?);
    let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    let whole = packet.get(..HEADER + length)?;
    let is_sound = !group && frame[12..14] == [0x86, 0xdd] && packet[0] >> 4 == 6;
    if !is_sound || is_no_host(source) || source == destination {
        return None;
    }
    let (protocol, at) = transport(whole)?;
    let least = if protocol == TCP { 20 } else { 8 };
    let transport = whole.get(at..at + least)?;
    let port = u16::from_be_bytes([transport[2], transport[3]]);
    Some((destination, port, protocol))
}

/// Protocol and place of what stands behind the extension headers, if it is TCP or UDP.
fn transport(packet: &[u8]) -> Option<(u8, usize)> {
    let (walked, last) = headers(packet);
    let is_later = |it: &Header<'_>| it.number == FRAGMENT && it.fragment().0 != 0;
    let last = last.filter(|it| it.number == TCP || it.number == UDP)?;
    (!walked.iter().any(is_later)).then_some((last.number, last.at))
}

/// Addresses that stand for no single host that could be answered beyond its link.
fn is_no_host(address: Ipv6Addr) -> bool {
    let words = address.segments();
    // "::", "::1", and the addresses of IPv4 that are mapped or compatible.
    let is_old = words[..4] == [0; 4] && matches!(words[4..6], [0, 0 | 0xffff]);
    words[0] >> 8 == 0xff || address.is_unicast_link_local() || is_old
}

/// Sound frames to begin with.
fn sound() -> Vec<Vec<u8>> {
    let chains = [
        vec![],
        vec![Extension::harmless(DESTINATION_OPTIONS, 1)],
        [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION]
            .map(|number| Extension::harmless(number, 0))
            .to_vec(),
        // Of two packets: no damage of one byte makes the one a part of the other.
        vec![Extension::fragment(0, true, 0x0708_090a)],
        vec![Extension::fragment(9, false, 0x1718_191a)],
    ];
    let mut frames = Vec::new();
    for (last, port, protocol) in SERVICES {
        let service = service(last, port, protocol, Vec::new());
        let segment = Segment {
            payload: vec![7; 24],
            ..packet(1001, &service, ACK)
        };
        frames.extend(chains.iter().map(|chain| frame(&segment, chain)));
    }
    frames
}

/// Everything that `damaged` makes of every sound frame goes through the program.
fn check(damaged: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync) -> Result<()> {
    in_director(|network, rig| {
        let servers = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let services = SERVICES.map(|(last, port, protocol)| {
            let [_, theirs] = twins(&service(last, port, protocol, servers.clone()));
            theirs
        });
        rig.configure(&desired(&services.each_ref()))?;
        let (mut ours, mut others) = (0, 0);
        let mut reader = Reader::default();
        for sound in sound() {
            for frame in damaged(&sound) {
                let found = rig.send(&frame, network.front.index)?;
                let text = || crate::trial::hex(&frame);
                if !reader.is_ours(&frame) {
                    ensure!(found.verdict == PASS, "{}: {}", text(), found.verdict);
                    ensure!(found.frame == frame, "{} is changed", text());
                    others += 1;
                    continue;
                }
                if frame[ETHERNET + 7] <= 1 {
                    ensure!(found.verdict == TX, "{}: {}", text(), found.verdict);
                    ensure!(found.frame[ETHERNET + HEADER] == 3, "{}: no answer", text());
                    continue;
                }
                ensure!(found.verdict == REDIRECT, "{}: {}", text(), found.verdict);
                let mut expected = frame.clone();
                expected[ETHERNET + 7] -= 1;
                expected[..12].copy_from_slice(&found.frame[..12]);
                ensure!(found.frame == expected, "{}", text());
                ensure!(
                    matches!(found.frame[5], 0x11 | 0x12),
                    "{}: to whom?",
                    text()
                );
                ours += 1;
            }
        }
        ensure!(ours > 0 && others > 0, "{ours} of ours and {others} others");
        Ok(())
    })
}

/// `frame` with every value in the place of each byte of `places`.
fn with_bytes(frame: &[u8], places: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    let with = |at: usize, value| {
        let mut frame = frame.to_vec();
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
        frame
    };
    places
        .flat_map(|at| (0..=255).map(move |value| (at, value)))
        .map(|(at, value)| with(at, value))
        .collect()
}

#[test]
fn a_frame_of_ipv6_cut_at_any_byte_is_the_kernels_and_a_padded_one_is_not() -> Result<()> {
    check(|frame| {
        let cut = (ETHERNET..=frame.len()).map(|length| frame[..length].to_vec());
        let padded = (1..64).map(|padding| [frame, &vec![0xee; padding]].concat());
        cut.chain(padded).collect()
    })
}

#[test]
fn any_byte_of_the_fixed_header_of_ipv6_may_be_any() -> Result<()> {
    check(|frame| with_bytes(frame, ETHERNET..ETHERNET + HEADER))
}

#[test]
fn any_byte_of_what_is_behind_it_may_be_any() -> Result<()> {
    check(|frame| {
        with_bytes(
            frame,
            ETHERNET + HEADER..frame.len().min(ETHERNET + HEADER + 72),
        )
    })
}

#[test]
fn chains_of_any_length_of_extension_headers_are_walked_or_left_alone() -> Result<()> {
    check(|frame| {
        let is_plain = frame[ETHERNET + 6] == TCP;
        let lengths: &[u8] = if is_plain {
            &[0, 1, 7, 40, 120, 255]
        } else {
            &[0]
        };
        let service = service(20, 80, TCP, Vec::new());
        let segment = packet(1001, &service, SYN);
        let chain = |count, longer| {
            let one = Extension::harmless(DESTINATION_OPTIONS, longer);
            super::frame::frame(&segment, &vec![one; count])
        };
        lengths
            .iter()
            .flat_map(|longer| (0..12).map(move |count| chain(count, *longer)))
            .filter(|frame| frame.len() < 3000)
            .chain([frame[..ETHERNET].to_vec()])
            .collect()
    })
}
