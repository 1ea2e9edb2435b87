//! `ICMPv6` errors that quote a packet of one of our flows, as [`crate::icmp`] has them of IPv4: about a
//! packet of a server they go to that server, about a client's packet (NAT) to the client. In NAT mode the
//! packet that they quote is given back the addresses that its sender knows (RFC 5508 4.2).
//!
//! An error does not change its flow, which it must not keep alive or end: anybody can send one. All
//! other messages of `ICMPv6` are the kernel's.

use core::ptr;

use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::checksum::{changed, update16};
use lb_common::control::Control;
use lb_common::flow::TICK_SHIFT;
use lb_common::service::{SCTP, ServiceEntry, ServiceInfo, ServiceKey6, TCP, UDP};
use lb_common::stats::Reason;

use super::nat::{self, End, Places};
use super::parse::{FIXED, ICMP6, Walked, length, walk};
use super::{destination, forward, source};
use crate::backends::{self, Slot};
use crate::balance::{Choice, jiffies, leave_to, pass_gate};
use crate::family::{Family as _, Key, V6};
use crate::icmp;
use crate::packet::{Icmp, Ipv6, Packet, Ports, Tcp, Udp};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::tunnel;

/// Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443 2.1).
const ERRORS: core::ops::RangeInclusive<u8> = 1..=4;

/// An error, and the packet that it is about. Eight bytes of that packet's transport header are there.
struct Quote {
    /// The header of the packet that carries the error.
    ip: *mut Ipv6,
    /// Where it stands, in bytes from the beginning of the packet; behind it the quoted packet.
    message: u64,
    /// Where the ports of that stand.
    transport: u64,
    /// Who has sent the quoted packet.
    source: ServiceKey6,
    /// Who should have got it.
    destination: ServiceKey6,
    /// [`TCP`], [`UDP`] or [`SCTP`].
    protocol: u8,
    /// Length of the whole packet.
    length: u64,
}

impl Quote {
    /// What the message at `start` quotes, if it is an error, to who has sent the quoted packet.
    #[inline(always)]
    fn parse(ctx: &XdpContext, packet: Packet, ip: *mut Ipv6, start: u64) -> Option<Self> {
        let message = packet.behind_ip::<Icmp>(start)?;
        // SAFETY: `behind_ip` checked the header.
        if !ERRORS.contains(unsafe { &(*message).kind }) {
            return None;
        }
        let inner = start + size_of::<Icmp>() as u64;
        let behind = (inner + FIXED) as u32;
        let inner = packet.behind_ip::<Ipv6>(inner)?;
        // SAFETY: as above.
        let (version, next) = unsafe { (inner.cast::<u8>().read() >> 4, (*inner).next_header) };
        let walked = Walked(walk(ctx.ctx, u32::from(next), behind));
        let (protocol, transport) = (walked.protocol(), walked.offset());
        let ports = packet.behind_ip::<Udp>(transport)?.cast::<Ports>();
        // SAFETY: `behind_ip` and the caller have checked the headers.
        let (to, from, length) = unsafe { (destination(ip), source(inner), length(ip)) };
        // SAFETY: as above.
        let outer = unsafe { ip.cast::<u8>().read() >> 4 };
        let is_ours = outer == 6
            && version == 6
            && length <= packet.behind(ip)
            && matches!(protocol, TCP | UDP | SCTP)
            && to[0] == from[0]
            && to[1] == from[1]
            && transport + size_of::<Udp>() as u64 <= length;
        // SAFETY: as above.
        let (source_port, destination_port, to) =
            unsafe { ((*ports).source, (*ports).destination, destination(inner)) };
        let end = |address, port| ServiceKey6 {
            address,
            port,
            proto: protocol,
            pad: [0; 5],
        };
        is_ours.then_some(Self {
            ip,
            message: start,
            transport,
            source: end(from, source_port),
            destination: end(to, destination_port),
            protocol,
            length,
        })
    }
}

