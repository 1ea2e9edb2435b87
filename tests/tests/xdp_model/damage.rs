//! Every way to damage a frame that can be counted through, against the model.

use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_agent::config::model::Forwarding::{Dr, Nat, Tun};
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_common::flow::state;
use lb_tests::skipped;

use crate::NEEDS;
use crate::fixture::{ACK, SYN, desired, packet, reply, server, service};
use crate::frame::{ABORT, ETHERNET, SCTP, Segment, TCP, UDP};
use crate::network::Network;
use crate::rig::{Agent, stay_on_this_cpu};
use crate::trial::Trial;

/// Chunks of SCTP.
const INIT: u8 = 1;
const COOKIE_ECHO: u8 = 10;

/// Sound frames to begin with: every method and protocol, a reply, options.
fn sound(services: &[Service]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for service in services {
        let is_sctp = service.key.proto == SCTP;
        let (first, next, end) = if is_sctp {
            (INIT, COOKIE_ECHO, &ABORT[..])
        } else {
            (SYN, ACK, &[][..])
        };
        let syn = packet(1001, service, first);
        let ack = Segment {
            flags: next,
            payload: b"payload".to_vec(),
            ..syn.clone()
        };
        let options = Segment {
            options: vec![1; 12],
            payload: [&[7; 60], end].concat(),
            ..ack.clone()
        };
        frames.extend([syn, ack, options].map(|segment| segment.frame()));
        for server in &service.servers {
            let reply = reply(1001, service, server);
            let segment = Segment {
                payload: b"answer".to_vec(),
                ..reply
            };
            frames.push(segment.frame());
        }
    }
    frames
}

/// Everything that `damaged` makes of every sound frame goes to program and model.
fn compare(damaged: impl Fn(&[u8]) -> Vec<Vec<u8>> + Sync) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let network = Network::new()?;
    network.director.enter(|| {
        stay_on_this_cpu()?;
        let server = |last, port, method| server(&network, last, port, method);
        let persistence = Persistence {
            timeout: Duration::from_secs(50),
            mask: [255; 4].into(),
            prefix: 128,
        };
        let services = [
            service(20, 80, TCP, vec![server(11, 80, Dr), server(12, 80, Dr)]),
            service(21, 53, UDP, vec![server(12, 53, Tun)]),
            service(22, 80, TCP, vec![server(13, 8080, Nat)]),
            Service {
                persistence: Some(persistence),
                ..service(22, 53, UDP, vec![server(13, 5353, Nat)])
            },
            service(20, 3868, SCTP, vec![server(11, 3868, Dr)]),
            service(22, 3868, SCTP, vec![server(13, 3869, Nat)]),
        ];
        let mut trial = Trial::new(&network)?;
        trial.set_control(0x5eed, 0, state::TIMEOUTS);
        trial.configure(&desired(&services.each_ref()))?;
        for frame in sound(&services) {
            for (number, damaged) in damaged(&frame).iter().enumerate() {
                let ingress = [network.front.index, network.back.index][number % 2];
                trial
                    .send(damaged, ingress, Agent::Alive)
                    .with_context(|| format!("number {number}"))?;
            }
        }
        trial.check_maps()
    })
}

/// `frame` with each of `values` in the place of the byte at `at`.
fn with_byte(frame: &[u8], at: usize, values: impl Iterator<Item = u8>) -> Vec<Vec<u8>> {
    let with = |value| {
        let mut frame = frame.to_vec();
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
        frame
    };
    values.map(with).collect()
}

#[test]
fn a_frame_cut_at_any_byte_fares_as_in_the_model() -> Result<()> {
    compare(|frame| {
        (ETHERNET..=frame.len())
            .rev()
            .map(|length| frame[..length].to_vec())
            .collect()
    })
}

#[test]
fn a_frame_with_any_padding_fares_as_in_the_model() -> Result<()> {
    compare(|frame| {
        (0..64)
            .map(|padding| [frame, &vec![0xee; padding]].concat())
            .collect()
    })
}

#[test]
fn any_version_and_header_length_fares_as_in_the_model() -> Result<()> {
    compare(|frame| with_byte(frame, ETHERNET, 0..=255))
}

#[test]
fn any_total_length_fares_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let mut short = with_byte(frame, ETHERNET + 3, 0..=255);
        short.extend(with_byte(frame, ETHERNET + 2, 0..=255));
        short
    })
}

#[test]
fn any_fragment_offset_and_flags_fare_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let mut fragments = with_byte(frame, ETHERNET + 6, 0..=255);
        fragments.extend(with_byte(frame, ETHERNET + 7, 0..=255));
        fragments
    })
}

#[test]
fn any_time_to_live_and_protocol_fare_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let mut frames = with_byte(frame, ETHERNET + 8, 0..=255);
        frames.extend(with_byte(frame, ETHERNET + 9, 0..=255));
        frames
    })
}

#[test]
fn any_flags_of_tcp_and_any_chunk_of_sctp_fare_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let transport = ETHERNET + usize::from(frame[ETHERNET] & 0x0f) * 4;
        let at = transport + if frame[ETHERNET + 9] == SCTP { 12 } else { 13 };
        with_byte(frame, at, (0..=255).chain((0..=255).rev()))
    })
}

#[test]
fn any_length_of_a_chunk_fares_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let at = ETHERNET + usize::from(frame[ETHERNET] & 0x0f) * 4 + 14;
        let mut frames = with_byte(frame, at + 1, 0..=255);
        frames.extend(with_byte(frame, at, 0..=255));
        frames
    })
}

#[test]
fn any_ether_type_and_any_tag_fare_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let mut frames = with_byte(frame, 12, 0..=255);
        frames.extend(with_byte(frame, 13, 0..=255));
        for tag in [[0x81, 0x00, 0x00, 0x07], [0x88, 0xa8, 0x20, 0x07]] {
            frames.push([&frame[..12], &tag, &frame[12..]].concat());
            frames.push([&frame[..12], &tag, &[0x81, 0, 0, 1], &frame[12..]].concat());
        }
        frames
    })
}

#[test]
fn any_single_bit_may_flip() -> Result<()> {
    compare(|frame| {
        let flip = |bit: usize| {
            let mut frame = frame.to_vec();
            frame[bit / 8] ^= 1 << (bit % 8);
            frame
        };
        (0..frame.len() * 8).map(flip).collect()
    })
}

#[test]
fn any_checksum_fares_as_in_the_model() -> Result<()> {
    compare(|frame| {
        let transport = ETHERNET + usize::from(frame[ETHERNET] & 0x0f) * 4;
        let at = transport
            + match frame[ETHERNET + 9] {
                TCP => 16,
                SCTP => 8,
                _ => 6,
            };
        let mut frames = Vec::new();
        // Every value of every byte, once with the other byte 0 and once with 255.
        for other in [0, 0xff] {
            for at in [at, at + 1, ETHERNET + 10, ETHERNET + 11] {
                let mut frame = frame.to_vec();
                frame[at ^ 1] = other;
                frames.extend(with_byte(&frame, at, 0..=255));
            }
        }
        frames
    })
}
