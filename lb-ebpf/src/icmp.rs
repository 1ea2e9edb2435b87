//! ICMP errors that quote a packet of one of our flows go where that packet came from, as IPVS has
//! them do: without them a server never hears that its packets do not fit the path to a client.
//!
//! ```text
//!  "VIP → client does not get through"     ──▶ the server of the client's flow
//!  "client → server does not get through"  ──▶ the client (NAT)
//! ```
//!
//! Everything else of ICMP is the kernel's: echo requests, errors about somebody else's packets,
//! damaged ones. An error does not change its flow, which it must not keep alive or end: anybody
//! can send one.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::{self, CLIENT, TICK_SHIFT, WAYS};
use lb_common::hash::mix;
use lb_common::service::ServiceKey4;
use lb_common::stats::Reason;

use crate::backends;
use crate::balance::{Choice, jiffies, leave_to, pass_gate};
use crate::family::{Family, Key, V4};
use crate::flows;
use crate::forward;
use crate::maps::buckets4;
use crate::packet::{ETHERNET, Icmp, Ipv4, Packet, Ports, Udp};
use crate::parse::{MORE, OFFSET, OPTIONS, Refused, SHORTEST};
use crate::services;
use crate::stats;
use crate::tunnel;

/// IP protocol number of ICMP.
pub(crate) const ICMP: u8 = 1;

/// Destination unreachable, time exceeded, parameter problem (RFC 792): a bit for each type. Others
/// quote packets as well, but should not be heeded any more (RFC 1812 4.3.3.3, RFC 6633).
const ERRORS: u64 = 1 << 3 | 1 << 11 | 1 << 12;

/// An ICMP error and the packet it quotes. Eight bytes of that packet's transport header are there.
pub(crate) struct Quote {
    /// The header of the packet that carries the error.
    pub(crate) ip: *mut Ipv4,
    pub(crate) icmp: *mut Icmp,
    /// The header of the quoted packet.
    pub(crate) inner: *mut Ipv4,
    /// Its ports.
    pub(crate) ports: *mut Ports,
    /// Where those stand, in bytes from the beginning of the IP packet.
    pub(crate) transport: u64,
    /// IP protocol number; of one that is none of ours there is no service.
    pub(crate) protocol: u8,
    /// Length of the whole IP packet.
    pub(crate) length: u64,
}

impl Quote {
    #[inline(always)]
    fn parse(packet: Packet) -> Option<Self> {
        let ip = packet.at::<Ipv4>(ETHERNET)?;
        // SAFETY: `at` checked the header.
        let (header, length, fragment) = unsafe {
            (
                header_length(ip)?,
                u64::from(u16::from_be((*ip).total_length)),
                (*ip).fragment,
            )
        };
        if fragment & (MORE | OFFSET) != 0 || length > packet.behind(ip) {
            return None;
        }
        let icmp = packet.behind_ip::<Icmp>(header)?;
        let start = header + size_of::<Icmp>() as u64;
        let inner = packet.behind_ip::<Ipv4>(start)?;
        // SAFETY: `behind_ip` checked both headers.
        let (kind, inner_header, offset, protocol) = unsafe {
            (
                (*icmp).kind,
                header_length(inner)?,
                (*inner).fragment & OFFSET,
                (*inner).protocol,
            )
        };
        let transport = start + inner_header;
        let ports = packet.behind_ip::<Udp>(transport)?.cast();
        let wanted = kind < 64
            && ERRORS >> kind & 1 == 1
            && offset == 0
            && transport + size_of::<Udp>() as u64 <= length;
        wanted.then_some(Self {
            ip,
            icmp,
            inner,
            ports,
            transport,
            protocol,
            length,
        })
    }
}

/// Length of an IPv4 header, if it can be one.
///
/// # Safety
///
/// All of the header's fixed part is there.
#[inline(always)]
unsafe fn header_length(ip: *const Ipv4) -> Option<u64> {
    // SAFETY: by contract.
    let options = unsafe { (*ip).version_ihl }.wrapping_sub(SHORTEST);
    (options <= OPTIONS).then_some(size_of::<Ipv4>() as u64 + u64::from(options) * 4)
}

/// The verdict on a packet of ICMP. A subprogram: few packets are that.
#[inline(never)]
pub(crate) fn pass_on(ctx: *mut xdp_md, control: &Control) -> u32 {
    match decide(&XdpContext::new(ctx), control) {
        Ok(verdict) => verdict,
        Err(refused) => refused.verdict(),
    }
}

