//! What the program promises about more than one packet, each promise by itself, without the
//! model.

mod errors;
mod eviction;
mod flows;
mod fragments;
mod groups;
mod passing;
mod replies;
mod room;
mod schedule;
mod schedulers;
mod sctp;
mod too_big;

use anyhow::Result;
use lb_agent::dataplane::desired::{Server, Service};

use crate::frame::Segment;
use crate::model::REDIRECT;
use crate::network::Network;
use crate::rig::Rig;

/// The last byte of the MAC address that the packet is sent to, as the digits that it is written
/// with; `None`: it is not sent.
fn server_of(rig: &mut Rig, network: &Network, segment: &Segment) -> Result<Option<u8>> {
    let outcome = rig.send(&segment.frame(), network.front.index)?;
    let digits = outcome.frame[5] / 16 * 10 + outcome.frame[5] % 16;
    Ok((outcome.verdict == REDIRECT).then_some(digits))
}

fn weigh(service: &Service, weights: &[u32]) -> Service {
    let servers = service.servers.iter().zip(weights);
    let servers = servers
        .map(|(server, weight)| Server {
            weight: *weight,
            ..*server
        })
        .collect();
    Service {
        servers,
        ..service.clone()
    }
}
