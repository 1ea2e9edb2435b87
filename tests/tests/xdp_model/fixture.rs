//! Small configurations made by hand, and a program that runs them.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use lb_agent::config::model::{Forwarding, Scheduler};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::nexthop::Hop;
use lb_common::flow::state;
use lb_common::service::ServiceKey4;
use lb_tests::skipped;

use crate::NEEDS;
use crate::frame::{Endpoint, Segment, UDP, v4};
use crate::network::Network;
use crate::random::Random;
use crate::rig::{Rig, stay_on_this_cpu};

/// The client of the hand-made tests.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// TCP flags.
pub(crate) const FIN_ACK: u8 = 0x11;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// Runs `test` in a director, with the program loaded and the time-outs of IPVS in seconds taken
/// as ticks.
pub(crate) fn in_director(
    test: impl FnOnce(&Network, &mut Rig) -> Result<()> + Send,
) -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let network = Network::new()?;
    network.director.enter(|| {
        stay_on_this_cpu()?;
        let mut rig = Rig::new(&network)?;
        rig.set_control(Random::from_anywhere().number(), 0, &state::TIMEOUTS);
        test(&network, &mut rig)
    })
}

/// 198.51.100.`last`:`port`, round robin.
pub(crate) fn service(last: u8, port: u16, protocol: u8, servers: Vec<Server>) -> Service {
    Service {
        scheduler: Scheduler::Wrr,
        servers,
        ..Service::new(ServiceKey4::new(
            Ipv4Addr::new(198, 51, 100, last),
            port,
            protocol,
        ))
    }
}

/// 10.0.0.`last`:`port` with weight 1, behind the interface `back`. Its MAC address ends as the
/// digits of its address do: that of 10.0.0.11 in 11.
pub(crate) fn server(network: &Network, last: u8, port: u16, method: Forwarding) -> Server {
    Server {
        method,
        path: Path::Via(Hop {
            index: network.back.index,
            mtu: 1500,
            src_mac: network.back.mac,
            dst_mac: [0x02, 0, 0, 0xdd, 0, last / 10 * 16 + last % 10],
            source: Some(IpAddr::from([10, 0, 0, 1])),
        }),
        ..Server::new(Ipv4Addr::new(10, 0, 0, last), port)
    }
}

/// These services and nothing else.
pub(crate) fn desired(services: &[&Service]) -> Desired {
    let services = services.iter().map(|service| (*service).clone()).collect();
    Desired { services }
}

/// A packet of the client's port to a service.
pub(crate) fn packet(port: u16, service: &Service, flags: u8) -> Segment {
    Segment {
        protocol: service.key.proto,
        source: Endpoint {
            address: CLIENT,
            port,
        },
        destination: Endpoint {
            address: v4(service.key.address),
            port: service.key.port,
        },
        flags: if service.key.proto == UDP { 0 } else { flags },
        tos: 0,
        ttl: 64,
        fragment: 0x4000,
        options: Vec::new(),
        payload: Vec::new(),
    }
}

/// A packet of `server` to the client's port.
pub(crate) fn reply(port: u16, service: &Service, server: &Server) -> Segment {
    let asked = packet(port, service, ACK);
    Segment {
        source: Endpoint {
            address: v4(server.address),
            port: server.port,
        },
        destination: asked.source,
        ..asked
    }
}
