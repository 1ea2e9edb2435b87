//! The way back in NAT mode, as [`crate::replies`] has it of IPv4.

use aya_ebpf::programs::XdpContext;
use lb_common::address6::folded;
use lb_common::flow::target;
use lb_common::fragment::{self, FROM_SERVER};
use lb_common::service::ServiceKey6;
use lb_common::stats::Reason;

use super::parse::{Headers, parse};
use super::{destination, nat, note_fragment, note_packet, noted_admission, source};
use crate::backends;
use crate::balance::{jiffies, pass_gate};
use crate::family::{Key, V6};
use crate::maps::CONTROL;
use crate::packet::{ETHERNET, Ipv6, Packet};
use crate::parse::Refused;
use crate::replies::{Reply, note};
use crate::services;
use crate::stats;

/// Who has sent a packet.
#[inline(always)]
fn server(headers: &Headers) -> ServiceKey6 {
    // SAFETY: `parse` checked the headers.
    unsafe {
        ServiceKey6 {
            address: source(headers.ip),
            port: (*headers.ports).source,
            proto: headers.protocol,
            pad: [0; 5],
        }
    }
}

/// The slot of the server of a packet that may be a reply, and the id of the service in whose name it goes, if
/// that has its gate open. It is noted in its flow.
#[inline(always)]
pub(super) fn find(ctx: &XdpContext) -> Result<(u16, u16), Refused> {
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
    let control = CONTROL.get(0).ok_or(Refused::NotOurs)?;
    let headers = parse::<V6>(ctx, packet, control, ip)?;
    // SAFETY: `parse` checked the headers.
    let (client, port) = unsafe { (destination(ip), (*headers.ports).destination) };
    let server = server(&headers);
    if !control.filter.may_be_server6(&server) {
        return Err(Refused::NotOurs);
    }
    let reply = Reply::<V6> {
        control,
        server,
        client: Key::new(client, port, 0, control.secret),
        now: jiffies(),
        flags: headers.flags,
    };
    let (bucket, found) = reply.find().ok_or(Refused::NotOurs)?;
    let slot = backends::read(found.slot()).ok_or(Refused::NotOurs)?;
    let service = services::of_pool(found.service(), slot.pool).ok_or(Refused::NotOurs)?;
    pass_gate(control, service.gate, reply.now).map_err(Refused::Because)?;
    note(&reply, bucket, found.0);
    note_packet(server.address, folded(client));
    Ok((found.slot(), found.service()))
}

/// Sends a packet of a server, which the program before has found, to the client.
#[inline(always)]
pub(super) fn send_back(ctx: &XdpContext) -> Result<u32, Refused> {
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
    let control = CONTROL.get(0).ok_or(Refused::NotOurs)?;
    let (found, id, tick) = noted_admission().ok_or(Refused::NotOurs)?;
    let number = found.slot();
    let headers = parse::<V6>(ctx, packet, control, ip)?;
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).hop_limit } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    let target = target(number, slot.head.generation());
    let service = services::of_pool(id, slot.pool).ok_or(Refused::NotOurs)?;
    note_fragment(ctx, ip, target, fragment::stamp(tick, id) | FROM_SERVER);
    let way = match nat::way_back(ctx, service, headers.protocol, tick) {
        // The kernel tells the server.
        Err(Reason::CannotFragment) => return Err(Refused::Because(Reason::ReplyTooBig)),
        way => way.map_err(Refused::Because)?,
    };
    nat::rewrite_source(packet, &headers, service).map_err(Refused::Because)?;
    // SAFETY: `parse` checked the header, and there is a hop left.
    unsafe { (*ip).hop_limit = (*ip).hop_limit.wrapping_sub(1) };
    let verdict = way.leave(ctx, headers.length).map_err(Refused::Because)?;
    stats::towards_client(number, headers.length);
    Ok(verdict)
}