/// An `ICMPv6` message that stands at `start`.
#[inline(always)]
pub(super) fn pass_on(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
    start: u64,
) -> Result<u32, Refused> {
    let quote = Quote::parse(ctx, packet, ip, start).ok_or(Refused::NotOurs)?;
    let (from, to) = (&quote.source, &quote.destination);
    if control.filter.may_be_destination6(from.address)
        && let Some(service) = services::find6(from)
    {
        return to_server(ctx, packet, control, &quote, &service);
    }
    if control.filter.may_be_source6(to.address) && control.filter.may_be_server6(to) {
        return to_client(ctx, packet, control, &quote);
    }
    Err(Refused::NotOurs)
}

/// The error is about a packet of a server.
#[inline(always)]
fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    quote: &Quote,
    service: &ServiceEntry,
) -> Result<u32, Refused> {
    let now = jiffies();
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    let tick = (now >> TICK_SHIFT) as u32;
    let client = &quote.destination;
    let key = Key::new(client.address, client.port, service.id, control.secret);
    let number = flow(control, &key, tick, service.pool) as u16;
    if number == 0 {
        return Err(Refused::NotOurs);
    }
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    let choice = Choice {
        number,
        slot,
        new: false,
    };
    if slot.head.has(flags::TUNNEL) {
        return Ok(tunnel::hand_over(&choice, 0, true));
    }
    leave_to(&choice, quote.length).map_err(Refused::Because)?;
    forward::has_room_for_error(ctx, quote.ip, quote.length, &choice.slot)
        .map_err(Refused::Because)?;
    if slot.head.flags() & flags::METHOD == flags::NAT {
        give_to_server(packet, quote, &slot).map_err(Refused::Because)?;
    }
    let sent = forward::leave(ctx, packet, quote.ip, &choice.slot);
    let verdict = sent.map_err(Refused::Because)?;
    stats::towards_server(number, quote.length, false);
    Ok(verdict)
}

/// The slot of a live flow whose server is still there; else 0.
#[inline(always)]
fn flow(control: &Control, key: &Key<V6>, tick: u32, pool: u16) -> u32 {
    for bucket in V6::buckets(V6::hash(key, control.secret)) {
        let Some(bucket) = V6::bucket(bucket) else {
            return 0;
        };
        let number = icmp::in_bucket::<V6>(control, bucket, key, tick, pool);
        if number != 0 {
            return number;
        }
    }
    0
}

/// The error is about a packet of a client, or so it says.
#[inline(always)]
fn to_client(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    quote: &Quote,
) -> Result<u32, Refused> {
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    let client = &quote.source;
    let key = Key::new(client.address, client.port, 0, control.secret);
    let found = served(control, &key, &quote.destination, tick);
    let number = found as u16;
    if number == 0 {
        return Err(Refused::NotOurs);
    }
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    let service = services::of_pool((found >> 16) as u16, slot.pool).ok_or(Refused::NotOurs)?;
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    // SAFETY: `Quote::parse` checked the header.
    if unsafe { (*quote.ip).hop_limit } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let way = nat::way_back(ctx, service, ICMP6, tick).map_err(Refused::Because)?;
    give_to_client(packet, quote, service).map_err(Refused::Because)?;
    // SAFETY: as above; there is a hop left.
    unsafe { (*quote.ip).hop_limit = (*quote.ip).hop_limit.wrapping_sub(1) };
    let verdict = way.leave(ctx, quote.length).map_err(Refused::Because)?;
    stats::towards_client(number, quote.length);
    Ok(verdict)
}

/// The slot of `server` in NAT mode and behind it the id of the service, if the client has a live flow with
/// it; else 0.
#[inline(always)]
fn served(control: &Control, client: &Key<V6>, server: &ServiceKey6, tick: u32) -> u32 {
    for bucket in V6::buckets(V6::hash(client, control.secret)) {
        let Some(bucket) = V6::bucket(bucket) else {
            return 0;
        };
        let found = icmp::served_by::<V6>(control, bucket, client, server, tick);
        if found != 0 {
            return found;
        }
    }
    0
}

