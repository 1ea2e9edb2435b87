//! The decision: is it ours, whose is it, what becomes of it.
//!
//! ```text
//!  frame ─▶ filter ─▶ service ─▶ gate ─▶ flow ──hit──▶ server ─▶ rewrite ─▶ out
//!             │          │         │       └─miss─▶ schedule ──┘
//!             └──────────┴─────────┴───▶ the kernel, as if we were not there
//! ```

use core::ptr;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_jiffies64;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::{Backend, flags};
use lb_common::control::Control;
use lb_common::flow::{self, FREE, FlowEntry, TICK_SHIFT, state, tcp};
use lb_common::hash::mix;
use lb_common::limits::MAX_GATES;
use lb_common::service::{ServiceEntry, ServiceKey4, TCP};
use lb_common::stats::Reason;

use crate::flows;
use crate::forward;
use crate::maps::{BACKENDS, CONTROL, REALS4};
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Packet};
use crate::parse::{Headers, Refused, parse};
use crate::schedule;
use crate::services;
use crate::stats::{self, count};

/// The verdict for one frame.
#[inline(always)]
pub(crate) fn balance(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let (Some(ethernet), Some(ip)) = (packet.at::<Ethernet>(0), packet.at::<Ipv4>(ETHERNET)) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked both headers.
    let (ether_type, source, destination) =
        unsafe { ((*ethernet).ether_type, (*ip).source, (*ip).destination) };
    let Some(control) = CONTROL.get(0) else {
        return XDP_PASS;
    };
    if ether_type != IPV4 {
        return XDP_PASS;
    }
    let mut verdict = Err(Refused::NotOurs);
    if control.filter.may_be_destination(destination) {
        verdict = from_client(ctx, packet, control, ip);
    }
    // The filter takes some clients for virtual addresses: replies to them come here, too.
    if let Err(Refused::NotOurs) = verdict
        && control.filter.may_be_source(source)
    {
        verdict = from_server(ctx, packet, control, ip);
    }
    match verdict {
        Ok(verdict) => verdict,
        Err(Refused::NotOurs) => XDP_PASS,
        Err(Refused::Because(reason)) => {
            count(reason);
            reason.verdict()
        }
    }
}

/// Whether the instance of a gate is MASTER and the agent alive, at the jiffies `now`.
#[inline(always)]
fn pass_gate(control: &Control, gate: u16, now: u64) -> Result<(), Refused> {
    if control.armed[usize::from(gate) & (MAX_GATES - 1)] == 0 {
        return Err(Refused::Because(Reason::NotMaster));
    }
    if control.deadman != 0 && now.wrapping_sub(control.heartbeat) > control.deadman {
        return Err(Refused::Because(Reason::AgentSilent));
    }
    Ok(())
}

/// The time in jiffies.
#[inline(always)]
fn jiffies() -> u64 {
    // SAFETY: the helper takes nothing and reads a clock.
    unsafe { bpf_jiffies64() }
}

/// The server a packet goes to, and whether its flow is new.
struct Choice {
    slot: u16,
    backend: &'static Backend,
    new: bool,
}

/// A packet of a client: to the server of its flow.
#[inline(always)]
fn from_client(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv4,
) -> Result<u32, Refused> {
    let headers = parse(packet, ip)?;
    // SAFETY: `parse` checked the headers.
    let (source, key, port) = unsafe {
        let key = ServiceKey4 {
            addr: (*ip).destination,
            port: (*headers.ports).destination,
            proto: headers.protocol,
            pad: 0,
        };
        ((*ip).source, key, (*headers.ports).source)
    };
    let Some(service) = services::find(&key) else {
        return Err(Refused::NotOurs);
    };
    let now = jiffies();
    pass_gate(control, service.gate, now)?;
    let tick = (now >> TICK_SHIFT) as u32;
    let flow = flow::key(source, port, service.id);
    let choice = choose(control, &service, &headers, flow, tick)?;
    if !choice.backend.has(flags::READY) {
        let local = choice.backend.has(flags::LOCAL);
        if local {
            stats::towards_server(choice.slot, headers.length, choice.new);
        }
        let reason = if local {
            Reason::LocalServer
        } else {
            Reason::NoNeighbour
        };
        return Err(Refused::Because(reason));
    }
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let verdict =
        forward::to_server(ctx, packet, &headers, choice.backend).map_err(Refused::Because)?;
    stats::towards_server(choice.slot, headers.length, choice.new);
    Ok(verdict)
}

