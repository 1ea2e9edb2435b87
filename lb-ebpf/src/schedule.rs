//! Who serves a new flow: the server of the client's earlier flows, else the one that the
//! service's scheduler gives it to. What each scheduler goes by stands in `lb_common::schedule`.

mod hashed;
mod least;
mod locality;
mod turns;

use lb_common::flow;
use lb_common::policy::Policy;
use lb_common::schedule;
use lb_common::service::scheduler;

use crate::admission::Question;
use crate::affinity;
use crate::backends;
use crate::family::Family;
use crate::flows;
use crate::maps::{CONTROL, LOADS, POLICIES, SCHEDULES, Schedule};

/// The target of no server: nobody has a weight.
pub(crate) const NOBODY: u32 = 0;
/// The target of no server: all have as many connections as they may.
pub(crate) const ALL_FULL: u32 = 1 << 16;
/// The target of no server yet: they have to be compared.
const COMPARE: u32 = 2 << 16;

/// How a pool treats new flows; `None`: there is no such pool.
#[inline(always)]
pub(crate) fn policy(pool: u16) -> Option<&'static Policy> {
    POLICIES.get(u32::from(pool))
}

/// Slot and generation of the server for a new flow, or one of the targets of no server.
#[inline(always)]
pub(crate) fn next<F: Family>(question: &Question<F>, policy: &Policy) -> u32 {
    let is_persistent = question.service.persistent != 0;
    if is_persistent {
        match affinity::recall(question, policy) {
            0 => {}
            target => return target,
        }
    }
    let target = lb_schedule(
        policy.pool.into(),
        question.client(),
        question.port().into(),
        question.destination,
        question.tick,
    );
    if !is_persistent || matches!(target, NOBODY | ALL_FULL) {
        return target;
    }
    affinity::remember(question, policy, target)
}

/// Said by [`stateless`] of a server that every packet of the connection gets here, and has got from
/// another director of this configuration: its scheduler or a template says so.
pub(crate) const CONSISTENT: u32 = 1 << 16;

/// The slot for a packet that leaves no trace: the one of the client's template, else the one that
/// its hash stands for; 0: nobody's.
#[inline(never)]
pub(crate) fn stateless<F: Family>(question: &Question<F>) -> u32 {
    let Some(policy) = policy(question.service.pool) else {
        return 0;
    };
    if question.service.persistent != 0
        && let Some(slot) = affinity::remembered(question, policy)
    {
        return u32::from(slot) | CONSISTENT;
    }
    let Some(table) = SCHEDULES.get(u32::from(policy.pool)) else {
        return 0;
    };
    let element = match policy.scheduler {
        scheduler::SH | scheduler::DH | scheduler::MH => {
            return match schedule::slot(hashed::own(question, policy, table)) {
                0 => 0,
                slot => u32::from(slot) | CONSISTENT,
            };
        }
        _ => match (at(table, 0), CONTROL.get(0)) {
            (0, _) | (_, None) => NOBODY,
            (turns, Some(control)) => at(table, schedule::by_hash(question.hash(control), turns)),
        },
    };
    schedule::slot(element).into()
}

/// What the scheduler says, as a target. A global function: the verifier looks at it once, whoever
/// calls it.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_schedule(
    pool: u32,
    client: u32,
    port: u32,
    destination: u32,
    tick: u32,
) -> u32 {
    let (Some(policy), Some(control)) = (policy(pool as u16), CONTROL.get(0)) else {
        return NOBODY;
    };
    let by = policy.scheduler;
    let flow = Flow {
        policy,
        client,
        port: port as u16,
        destination,
        tick,
        zero: flows::zero(control),
        counted: control.has_census(tick).into(),
    };
    let target = match by {
        scheduler::RR | scheduler::WRR => turns::next(&flow),
        scheduler::TWOS => turns::two(&flow),
        scheduler::SH | scheduler::DH | scheduler::MH => hashed::next(&flow),
        scheduler::LBLC | scheduler::LBLCR => locality::next(&flow),
        _ => COMPARE,
    };
    if target != COMPARE {
        return target;
    }
    let answer = least::next(&flow);
    match by {
        scheduler::LBLC | scheduler::LBLCR => locality::decide(&flow, answer),
        _ => answer as u32,
    }
}

/// A new flow, as each scheduler sees it.
struct Flow {
    policy: &'static Policy,
    client: u32,
    port: u16,
    destination: u32,
    tick: u32,
    /// Zero, but the verifier does not know: what it is added to may be any number then, so that
    /// the ways through one round of a loop are alike in the next.
    zero: u32,
    /// 1: the counts of connections are those of now; 0: the agent has not counted for long.
    counted: u32,
}

impl Flow {
    /// The schedule of its service.
    #[inline(always)]
    fn table(&self) -> Option<&'static Schedule> {
        SCHEDULES.get(u32::from(self.policy.pool))
    }
}

/// Slot and generation of the server in an element.
#[inline(always)]
fn target(element: u32) -> u32 {
    let slot = schedule::slot(element);
    match backends::read(slot) {
        Some(server) if slot != 0 => flow::target(slot, server.head.generation()),
        _ => NOBODY,
    }
}

/// Whether the server in an element takes no new flows: it has no weight, or too many of them.
#[inline(always)]
fn is_unavailable(element: u32, flow: &Flow) -> bool {
    schedule::weight(element) == 0 || is_full(schedule::slot(element), flow)
}

/// Whether a server has as many connections as it may.
#[inline(always)]
fn is_full(slot: u16, flow: &Flow) -> bool {
    // SAFETY: a word of the map.
    LOADS.get_ptr(u32::from(slot)).is_some_and(
        |load| unsafe { (&raw const (*load).full).read_volatile() } & flow.counted != 0,
    )
}

/// The element at a place of the table; 0: there is none.
#[inline(always)]
fn at(table: &Schedule, place: u32) -> u32 {
    table.get(place).copied().unwrap_or(0)
}
