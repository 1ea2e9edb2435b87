//! One case from an empty table to its figures, and the proof that it was what it claims to be.

use anyhow::{Context as _, Result, ensure};
use aya::programs::ProgramFd;
use lb_agent::config::model::Forwarding;
use lb_common::flow::state;

use crate::harness::Harness;
use crate::network::Network;
use crate::scenario::{Family, Scenario, Table, establishing, opening};
use crate::subject::{FLOWS, PORT, Subject};

/// Rounds of one case, unless other are asked for: many short ones, so that some of them are not
/// disturbed, whatever else the machine does.
pub(crate) const ROUNDS: u32 = 60;
/// Packets of one program in one round.
const PACKETS: u32 = 25_000;
/// So many flows are opened, then established, while the table is filled: few of them meet in one
/// bucket while they are half open, when they could push each other out.
const SLICE: u32 = 1024;
/// The table is filled so often at most, until it holds every flow.
const PASSES: u32 = 4;
/// Number of the first flow of the churning: behind those that come again.
const CHURNING: u32 = 1 << 24;
/// Number of the first flow of the cases in which every packet opens one.
const NEW: u32 = 2 << 24;

/// Figures of one case, in nanoseconds per packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// The program, without the harness.
    pub(crate) program: Figures,
    /// The floor, without the harness.
    pub(crate) floor: Figures,
    /// The kernel's loop around a program that does nothing.
    pub(crate) bare_loop: Figures,
    /// Share of the flows that the table held; `None` if the case has no flows of that kind.
    pub(crate) held: Option<f64>,
}

/// Of all rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) minimum: f64,
}

impl Measured {
    /// Cost as a multiple of the floor's, the kernel's loop counted on both sides: of the minima, and
    /// of the medians.
    pub(crate) fn multiples(&self) -> [f64; 2] {
        let Self {
            program,
            floor,
            bare_loop,
            ..
        } = *self;
        [
            (program.minimum + bare_loop.minimum) / (floor.minimum + bare_loop.minimum),
            (program.median + bare_loop.median) / (floor.median + bare_loop.median),
        ]
    }
}

/// A program whose table has been churned, and the family and the `lb_kind` that its cases are for.
/// Churning takes its time, so cases share one; no case of another `lb_kind` does, or the table would
/// fill up.
#[derive(Default)]
pub(crate) struct Churned(Option<(Family, Forwarding, Subject)>);

impl Churned {
    fn of(
        &mut self,
        scenario: &Scenario,
        harness: &mut Harness,
        network: &Network,
    ) -> Result<&mut Subject> {
        let (family, method) = (scenario.family, scenario.method());
        let serves =
            |(of, kind, _): &(Family, Forwarding, Subject)| (*of, *kind) == (family, method);
        if !self.0.as_ref().is_some_and(serves) {
            // Two cannot be there at once: they have the same pins.
            self.0 = None;
            let mut subject = Subject::load(network)?;
            let program = subject.program()?;
            let case = opening(family, Forwarding::Dr);
            harness.run(&program, &case, CHURNING, FLOWS / 4 * 5)?;
            self.0 = Some((family, method, subject));
        }
        let (.., subject) = self.0.as_mut().context("no program")?;
        Ok(subject)
    }
}

/// Measures `scenario`, with a program and a table of its own if that is to be fresh.
pub(crate) fn measure(
    scenario: &Scenario,
    harness: &mut Harness,
    network: &Network,
    churned: &mut Churned,
    rounds: u32,
) -> Result<Measured> {
    match scenario.table {
        Table::Fresh => {
            *churned = Churned::default();
            measure_with(scenario, harness, &mut Subject::load(network)?, rounds)
        }
        Table::Churned => {
            let subject = churned.of(scenario, harness, network)?;
            measure_with(scenario, harness, subject, rounds)
        }
    }
}

fn measure_with(
    scenario: &Scenario,
    harness: &mut Harness,
    subject: &mut Subject,
    count: u32,
) -> Result<Measured> {
    let program = subject.program()?;
    let held = match scenario.flows() {
        Some((method, flows)) => {
            let service = (scenario.family, method);
            Some(fill(harness, subject, &program, service, flows)?)
        }
        None => None,
    };
    let before = subject.counted()?;
    let rounds = rounds(scenario, harness, &program, count)?;
    let after = subject.counted()?;
    let counted = (
        after.packets - before.packets,
        after.connections - before.connections,
    );
    let sent = (count * PACKETS).into();
    let expected = scenario.counted(sent);
    ensure!(
        nearly(counted.0, expected.0, sent) && nearly(counted.1, expected.1, sent),
        "the counters went up by {counted:?} packets and connections, not by {expected:?}"
    );
    if let Some(port) = scenario.opens() {
        let last = NEW + count * PACKETS;
        let service = (scenario.family, scenario.method(), port);
        let share = subject.held(service, last - PACKETS..last, state::SYN_RECV)?;
        ensure!(
            (share > 0.9) != scenario.is_refused(),
            "the table holds {share} of the flows that were opened last"
        );
    }
    Ok(Measured {
        program: net(&rounds.program, &rounds.around_program),
        floor: net(&rounds.floor, &rounds.around_floor),
        bare_loop: Figures {
            median: median(&rounds.bare_loop),
            minimum: minimum(&rounds.bare_loop),
        },
        held,
    })
}

