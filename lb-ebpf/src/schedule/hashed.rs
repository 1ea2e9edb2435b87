//! Schedulers that hash: `sh` and `mh` the client, `dh` the address it asks for. Table and hash are
//! IPVS's, so that all directors choose alike.

use lb_common::ipvs_hash::{self, HASH_BUCKETS, MAGLEV_OFFSET};
use lb_common::policy::{Policy, flags};
use lb_common::schedule::weight;
use lb_common::service::scheduler;

use super::{ALL_FULL, COMPARE, Flow, NOBODY, at, is_unavailable, target};
use crate::admission::Question;
use crate::family::Family;
use crate::maps::Schedule;

/// How many places are looked at for a server that takes new flows (`sh-fallback`, `mh-fallback`)
/// before the first one of the service is taken. IPVS looks at all of them.
const LOOKED_AT: u32 = 32;

/// The element of the hash, whether its server takes new flows or not; 0: it has no weight.
#[inline(always)]
pub(super) fn own<F: Family>(question: &Question<F>, policy: &Policy, table: &Schedule) -> u32 {
    let turns = at(table, 0);
    if turns == 0 {
        return NOBODY;
    }
    let (client, port) = (question.client(), question.port());
    let value = value(policy, client, port, question.destination);
    let place = position(policy.scheduler, value, turns, 0);
    let element = at(table, 1 + place);
    if weight(element) == 0 {
        NOBODY
    } else {
        element
    }
}

/// The server of the hash, or with a fallback the next one that takes new flows.
#[inline(always)]
pub(super) fn next(flow: &Flow) -> u32 {
    let Some(table) = flow.table() else {
        return NOBODY;
    };
    let turns = at(table, 0);
    if turns == 0 {
        return NOBODY;
    }
    let value = value(flow.policy, flow.client, flow.port, flow.destination);
    let by = flow.policy.scheduler;
    let first = position(by, value, turns, 0);
    let element = at(table, 1 + first);
    if !is_unavailable(element, flow) {
        return target(element);
    }
    if !flow.policy.has(flags::FALLBACK) {
        return ALL_FULL;
    }
    for offset in 0..LOOKED_AT {
        let shift = first + offset;
        let shift = if shift >= turns { shift - turns } else { shift };
        let place = position(by, value, turns, shift ^ flow.zero) ^ flow.zero;
        let element = at(table, 1 + place) ^ flow.zero;
        if !is_unavailable(element, flow) {
            return target(element);
        }
    }
    COMPARE
}

/// What is hashed of a flow.
#[inline(always)]
fn value(policy: &Policy, client: u32, port: u16, destination: u32) -> u32 {
    let address = if policy.scheduler == scheduler::DH {
        destination
    } else {
        client
    };
    let port = if policy.has(flags::PORT) {
        u16::from_be(port)
    } else {
        0
    };
    ipvs_hash::value(u32::from_be(address), port)
}

/// The position, from 0 on, that the hash gives with an offset. `turns` is not 0.
#[inline(always)]
fn position(by: u8, value: u32, turns: u32, offset: u32) -> u32 {
    if by == scheduler::MH {
        return ipvs_hash::hsiphash(value.wrapping_add(offset), MAGLEV_OFFSET) % turns;
    }
    // A table of `sh` and `dh` has so many turns; that of another scheduler, while the agent goes
    // over from one to the other, has its own number.
    (offset.wrapping_add(ipvs_hash::bucket(value)) & (HASH_BUCKETS - 1)) % turns
}