/// The server of a flow: the one it has, or the one whose turn it is.
#[inline(always)]
fn choose(
    control: &Control,
    service: &ServiceEntry,
    headers: &Headers,
    key: u64,
    tick: u32,
) -> Result<Choice, Refused> {
    let hash = mix(key & flows::CLIENT, control.secret);
    let none = || Refused::Because(Reason::NoServer);
    let bucket = flows::bucket(hash).ok_or_else(none)?;
    let opens = headers.protocol != TCP || headers.flags & (tcp::SYN | tcp::RST) == tcp::SYN;
    let known = flows::find(bucket, key);
    if let Some((entry, old)) = &known
        && !flows::expired(control, old, tick)
        && !(opens && matches!(old.state(), state::FIN_WAIT | state::CLOSE))
        && let Some(backend) = BACKENDS.get(u32::from(old.slot()))
        && backend.generation == old.generation()
    {
        flows::touch(*entry, old, after(old.state(), headers), tick);
        return Ok(Choice {
            slot: old.slot(),
            backend,
            new: false,
        });
    }
    if opens {
        let (slot, backend) = schedule::next(service, headers, tick).ok_or_else(none)?;
        let new = FlowEntry {
            key,
            target: flow::target(slot, backend.generation),
            life: flow::life(after(state::NONE, headers), tick),
        };
        let place = match known {
            Some((entry, _)) => Some((entry, key)),
            None => flows::victim(bucket, &new, control, tick),
        };
        if let Some((entry, held)) = place
            && flows::write(entry, held, &new)
        {
            return Ok(Choice {
                slot,
                backend,
                new: true,
            });
        }
    }
    // A new flow that found no room in the table, or the middle of a connection that we do not
    // know. Nothing is remembered: the former goes on like this from its first packet to its
    // last, the latter is reset by a server that does not know it either.
    let (slot, backend) = schedule::stateless(service, headers, hash, tick).ok_or_else(none)?;
    Ok(Choice {
        slot,
        backend,
        new: opens,
    })
}

/// The state after this packet of the client.
#[inline(always)]
const fn after(from: u8, headers: &Headers) -> u8 {
    if headers.protocol == TCP {
        flow::after_client(from, headers.flags)
    } else {
        state::UDP
    }
}

/// A packet of a server in NAT mode: back to the client, in the name of the service.
#[inline(always)]
fn from_server(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv4,
) -> Result<u32, Refused> {
    let headers = parse(packet, ip)?;
    // SAFETY: `parse` checked the headers.
    let (real, client) = unsafe {
        let real = ServiceKey4 {
            addr: (*ip).source,
            port: (*headers.ports).source,
            proto: headers.protocol,
            pad: 0,
        };
        (
            real,
            flow::key((*ip).destination, (*headers.ports).destination, 0),
        )
    };
    // SAFETY: the agent replaces values as a whole, so the reference shows one or the other.
    let Some(fallback) = (unsafe { REALS4.get(&real) }) else {
        return Err(Refused::NotOurs);
    };
    let Some(bucket) = flows::bucket(mix(client, control.secret)) else {
        return Err(Refused::NotOurs);
    };
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    // Without a flow, the one server that has this address. The null pointer stands for an
    // `Option`: that would leave the entry's words unset, and the verifier sees them copied.
    let mut entry = ptr::null_mut();
    let mut flow = FlowEntry {
        key: FREE,
        target: flow::target(fallback.slot as u16, 0),
        life: 0,
    };
    if let Some(found) = flow_of_reply(control, bucket, client, &real, tick) {
        (entry, flow) = found;
    }
    let Some(backend) = BACKENDS.get(u32::from(flow.slot())) else {
        return Err(Refused::NotOurs);
    };
    if !backend.has(flags::IN_USE | flags::NAT) {
        return Err(Refused::NotOurs);
    }
    pass_gate(control, backend.gate, now)?;
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    if !entry.is_null() {
        let state = if headers.protocol == TCP {
            flow::after_server(flow.state(), headers.flags)
        } else {
            state::UDP
        };
        flows::touch(entry, &flow, state, tick);
    }
    let verdict = forward::to_client(ctx, packet, &headers, backend).map_err(|reason| {
        // Without a flow it need not be a reply at all: the answer to our own health check goes
        // to this host, and no route leads there.
        if entry.is_null() {
            Refused::NotOurs
        } else {
            Refused::Because(reason)
        }
    })?;
    stats::towards_client(flow.slot(), headers.length);
    Ok(verdict)
}

/// The flow that a reply of `real` to `client` belongs to: the live entry of that client whose
/// server it is.
#[inline(always)]
fn flow_of_reply(
    control: &Control,
    bucket: *mut flow::FlowBucket,
    client: u64,
    real: &ServiceKey4,
    tick: u32,
) -> Option<(*mut FlowEntry, FlowEntry)> {
    for way in 0..flow::WAYS {
        // SAFETY: `way` is below the length of the array.
        let entry = unsafe { &raw mut (*bucket).ways[way] };
        if let Some(old) = flows::read(entry, client, flows::CLIENT)
            && !flows::expired(control, &old, tick)
            && let Some(backend) = BACKENDS.get(u32::from(old.slot()))
            && backend.generation == old.generation()
            && backend.has(flags::IN_USE | flags::NAT)
            && backend.addr == real.addr
            && backend.port == real.port
            && backend.proto == real.proto
        {
            return Some((entry, old));
        }
    }
    None
}
