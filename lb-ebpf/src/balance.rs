//! The decision: is it ours, whose is it, what becomes of it.
//!
//! Errors of ICMP ([`crate::icmp`]), fragments without ports ([`crate::fragments`]) and SCTP
//! ([`crate::sctp`]) leave this way at its beginning.
//!
//! ```text
//!  frame ─▶ filter ─▶ service ─▶ gate ─▶ flow ──hit──▶ server ─▶ rewrite ─▶ out
//!             │          │         │       └─miss─▶ admission ┘
//!             └──────────┴─────────┴───▶ the kernel, as if we were not there
//! ```

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_jiffies64;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::{self, TICK_SHIFT, target};
use lb_common::fragment;
use lb_common::hash::mix;
use lb_common::limits::MAX_GATES;
use lb_common::program;
use lb_common::service::ServiceKey4;
use lb_common::station::GROUP;
use lb_common::stats::Reason;
use lb_common::trace::decision;
use lb_common::vlan;

use crate::admission::{self, Answer, Question};
use crate::backends;
use crate::family::{Family, Four, Key};
use crate::flows;
use crate::forward;
use crate::fragments;
use crate::icmp::{self, ICMP};
use crate::maps::{CONTROL, PROGRAMS, buckets4};
use crate::packet::{ETHERNET, Ethernet, IPV4, IPV6, Ipv4, Packet};
use crate::parse::{Headers, Refused, parse};
use crate::replies::{self, LATER, SCTP};
use crate::sctp;
use crate::services;
use crate::stats;
use crate::trace;
use crate::tunnel;

/// The verdict for one frame; `TRACED`: of the program that watches itself.
#[inline(always)]
pub(crate) fn balance<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let (Some(ethernet), Some(ip)) = (packet.at::<Ethernet>(0), packet.at::<Ipv4>(ETHERNET)) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked the header.
    let (to, ether_type) = unsafe { (ethernet.cast::<u64>().read(), (*ethernet).ether_type) };
    // What is for a group is the kernel's, whatever it carries (RFC 1122 3.2.1.3).
    if ether_type != IPV4 || to & GROUP != 0 {
        return other_program(ctx, ether_type, to);
    }
    let Some(control) = CONTROL.get(0) else {
        return XDP_PASS;
    };
    if !TRACED && control.trace != 0 {
        // SAFETY: nothing here waits to be dropped. If there is no program it returns.
        unsafe { PROGRAMS.tail_call(ctx, program::TRACE) };
    }
    // SAFETY: `at` checked the header.
    let (source, destination, protocol) =
        unsafe { ((*ip).source, (*ip).destination, (*ip).protocol) };
    let to_service = control.filter.may_be_destination(destination);
    if protocol != ICMP && !to_service && !control.filter.may_be_source(source) {
        return XDP_PASS;
    }
    if !control.stations.is_for_us(ctx.ingress_ifindex() as u32, to) {
        return other_host(protocol);
    }
    if protocol == ICMP {
        return tunnel::or_call::<TRACED>(ctx, icmp::pass_on(ctx.ctx, control));
    }
    if to_service {
        match from_client::<TRACED, false>(ctx, packet, control, ip) {
            Ok(verdict) => return verdict,
            // The filter takes some clients for virtual addresses: replies to them come here, too.
            Err(Refused::NotOurs) => {}
            Err(Refused::Later) => {
                return tunnel::or_call::<TRACED>(ctx, fragments::pass_on(ctx.ctx, control));
            }
            Err(Refused::Sctp) => return sctp::hand_over::<TRACED>(ctx),
            Err(refused) => return refused.verdict(),
        }
    }
    if control.filter.may_be_source(source) {
        match replies::from_server::<false>(ctx.ctx, control) {
            LATER => {
                return tunnel::or_call::<TRACED>(ctx, fragments::pass_on(ctx.ctx, control));
            }
            SCTP => return sctp::hand_over::<TRACED>(ctx),
            verdict => return verdict,
        }
    }
    XDP_PASS
}

/// What another program is for goes there; all else, and if there is none, to the kernel.
#[inline(always)]
fn other_program(ctx: &XdpContext, ether_type: u16, to: u64) -> u32 {
    if ether_type == IPV6 && to & GROUP == 0 {
        // SAFETY: nothing here waits to be dropped. If there is no program it returns.
        unsafe { PROGRAMS.tail_call(ctx, program::IPV6) };
    }
    if vlan::is_tag(ether_type) && to & GROUP == 0 {
        // SAFETY: as above.
        unsafe { PROGRAMS.tail_call(ctx, program::VLAN) };
    }
    XDP_PASS
}

/// A frame for somebody else's address; of ICMP it is not known whether it would be ours.
#[inline(always)]
fn other_host(protocol: u8) -> u32 {
    if protocol != ICMP {
        stats::count(Reason::OtherHost);
    }
    XDP_PASS
}

/// Whether the instance of a gate is MASTER and the agent alive, at the jiffies `now`.
#[inline(always)]
pub(crate) fn pass_gate(control: &Control, gate: u16, now: u64) -> Result<(), Reason> {
    if control.armed[usize::from(gate) & (MAX_GATES - 1)] == 0 {
        return Err(Reason::NotMaster);
    }
    if control.is_silent(now) {
        return Err(Reason::AgentSilent);
    }
    Ok(())
}

