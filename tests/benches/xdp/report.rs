//! What is printed.

use std::fmt;

use aya::programs::ProgramInfo;

use crate::measure::{Measured, ROUNDS};
use crate::scenario::Scenario;

/// What is measured and how, and the head of the table.
pub(crate) fn head(cpu: usize, info: &ProgramInfo) {
    let verified = info.verified_instruction_count().map_or_else(
        || "an unknown number of".to_owned(),
        |count| count.to_string(),
    );
    println!(
        "The XDP program: {} instructions, {verified} verified, {} bytes of machine code.\n\n\
         BPF_PROG_TEST_RUN on CPU {cpu}, {ROUNDS} rounds, nanoseconds per packet.\n\
         floor: a program that only checks the headers and rewrites the MACs. Program and floor run \
         in one\nharness, which restores the frame, and are printed without it. loop: what the kernel \
         takes for a\npacket around a program that does nothing.\n\
         multiple: of the minima, in brackets of the medians; with the loop: the same with it added \
         to both.\n",
        info.size_translated().unwrap_or(0) / 8,
        info.size_jitted(),
    );
    println!(
        "{:<34}|     program     |      floor      |  loop |    multiple     |  with the loop  |\n\
         {:<34}|    min   median |    min   median |   min |   min (median)  |   min (median)  | target",
        "", "case"
    );
}

/// One case.
pub(crate) fn line(scenario: &Scenario, measured: &Measured) {
    let Measured {
        program,
        floor,
        bare_loop,
        ..
    } = *measured;
    let alone = Multiple {
        minimum: program.minimum / floor.minimum,
        median: program.median / floor.median,
    };
    let whole = Multiple {
        minimum: (program.minimum + bare_loop.minimum) / (floor.minimum + bare_loop.minimum),
        median: (program.median + bare_loop.median) / (floor.median + bare_loop.median),
    };
    let verdict = match scenario.target {
        None => String::new(),
        Some(target) if whole.minimum <= target => format!("{target:.1} met"),
        Some(target) => format!("{target:.1} MISSED"),
    };
    // What is not in the table is measured as a miss.
    let held = match measured.held {
        Some(held) if held < 1.0 => format!(" ({:.1} % of the flows in the table)", held * 100.0),
        _ => String::new(),
    };
    println!(
        "{:<34}| {:>6.1} {:>8.1} | {:>6.1} {:>8.1} | {:>5.1} | {alone} | {whole} | {verdict}{held}",
        scenario.to_string(),
        program.minimum,
        program.median,
        floor.minimum,
        floor.median,
        bare_loop.minimum,
    );
}

/// A program's time in times of the floor's.
struct Multiple {
    minimum: f64,
    median: f64,
}

impl fmt::Display for Multiple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.2} ({:>6.2}) ", self.minimum, self.median)
    }
}

/// A case that was not what it claims to be: its figures would mean nothing.
pub(crate) fn unsound(scenario: &Scenario, error: &anyhow::Error) {
    println!("{:<34}| NOT MEASURED: {error:#}", scenario.to_string());
}
