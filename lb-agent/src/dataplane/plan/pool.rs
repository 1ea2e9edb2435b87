//! One server as one slot.

use std::net::IpAddr;

use bytemuck::Zeroable as _;
use lb_common::address6::{self, Address6};
use lb_common::backend::{Backend, flags};

use crate::config::model::{Forwarding, Scheduler, Tunnel};
use crate::dataplane::desired::{Path, Server, Service};
use crate::dataplane::installed::Thresholds;
use crate::dataplane::schedule::Candidate;
use crate::dataplane::tunnel;

/// Who a server is within its service: address and port, as they stand in its slot.
pub(super) type Address = (IpAddr, u16);

/// Whose slot it is.
pub(super) const fn address((_, backend): &(u32, Backend)) -> Address {
    (backend.server(), backend.port)
}

/// Who a server is.
pub(super) const fn address_of(server: &Server) -> Address {
    (server.address, server.port.to_be())
}

/// The slot of `server`, with the first address and port of its virtual server.
pub(super) fn backend(service: &Service, server: &Server, pool: u16, generation: u16) -> Backend {
    let method = match server.method {
        Forwarding::Dr => flags::DR,
        Forwarding::Tun => flags::TUN,
        Forwarding::Nat => flags::NAT,
    };
    let sorry = if server.sorry { flags::SORRY } else { 0 };
    let mut backend = Backend {
        generation,
        flags: flags::IN_USE | method | sorry,
        pool,
        port: server.port.to_be(),
        vport: service.key.port.to_be(),
        weight: server.weight,
        proto: service.key.proto,
        gate: service.gate,
        ..Backend::zeroed()
    };
    if let IpAddr::V4(server) = server.address {
        backend.addr = u32::from_ne_bytes(server.octets());
    }
    if let IpAddr::V4(service) = service.key.address {
        backend.vip = u32::from_ne_bytes(service.octets());
    }
    // Of both families there may be one, in TUN mode.
    let is_ipv6 = server.address.is_ipv6() || service.key.address.is_ipv6();
    if is_ipv6 {
        backend.flags |= flags::IPV6;
        backend.addr6 = words(server.address);
        backend.vip6 = words(service.key.address);
    }
    if server.method == Forwarding::Tun && (is_ipv6 || server.tunnel != Tunnel::Ipip) {
        backend.flags |= flags::TUNNEL;
        (backend.tunnel, backend.tunnel_port) = tunnel::words(server.tunnel, server.address);
    }
    match server.path {
        Path::Unknown => {}
        Path::Local => backend.flags |= flags::LOCAL,
        // Nothing would come back to such a tunnel's end.
        Path::Via(hop) if backend.has(flags::TUNNEL) && !hop.is_from(server.address) => {}
        Path::Via(hop) => {
            backend.flags |= flags::READY;
            backend.dst_mac = hop.dst_mac;
            backend.src_mac = hop.src_mac;
            backend.ifindex = hop.index;
            backend.mtu = u16::try_from(hop.mtu).unwrap_or(u16::MAX);
            match hop.source {
                Some(IpAddr::V4(source)) => {
                    backend.tunnel_source = u32::from_ne_bytes(source.octets());
                }
                Some(IpAddr::V6(source)) if backend.has(flags::TUNNEL) => {
                    backend.tunnel_source6 = address6::words(source);
                }
                Some(IpAddr::V6(_)) | None => {}
            }
        }
    }
    backend
}

/// The words of an address, which is mapped if it is one of IPv4.
const fn words(address: IpAddr) -> Address6 {
    address6::words(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

/// The address of a server as `mh` orders servers by it: of IPv6 folded, as IPVS does.
const fn folded(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => u32::from_be(address6::folded(address6::words(address))),
    }
}

/// The servers of a service, with their slots, as its scheduler sees them.
///
/// A server to which no way is known gets no new connections as long as there is a way to another one:
/// its packets would be dropped. Not where the scheduler hashes or remembers: its clients come back to
/// it, and all directors choose alike.
pub(super) fn candidates<'a>(
    scheduler: Scheduler,
    servers: impl Iterator<Item = (u32, &'a Server)> + Clone,
) -> Vec<Candidate> {
    let binds = match scheduler {
        Scheduler::Sh | Scheduler::Dh | Scheduler::Mh | Scheduler::Lblc | Scheduler::Lblcr => true,
        Scheduler::Rr
        | Scheduler::Wrr
        | Scheduler::Lc
        | Scheduler::Wlc
        | Scheduler::Sed
        | Scheduler::Nq
        | Scheduler::Fo
        | Scheduler::Ovf
        | Scheduler::Twos => false,
    };
    let reached = |server: &Server| server.path != Path::Unknown;
    let somebody = |(_, server): (u32, &Server)| server.weight > 0 && reached(server);
    let spares = !binds && servers.clone().any(somebody);
    let seen = |(slot, server): (u32, &'a Server)| {
        let candidate = candidate(slot, server);
        if spares && !reached(server) {
            Candidate {
                weight: 0,
                ..candidate
            }
        } else {
            candidate
        }
    };
    servers.map(seen).collect()
}

/// `server` as schedulers see it.
fn candidate(slot: u32, server: &Server) -> Candidate {
    Candidate {
        // Slots are numbered up to `MAX_BACKENDS`, which is 2^16.
        slot: u16::try_from(slot).unwrap_or(0),
        weight: server.weight,
        full_weight: server.full_weight,
        address: folded(server.address),
        port: server.port,
    }
}

/// How many connections `server` may have.
pub(super) const fn thresholds(server: &Server) -> Thresholds {
    Thresholds {
        upper: server.uthreshold,
        lower: server.lthreshold,
    }
}

/// What the slot of `backend` holds when that is gone.
pub(super) fn empty(backend: &Backend) -> Backend {
    Backend {
        generation: backend.generation.wrapping_add(1),
        ..Backend::zeroed()
    }
}
