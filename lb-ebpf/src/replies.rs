//! The way back in NAT mode: a real server's packet that belongs to a live flow goes to the
//! client in the name of the service. Whatever else a real server sends is not ours.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;
use lb_common::flow::{self, CLIENT, FlowEntry, TICK_SHIFT, WAYS, target};
use lb_common::fragment::{self, FROM_SERVER};
use lb_common::service::ServiceKey4;
use lb_common::stats::Reason;

use crate::backends;
use crate::balance::{jiffies, pass_gate};
use crate::family::{Family, Four, Key};
use crate::flows;
use crate::forward;
use crate::fragments;
use crate::guard;
use crate::packet::{ETHERNET, Ipv4, Packet};
use crate::parse::{Refused, parse};
use crate::sctp;
use crate::states;
use crate::stats;

/// What [`from_server`] says of a fragment without ports; no verdict is this.
pub(crate) const LATER: u32 = 8;
/// And of SCTP, for which there is another program.
pub(crate) const SCTP: u32 = 9;

/// A packet of a server in NAT mode: back to the client, in the name of the service. A subprogram:
/// its variables would not fit the stack beside those of the other direction.
#[inline(never)]
pub(crate) fn from_server<const IS_SCTP: bool>(ctx: *mut xdp_md, control: &Control) -> u32 {
    match translate::<IS_SCTP>(&XdpContext::new(ctx), control) {
        Ok(verdict) => verdict,
        // The caller has more room on the stack.
        Err(Refused::Later) => LATER,
        Err(Refused::Sctp) => SCTP,
        Err(refused) => refused.verdict(),
    }
}

#[inline(always)]
fn translate<const IS_SCTP: bool>(ctx: &XdpContext, control: &Control) -> Result<u32, Refused> {
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv4>(ETHERNET).ok_or(Refused::NotOurs)?;
    let headers = parse::<Four<false, IS_SCTP>>(packet, ip)?;
    // SAFETY: `parse` checked the headers.
    let (server, client) = unsafe {
        let server = ServiceKey4 {
            addr: (*ip).source,
            port: (*headers.ports).source,
            proto: headers.protocol,
            pad: 0,
        };
        let client = flow::key((*ip).destination, (*headers.ports).destination, 0);
        (server, Key::of(client))
    };
    if !control.filter.may_be_server(&server) {
        return Err(Refused::NotOurs);
    }
    let now = jiffies();
    let reply = Reply::<Four<false, IS_SCTP>> {
        control,
        server,
        client,
        now,
        flags: headers.flags,
    };
    let slot = reply.slot()?;
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let server = backends::read(slot).ok_or(Refused::NotOurs)?;
    let tick = (now >> TICK_SHIFT) as u32;
    if IS_SCTP && headers.more {
        sctp::pass_fragment_to_client(&headers, server.rest()).map_err(Refused::Because)?;
    }
    if headers.more {
        let target = target(slot, server.head.generation());
        fragments::remember(ip, target, fragment::stamp(tick) | FROM_SERVER);
    }
    let verdict = forward::to_client::<IS_SCTP>(ctx, packet, &headers, server.rest(), tick)
        .map_err(Refused::Because)?;
    stats::towards_client(slot, headers.length);
    Ok(verdict)
}

/// What may be a reply.
pub(crate) struct Reply<'a, F: Family> {
    pub(crate) control: &'a Control,
    /// Where it comes from.
    pub(crate) server: F::Server,
    /// Address and port that it goes to, without a service.
    pub(crate) client: Key<F>,
    /// Jiffies.
    pub(crate) now: u64,
    /// TCP flags; of a datagram ACK, of SCTP the type of the chunk that counts.
    pub(crate) flags: u8,
}

/// The answer of [`in_bucket`] in one word: a slot, or one of these.
const NOT_FOUND: u32 = 0;
const NOT_MASTER: u32 = 1 << 16;
const AGENT_SILENT: u32 = 2 << 16;

impl<F: Family> Reply<'_, F> {
    /// The slot of the server, if there is a flow that this packet answers, and its gate is open.
    #[inline(always)]
    pub(crate) fn slot(&self) -> Result<u16, Refused> {
        for bucket in F::buckets(F::hash(&self.client, self.control.secret)) {
            let bucket = F::bucket(bucket).ok_or(Refused::NotOurs)?;
            match in_bucket(self, bucket) {
                NOT_FOUND => {}
                NOT_MASTER => return Err(Refused::Because(Reason::NotMaster)),
                AGENT_SILENT => return Err(Refused::Because(Reason::AgentSilent)),
                slot => return Ok(slot as u16),
            }
        }
        Err(Refused::NotOurs)
    }
}

/// Looks for the flow of a reply in one bucket: a live one of the client whose server it is.
#[inline(never)]
fn in_bucket<F: Family>(reply: &Reply<'_, F>, bucket: *mut F::Bucket) -> u32 {
    let tick = (reply.now >> TICK_SHIFT) as u32;
    for way in 0..WAYS as u32 {
        let entry = flows::entry::<F>(bucket, way);
        let Some(old) = flows::read(entry, &reply.client, CLIENT) else {
            continue;
        };
        let Some(gate) = gate_of(reply, &old, tick) else {
            continue;
        };
        match pass_gate(reply.control, gate, reply.now) {
            Ok(()) => {}
            Err(Reason::NotMaster) => return NOT_MASTER,
            Err(_) => return AGENT_SILENT,
        }
        let state = states::after::<F>(old.state(), reply.flags, states::SERVER);
        let life = flow::life(state, tick);
        let noted = flows::touch(entry, &old, life).is_some();
        if noted && !guard::note_change(&old, || F::source(&reply.client), state, tick) {
            // The client's own next packet is the one that is dropped.
            flows::touch(entry, &FlowEntry { life, ..old }, old.life);
        }
        return u32::from(old.slot());
    }
    NOT_FOUND
}

/// The gate of the flow, if it is live and its server has sent the reply.
#[inline(always)]
fn gate_of<F: Family>(reply: &Reply<'_, F>, old: &FlowEntry, tick: u32) -> Option<u16> {
    if flows::expired(reply.control, old, tick) {
        return None;
    }
    let slot = backends::read(old.slot())?;
    let same = slot.head.generation() == old.generation() && F::is_nat_server(&slot, &reply.server);
    same.then_some(slot.rest().gate)
}
