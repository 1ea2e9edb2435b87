//! The way back in NAT mode: a real server's packet that belongs to a live flow goes to the
//! client in the name of the service. Whatever else a real server sends is not ours.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::control::Control;
use lb_common::flow::{self, CLIENT, FlowEntry, TICK_SHIFT, WAYS, target};
use lb_common::fragment::{self, FROM_SERVER};
use lb_common::limits::MAX_SERVICES;
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
use crate::services;
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
    let (bucket, found) = reply.find().ok_or(Refused::NotOurs)?;
    let slot = found.slot();
    let server = backends::read(slot).ok_or(Refused::NotOurs)?;
    let service = services::of_pool(found.service(), server.pool).ok_or(Refused::NotOurs)?;
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    note(&reply, bucket, found.0);
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let tick = (now >> TICK_SHIFT) as u32;
    if IS_SCTP && headers.more {
        sctp::pass_fragment_to_client(&headers, service).map_err(Refused::Because)?;
    }
    if headers.more {
        let target = target(slot, server.head.generation());
        fragments::remember(
            ip,
            target,
            fragment::stamp(tick, found.service()) | FROM_SERVER,
        );
    }
    let verdict = forward::to_client::<IS_SCTP>(ctx, packet, &headers, service, tick)
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

/// Where a flow stands that a packet answers, in one word: the slot of the server, the id of the service
/// (14 bits), the way in the bucket; 0: it does not stand there.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Found(pub(crate) u32);

const WAY_SHIFT: u32 = 30;

const _: () = assert!(MAX_SERVICES <= 1 << (WAY_SHIFT - 16) && WAYS <= 1 << (32 - WAY_SHIFT));

impl Found {
    #[inline(always)]
    pub(crate) const fn slot(self) -> u16 {
        self.0 as u16
    }

    #[inline(always)]
    pub(crate) const fn service(self) -> u16 {
        (self.0 >> 16) as u16 & (MAX_SERVICES - 1) as u16
    }

    #[inline(always)]
    const fn way(self) -> u32 {
        self.0 >> WAY_SHIFT
    }
}

impl<F: Family> Reply<'_, F> {
    /// The flow that this packet answers, and its bucket.
    #[inline(always)]
    pub(crate) fn find(&self) -> Option<(*mut F::Bucket, Found)> {
        for bucket in F::buckets(F::hash(&self.client, self.control.secret)) {
            let bucket = F::bucket(bucket)?;
            let found = in_bucket(self, bucket);
            if found != 0 {
                return Some((bucket, Found(found)));
            }
        }
        None
    }
}

/// Looks for the flow of a reply in one bucket: a live one of the client whose server it is. A [`Found`].
#[inline(never)]
fn in_bucket<F: Family>(reply: &Reply<'_, F>, bucket: *mut F::Bucket) -> u32 {
    let tick = (reply.now >> TICK_SHIFT) as u32;
    for way in 0..WAYS as u32 {
        let entry = flows::entry::<F>(bucket, way);
        if let Some(flow) = flows::read(entry, &reply.client, CLIENT)
            && is_answered(reply, &flow, tick)
        {
            return u32::from(flow.slot()) | u32::from(flow.service()) << 16 | way << WAY_SHIFT;
        }
    }
    0
}

/// Whether a flow is live, its service is still there and its server has sent the reply.
#[inline(always)]
fn is_answered<F: Family>(reply: &Reply<'_, F>, flow: &FlowEntry, tick: u32) -> bool {
    if flows::expired(reply.control, flow, tick) {
        return false;
    }
    backends::read(flow.slot()).is_some_and(|slot| {
        slot.head.generation() == flow.generation()
            && F::is_nat_server(&slot, &reply.server)
            && services::of_pool(flow.service(), slot.pool).is_some()
    })
}

/// Notes a reply in the flow that [`in_bucket`] has found. A subprogram of its own, for the stack's sake.
#[inline(never)]
pub(crate) fn note<F: Family>(reply: &Reply<'_, F>, bucket: *mut F::Bucket, found: u32) -> u32 {
    let found = Found(found);
    let entry = flows::entry::<F>(bucket, found.way());
    let key = Key::<F> {
        word: reply.client.word | u64::from(found.service()) << 48,
        rest: reply.client.rest,
    };
    let Some(old) = flows::read(entry, &key, u64::MAX) else {
        return 0;
    };
    let tick = (reply.now >> TICK_SHIFT) as u32;
    let state = states::after::<F>(old.state(), reply.flags, states::SERVER);
    let life = flow::life(state, tick);
    let noted = flows::touch(entry, &old, life).is_some();
    if noted && !guard::note_change(&old, || F::source(&reply.client), state, tick) {
        // The client's own next packet is the one that is dropped.
        flows::touch(entry, &FlowEntry { life, ..old }, old.life);
    }
    0
}
