//! `persistence_timeout`: templates, by which a client comes to the server of its earlier flows.

use lb_common::affinity::Affinity;
use lb_common::backend::flags;
use lb_common::flow;
use lb_common::policy::Policy;

use crate::admission::Question;
use crate::backends;
use crate::family::{Family, Key, Six, V4};
use crate::flows::compare_exchange;
use crate::schedule;
use crate::trace;

/// Slot and generation of the server of the client's template, which is young again; 0: there is
/// none.
#[inline(never)]
pub(crate) fn recall<F: Family>(question: &Question<F>, policy: &Policy) -> u32 {
    let key = template_key::<F>(policy, &question.key);
    if let Some(template) = F::template(&key) {
        let held = read(template);
        if server_of(question, policy, held).is_some() {
            stamp(template, question.tick);
            note_trace::<F>();
            return held.target;
        }
    }
    if let Some(template) = F::pending(&key) {
        let held = read(template);
        if server_of(question, policy, held).is_some() {
            stamp(template, question.tick);
            note_trace::<F>();
            if question.is_datagram() {
                // Its second flow: it has been seen again.
                confirm::<F>(&key, held.target, question.tick);
            }
            return held.target;
        }
    }
    0
}

/// A template has named the server.
#[inline(always)]
fn note_trace<F: Family>() {
    if F::TRACED {
        trace::note_template();
    }
}

/// Makes `target` the client's template, for as long as it has not been seen again; what another
/// CPU has given it meanwhile, if it has.
#[inline(never)]
pub(crate) fn remember<F: Family>(question: &Question<F>, policy: &Policy, target: u32) -> u32 {
    let key = template_key::<F>(policy, &question.key);
    let fresh = Affinity {
        target,
        stamp: question.tick,
    };
    let template = F::pending(&key);
    // Another CPU may be at the same with the same client: the first to write decides for both.
    let given = match template {
        Some(template) => {
            let held = read(template);
            if server_of(question, policy, held).is_some() {
                held
            } else {
                replace(template, held, fresh)
            }
        }
        // A full map evicts another client; if even that fails, this flow has no memory.
        None if F::begin_pending(&key, fresh) => fresh,
        None => F::pending(&key).map_or(fresh, read),
    };
    if server_of(question, policy, given).is_some() {
        given.target
    } else {
        target
    }
}

/// The slot that the client's template stands for.
#[inline(always)]
pub(crate) fn remembered<F: Family>(question: &Question<F>, policy: &Policy) -> Option<u16> {
    let key = template_key::<F>(policy, &question.key);
    let known = F::template(&key).map(read);
    known
        .and_then(|held| server_of(question, policy, held))
        .or_else(|| server_of(question, policy, read(F::pending(&key)?)))
}

/// Keeps the template alive that a flow was given its server by, or makes it anew, as IPVS does as
/// long as a template has connections. Called once in a tick of a flow that has been seen again, and
/// when it has become that; it writes when a quarter of `persistence_timeout` has passed.
#[inline(always)]
fn keep<F: Family>(pool: u16, client: &Key<F>, target: u32, tick: u32) {
    let Some(policy) = schedule::policy(pool) else {
        return;
    };
    let key = template_key::<F>(policy, client);
    let Some(template) = F::template(&key) else {
        confirm::<F>(&key, target, tick);
        return;
    };
    let held = read(template);
    if held.target == target {
        if held.age(tick) > policy.affinity_ticks / 4 {
            stamp(template, tick);
        }
    } else if !is_alive(held, policy, tick) {
        // Another CPU that is quicker has given it another server: the next packet tells.
        replace(
            template,
            held,
            Affinity {
                target,
                stamp: tick,
            },
        );
    }
}

/// A client has been seen again. If it is given another server at the same moment, that one stays.
#[inline(always)]
fn confirm<F: Family>(key: &F::TemplateKey, target: u32, tick: u32) {
    let fresh = Affinity {
        target,
        stamp: tick,
    };
    F::begin_template(key, fresh);
}

/// [`keep`] of IPv4, whose question need not lie in memory for it. A global function: the verifier
/// looks at it once, whoever calls it. It answers 0.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_keep(pool: u32, client: u32, target: u32, tick: u32) -> u32 {
    let client = Key::of(client.into());
    keep::<V4>(pool as u16, &client, target, tick);
    0
}

/// [`keep`] of IPv6.
#[inline(never)]
pub(crate) fn keep6<const TRACED: bool, const SCTP: bool>(
    question: &Question<Six<TRACED, SCTP>>,
    target: u32,
) {
    let pool = question.service.pool;
    keep::<Six<TRACED, SCTP>>(pool, &question.key, target, question.tick);
}

/// Ticks from `stamp` to `tick`; 0 if another CPU's clock was ahead.
#[inline(always)]
pub(crate) const fn age(stamp: u32, tick: u32) -> u32 {
    Affinity { target: 0, stamp }.age(tick)
}

#[inline(always)]
fn template_key<F: Family>(policy: &Policy, client: &Key<F>) -> F::TemplateKey {
    F::template_key(client, policy.pool, policy.granularity)
}

/// What a template says, read at once.
#[inline(always)]
fn read(template: *mut Affinity) -> Affinity {
    // SAFETY: the kernel aligns the values of a map to eight bytes, and the entry stays in place
    // while the program runs. It may have been given to another client: see `server_of`.
    Affinity::from_word(unsafe { template.cast::<u64>().read_volatile() })
}

#[inline(always)]
fn stamp(template: *mut Affinity, tick: u32) {
    // SAFETY: as in `read`.
    unsafe { (&raw mut (*template).stamp).write_volatile(tick) };
}

/// Writes `new` over a template that is `held`; what the client has been given, by us or by
/// another CPU that was quicker.
#[inline(always)]
fn replace(template: *mut Affinity, held: Affinity, new: Affinity) -> Affinity {
    // SAFETY: as in `read`.
    let found = unsafe { compare_exchange(template.cast(), held.word(), new.word()) };
    if found == held.word() {
        new
    } else {
        Affinity::from_word(found)
    }
}

/// The slot of the server that a template stands for, if it has not timed out and its server is
/// still there.
#[inline(always)]
fn server_of<F: Family>(
    question: &Question<F>,
    policy: &Policy,
    template: Affinity,
) -> Option<u16> {
    is_alive(template, policy, question.tick).then_some(template.target as u16)
}

/// Whether a template has not timed out and its server is still there. The entry of an evicted
/// client may be another pool's already.
#[inline(always)]
fn is_alive(template: Affinity, policy: &Policy, tick: u32) -> bool {
    let slot = template.target as u16;
    backends::read(slot).is_some_and(|server| {
        template.target == flow::target(slot, server.head.generation())
            && server.head.has(flags::IN_USE)
            && server.pool == policy.pool
            && template.age(tick) <= policy.affinity_ticks
    })
}
