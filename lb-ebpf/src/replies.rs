//! The way back in NAT mode: a real server's packet that belongs to a live flow goes to the
//! client in the name of the service. Whatever else a real server sends is not ours.

use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::{self, CLIENT, FlowBucket, FlowEntry, TICK_SHIFT, WAYS, state};
use lb_common::hash::mix;
use lb_common::service::{ServiceKey4, TCP};
use lb_common::stats::Reason;

use crate::backends;
use crate::balance::{jiffies, pass_gate};
use crate::flows;
use crate::forward;
use crate::packet::{Ipv4, Packet};
use crate::parse::{Refused, parse};
use crate::stats;

/// A packet of a server in NAT mode: back to the client, in the name of the service.
#[inline(always)]
pub(crate) fn from_server(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv4,
) -> Result<u32, Refused> {
    let headers = parse(packet, ip)?;
    // SAFETY: `parse` checked the headers.
    let (server, client) = unsafe {
        let server = ServiceKey4 {
            addr: (*ip).source,
            port: (*headers.ports).source,
            proto: headers.protocol,
            pad: 0,
        };
        let client = flow::key((*ip).destination, (*headers.ports).destination, 0);
        (server, client)
    };
    if !control.filter.may_be_server(&server) {
        return Err(Refused::NotOurs);
    }
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    let search = Search {
        control,
        client,
        server,
        tick,
    };
    let Some((entry, old, slot)) = search.everywhere() else {
        return Err(Refused::NotOurs);
    };
    let service = slot.rest();
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    // SAFETY: `parse` checked the header.
    if unsafe { (*ip).ttl } <= 1 {
        return Err(Refused::Because(Reason::TimeToLive));
    }
    let state = if headers.protocol == TCP {
        flow::after_server(old.state(), headers.flags)
    } else {
        state::UDP
    };
    flows::touch(entry, &old, flow::life(state, tick));
    let verdict =
        forward::to_client(ctx, packet, &headers, service).map_err(Refused::Because)?;
    stats::towards_client(old.slot(), headers.length);
    Ok(verdict)
}

/// What is looked for: a live flow of the client whose server it is.
struct Search<'a> {
    control: &'a Control,
    client: u64,
    server: ServiceKey4,
    tick: u32,
}

/// A flow, what it says, and its server.
type Found = (*mut FlowEntry, FlowEntry, backends::Slot);

impl Search<'_> {
    #[inline(always)]
    fn everywhere(&self) -> Option<Found> {
        let buckets = flow::buckets(mix(self.client, self.control.secret));
        buckets
            .into_iter()
            .find_map(|bucket| self.in_bucket(flows::bucket(bucket)?))
    }

    #[inline(always)]
    fn in_bucket(&self, bucket: *mut FlowBucket) -> Option<Found> {
        (0..WAYS).find_map(|way| self.at(flows::entry(bucket, way)))
    }

    #[inline(always)]
    fn at(&self, entry: *mut FlowEntry) -> Option<Found> {
        let old = flows::read(entry, self.client, CLIENT)?;
        if flows::expired(self.control, &old, self.tick) {
            return None;
        }
        let slot = backends::read(old.slot())?;
        if slot.head.generation() != old.generation()
            || !slot.head.has(flags::IN_USE | flags::NAT)
        {
            return None;
        }
        let server = slot.rest();
        let same = server.addr == self.server.addr
            && server.port == self.server.port
            && server.proto == self.server.proto;
        same.then_some((entry, old, slot))
    }
}