#[inline(always)]
fn decide(ctx: &XdpContext, control: &Control) -> Result<u32, Refused> {
    let packet = Packet::new(ctx);
    let quote = Quote::parse(packet).ok_or(Refused::NotOurs)?;
    // SAFETY: `Quote::parse` checked the headers.
    let (to, [source, destination]) = unsafe {
        let end = |addr, port| ServiceKey4 {
            addr,
            port,
            proto: quote.protocol,
            pad: 0,
        };
        let ends = [
            end((*quote.inner).source, (*quote.ports).source),
            end((*quote.inner).destination, (*quote.ports).destination),
        ];
        ((*quote.ip).destination, ends)
    };
    // An error goes to who has sent what it quotes.
    if to != source.addr {
        return Err(Refused::NotOurs);
    }
    if control.filter.may_be_destination(source.addr)
        && let Some(service) = services::find(&source)
    {
        pass_gate(control, service.gate, jiffies()).map_err(Refused::Because)?;
        let key = flow::key(destination.addr, destination.port, service.id);
        return to_server(ctx, packet, control, &quote, key, service.pool);
    }
    if control.filter.may_be_source(destination.addr) && control.filter.may_be_server(&destination)
    {
        return to_client(ctx, packet, control, &quote, &destination, &source);
    }
    Err(Refused::NotOurs)
}

#[inline(always)]
fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    quote: &Quote,
    key: u64,
    pool: u16,
) -> Result<u32, Refused> {
    let tick = (jiffies() >> TICK_SHIFT) as u32;
    let mut number = 0;
    for bucket in buckets4(mix(key & CLIENT, control.secret)) {
        let bucket = V4::bucket(bucket).ok_or(Refused::NotOurs)?;
        number = in_bucket::<V4>(control, bucket, &Key::of(key), tick, pool);
        if number != 0 {
            break;
        }
    }
    let number = number as u16;
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    if number == 0 {
        return Err(Refused::NotOurs);
    }
    let choice = Choice {
        number,
        slot,
        new: false,
    };
    if choice.slot.head.has(flags::TUNNEL) {
        return Ok(tunnel::hand_over(&choice, 0, true));
    }
    leave_to(&choice, quote.length).map_err(Refused::Because)?;
    // SAFETY: `Quote::parse` checked the header.
    if unsafe { (*quote.ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let sent = forward::error_to_server(ctx, packet, quote, &choice.slot);
    let verdict = sent.map_err(Refused::Because)?;
    stats::towards_server(number, quote.length, false);
    Ok(verdict)
}

/// The slot of the flow of a service of `pool`, if it stands in this bucket, is live and has its server
/// still; else 0.
#[inline(never)]
pub(crate) fn in_bucket<F: Family>(
    control: &Control,
    bucket: *mut F::Bucket,
    key: &Key<F>,
    tick: u32,
    pool: u16,
) -> u32 {
    let Some((_, flow)) = flows::find::<F>(bucket, key) else {
        return 0;
    };
    if flows::expired(control, &flow, tick) {
        return 0;
    }
    match backends::read(flow.slot()) {
        Some(slot) if slot.serves(&flow, pool) => flow.slot().into(),
        _ => 0,
    }
}

#[inline(always)]
fn to_client(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    quote: &Quote,
    server: &ServiceKey4,
    client: &ServiceKey4,
) -> Result<u32, Refused> {
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    let client = flow::key(client.addr, client.port, 0);
    let mut found = 0;
    for bucket in buckets4(mix(client, control.secret)) {
        let bucket = V4::bucket(bucket).ok_or(Refused::NotOurs)?;
        found = served_by::<V4>(control, bucket, &Key::of(client), server, tick);
        if found != 0 {
            break;
        }
    }
    let number = found as u16;
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    if number == 0 {
        return Err(Refused::NotOurs);
    }
    let service = services::of_pool((found >> 16) as u16, slot.pool).ok_or(Refused::NotOurs)?;
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    // SAFETY: `Quote::parse` checked the header.
    if unsafe { (*quote.ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let verdict =
        forward::error_to_client(ctx, packet, quote, service, tick).map_err(Refused::Because)?;
    stats::towards_client(number, quote.length);
    Ok(verdict)
}

/// The slot of `server` in NAT mode and behind it the id of the service, if the client has a live flow
/// with it in this bucket; else 0.
#[inline(never)]
pub(crate) fn served_by<F: Family>(
    control: &Control,
    bucket: *mut F::Bucket,
    client: &Key<F>,
    server: &F::Server,
    tick: u32,
) -> u32 {
    for way in 0..WAYS as u32 {
        let Some(flow) = flows::read(flows::entry::<F>(bucket, way), client, CLIENT) else {
            continue;
        };
        if flows::expired(control, &flow, tick) {
            continue;
        }
        if let Some(slot) = backends::read(flow.slot())
            && slot.head.generation() == flow.generation()
            && F::is_nat_server(&slot, server)
            && services::of_pool(flow.service(), slot.pool).is_some()
        {
            return u32::from(flow.slot()) | u32::from(flow.service()) << 16;
        }
    }
    0
}