/// Gives an error, and the packet that it quotes, the address and port of the server that has sent that.
#[inline(always)]
fn give_to_server(packet: Packet, quote: &Quote, slot: &Slot) -> Result<(), Reason> {
    let backend = slot.rest();
    let found = Found::again(packet, quote).ok_or(Reason::Malformed)?;
    // SAFETY: `Quote::parse` checked the header, and `again` the others; the places are those of fields of
    // theirs.
    unsafe {
        let outer = (&raw mut (*quote.ip).destination).cast();
        let outer = nat::readdress(outer, backend.addr6);
        let address = (&raw mut (*found.inner).source).cast();
        let places = (address, &raw mut (*found.ports).source);
        found.requote(places, (backend.addr6, backend.port), outer);
    }
    Ok(())
}

/// The same with those of the service that the client has sent it to; the error comes from there.
#[inline(always)]
fn give_to_client(packet: Packet, quote: &Quote, service: &ServiceInfo) -> Result<(), Reason> {
    let found = Found::again(packet, quote).ok_or(Reason::Malformed)?;
    // SAFETY: as in `give_to_server`.
    unsafe {
        let outer = (&raw mut (*quote.ip).source).cast();
        let outer = nat::readdress(outer, service.key.address);
        let address = (&raw mut (*found.inner).destination).cast();
        let places = (address, &raw mut (*found.ports).destination);
        found.requote(places, (service.key.address, service.key.port), outer);
    }
    Ok(())
}

/// The headers of an error and of the packet that it quotes.
struct Found {
    message: *mut Icmp,
    inner: *mut Ipv6,
    ports: *mut Ports,
    /// Null: not of TCP, or cut off, as most are.
    tcp: *mut u16,
    /// Null: not of UDP, or the datagram has none.
    udp: *mut u16,
}

impl Found {
    /// [`Quote::parse`] has seen that they are there.
    #[inline(always)]
    fn again(packet: Packet, quote: &Quote) -> Option<Self> {
        let message = packet.behind_ip_again::<Icmp>(quote.message)?;
        let inner = packet.behind_ip_again::<Ipv6>(quote.message + size_of::<Icmp>() as u64)?;
        let udp = packet.behind_ip_again::<Udp>(quote.transport)?;
        let mut found = Self {
            message,
            inner,
            ports: udp.cast(),
            tcp: ptr::null_mut(),
            udp: ptr::null_mut(),
        };
        let end = quote.transport + size_of::<Tcp>() as u64;
        // SAFETY: the headers have just been checked.
        unsafe {
            if quote.protocol != TCP {
                if (*udp).checksum != 0 {
                    found.udp = &raw mut (*udp).checksum;
                }
            } else if end <= quote.length
                && let Some(tcp) = packet.behind_ip_again::<Tcp>(quote.transport)
            {
                found.tcp = &raw mut (*tcp).checksum;
            }
        }
        Some(found)
    }

    /// Puts an address and a port into the quoted packet and mends its checksum, if it is there, and that
    /// of the message, whose own address has changed it by `outer`.
    ///
    /// # Safety
    ///
    /// The places are those of an address and a port of the quoted packet.
    #[inline(always)]
    unsafe fn requote(&self, places: Places, new: End, outer: u16) {
        // SAFETY: by contract; `again` has checked what is not null.
        unsafe {
            let change = nat::exchange(places, new);
            let mut sum = change.mend(changed((*self.message).checksum, outer));
            if !self.tcp.is_null() {
                let (old, mended) = (*self.tcp, change.mend(*self.tcp));
                *self.tcp = mended;
                sum = update16(sum, old, mended);
            }
            if !self.udp.is_null() {
                let (old, mended) = (*self.udp, change.mend_udp(*self.udp));
                *self.udp = mended;
                sum = update16(sum, old, mended);
            }
            (*self.message).checksum = sum;
        }
    }
}