/// Opens and establishes flows; gives the share of them that the table holds.
fn fill(
    harness: &mut Harness,
    subject: &Subject,
    program: &ProgramFd,
    (family, method): (Family, Forwarding),
    flows: u32,
) -> Result<f64> {
    let mut share = 0.0;
    for _ in 0..PASSES {
        for first in (0..flows).step_by(SLICE as usize) {
            // By the second ACK a connection is more than a handshake.
            let again = establishing(family, method);
            let cases = [opening(family, method), again, again];
            for case in cases {
                harness.run(program, &case, first, SLICE.min(flows))?;
            }
        }
        share = subject.held((family, method, PORT), 0..flows, state::ESTABLISHED)?;
        // A flow that was pushed out while it was half open finds room when it comes again.
        if share >= 1.0 {
            break;
        }
    }
    // The others are measured along, so they must be few.
    ensure!(
        share > 0.99,
        "the table holds {share} of the flows that were established"
    );
    Ok(share)
}

/// Nanoseconds per packet, round by round.
#[derive(Debug, Default)]
struct Rounds {
    /// Harness and program.
    program: Vec<f64>,
    /// Harness and a program that does nothing, but for moving the head if the program moves it.
    around_program: Vec<f64>,
    /// Harness and floor.
    floor: Vec<f64>,
    /// Harness and a program that does nothing.
    around_floor: Vec<f64>,
    bare_loop: Vec<f64>,
}

/// The program, the floor and the trivial programs by turns, so that a slow phase of the machine
/// meets all of them.
fn rounds(
    scenario: &Scenario,
    harness: &mut Harness,
    program: &ProgramFd,
    count: u32,
) -> Result<Rounds> {
    let (case, verdict) = scenario.case();
    let [floor4, floor6] = &harness.floor;
    let [push4, push6] = &harness.null_push;
    let (floor, push) = match scenario.family {
        Family::Ipv4 => (floor4, push4),
        Family::Ipv6 => (floor6, push6),
    };
    let (floor, null) = (floor.try_clone()?, harness.null_tx.try_clone()?);
    let trivial = if scenario.encapsulates() {
        push.try_clone()?
    } else {
        null.try_clone()?
    };
    let start = scenario.opens().map_or(0, |_| NEW);
    let mut rounds = Rounds::default();
    for round in 0..count {
        let first = start + round * PACKETS;
        let mut run = |callee: &ProgramFd| harness.run(callee, &case, first, PACKETS);
        rounds.around_program.push(run(&trivial)?.nanoseconds);
        let ran = run(program)?;
        ensure!(
            ran.verdicts.get(verdict).is_some_and(|count| nearly(
                *count,
                PACKETS.into(),
                PACKETS.into()
            )),
            "packets by verdict are {:?}, but they should have {verdict}",
            ran.verdicts
        );
        rounds.program.push(ran.nanoseconds);
        rounds.around_floor.push(run(&null)?.nanoseconds);
        rounds.floor.push(run(&floor)?.nanoseconds);
        rounds.bare_loop.push(harness.bare_loop(&case, PACKETS)?);
    }
    Ok(rounds)
}

/// Whether all are there but for one of a thousand that were sent: of a million flows some find no room
/// in the table, and fare otherwise, and of those beyond a limit the first does.
const fn nearly(found: u64, expected: u64, sent: u64) -> bool {
    found.abs_diff(expected) <= sent / 1000
}

/// A program alone: a slow phase that lasts is in both runs of a round, so their difference is what
/// it is; short ones are not in the minima.
fn net(gross: &[f64], around: &[f64]) -> Figures {
    let differences: Vec<f64> = gross
        .iter()
        .zip(around)
        .map(|(all, own)| all - own)
        .collect();
    Figures {
        median: median(&differences),
        minimum: minimum(gross) - minimum(around),
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn minimum(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::INFINITY, f64::min)
}