/// The time in jiffies.
#[inline(always)]
pub(crate) fn jiffies() -> u64 {
    // SAFETY: the helper takes nothing and reads a clock.
    unsafe { bpf_jiffies64() }
}

/// A packet of a client: to the server of its flow.
#[inline(always)]
pub(crate) fn from_client<const TRACED: bool, const SCTP: bool>(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv4,
) -> Result<u32, Refused> {
    let headers = parse::<Four<TRACED, SCTP>>(packet, ip)?;
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
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    let client = flow::key(source, port, 0);
    let [first, ..] = buckets4(mix(client, control.secret));
    let question = Question::<Four<TRACED, SCTP>> {
        service,
        near: Four::<TRACED, SCTP>::bucket(first).ok_or(Refused::NotOurs)?,
        key: Key::of(client | u64::from(service.id) << 48),
        destination: key.addr,
        tick: (now >> TICK_SHIFT) as u32,
        protocol: headers.protocol,
        flags: headers.flags,
    };
    choose(&question, control)
        .and_then(|choice| {
            let (service, tick) = (service.id, question.tick);
            send::<TRACED, SCTP>(ctx, packet, &headers, &choice, service, tick)
        })
        .map_err(Refused::Because)
}

/// The server a packet goes to.
pub(crate) struct Choice {
    pub(crate) number: u16,
    pub(crate) slot: backends::Slot,
    /// The packet opens a connection.
    pub(crate) new: bool,
}

/// The server of a flow that stands in its first bucket, if that goes on.
#[inline(always)]
pub(crate) fn known<F: Family>(
    question: &Question<F>,
    control: &Control,
) -> Result<Option<Choice>, Reason> {
    let Some((entry, old)) = flows::find(question.near, &question.key) else {
        return Ok(None);
    };
    let slot = admission::follow(question, control, entry, &old)?;
    if F::TRACED && slot.is_some() {
        trace::note_choice(old.slot().into(), decision::FLOW.into());
    }
    Ok(slot.map(|slot| Choice {
        number: old.slot(),
        slot,
        new: false,
    }))
}

/// The server of a flow: the one it has, or the one that it is given.
#[inline(always)]
fn choose<const TRACED: bool, const SCTP: bool>(
    question: &Question<Four<TRACED, SCTP>>,
    control: &Control,
) -> Result<Choice, Reason> {
    if let Some(choice) = known(question, control)? {
        return Ok(choice);
    }
    // A copy, so that the question need not lie in memory before somebody asks it.
    let admission = admit(&Question { ..*question }).result()?;
    if TRACED {
        trace::note_admission(admission);
    }
    let number = admission.slot();
    let slot = backends::read(number).ok_or(Reason::NoServer)?;
    let new = admission.is_new();
    // Without the flow nobody could translate the replies.
    let nat = slot.head.has(flags::READY) && slot.head.flags() & flags::METHOD == flags::NAT;
    if nat && admission.is_forgotten() {
        return Err(if new { Reason::NoRoom } else { Reason::NoFlow });
    }
    Ok(Choice { number, slot, new })
}

/// The server of a flow that its first bucket does not answer.
#[inline(never)]
fn admit<const TRACED: bool, const SCTP: bool>(question: &Question<Four<TRACED, SCTP>>) -> Answer {
    if is_bad_source(question) {
        return Answer::refused(Reason::BadSource);
    }
    admission::admit(question)
}

/// Whether nobody can be answered at the client's address: it means no single host, or it is the one
/// that is asked, to which a server's answer would be another question (RFC 1812 5.3.7).
#[inline(always)]
fn is_bad_source<const TRACED: bool, const SCTP: bool>(
    question: &Question<Four<TRACED, SCTP>>,
) -> bool {
    let source = question.key.client();
    let first = u32::from_be(source) >> 24;
    first == 0 || first == 127 || first >= 224 || source == question.destination
}

/// Sends a packet of a service to the server that was chosen for it.
#[inline(always)]
fn send<const TRACED: bool, const SCTP: bool>(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    choice: &Choice,
    service: u16,
    tick: u32,
) -> Result<u32, Reason> {
    if !choice.slot.head.is_at_hand() {
        if choice.slot.head.has(flags::TUNNEL) {
            return Err(tunnel::call::<TRACED>(ctx, choice, service));
        }
        leave_to(choice, headers.length)?;
    }
    if SCTP && headers.more {
        sctp::pass_fragment_to_server(headers, &choice.slot)?;
    }
    if headers.more {
        let target = target(choice.number, choice.slot.head.generation());
        fragments::remember(headers.ip, target, fragment::stamp(tick, service));
    }
    let verdict = forward::to_server::<SCTP>(ctx, packet, headers, &choice.slot, tick)?;
    stats::towards_server(choice.number, headers.length, choice.new);
    Ok(verdict)
}

/// Whether a packet of so many bytes is to leave for its server: of one that is this host the kernel gets
/// it, and it is counted.
#[inline(always)]
pub(crate) fn leave_to(choice: &Choice, length: u64) -> Result<(), Reason> {
    let head = choice.slot.head;
    if head.has(flags::READY) {
        return Ok(());
    }
    if !head.has(flags::LOCAL) {
        return Err(Reason::NoNeighbour);
    }
    stats::towards_server(choice.number, length, choice.new);
    Err(Reason::LocalServer)
}
