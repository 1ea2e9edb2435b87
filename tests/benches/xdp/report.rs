//! What is printed.

use std::fmt;

use aya::programs::ProgramInfo;

use crate::measure::{Figures, Measured, ROUNDS};
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
         floor: a program that only checks the headers and rewrites the MACs. It runs in the same \
         harness as the\nprogram, and both are printed without it. loop: what the kernel takes for a \
         packet around a program that\ndoes nothing. Beside that the floor is next to nothing, and a \
         multiple of it would be noise, so it counts on\nboth sides: multiple = (program + loop) / \
         (floor + loop), of the minima, in brackets of the medians.\n",
        info.size_translated().unwrap_or(0) / 8,
        info.size_jitted(),
    );
    println!(
        "{:<40}|     program     |      floor      |      loop       |   multiple    |\n\
         {:<40}|    min   median |    min   median |    min   median |  min (median) | target",
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
    let minimum = (program.minimum + bare_loop.minimum) / (floor.minimum + bare_loop.minimum);
    let median = (program.median + bare_loop.median) / (floor.median + bare_loop.median);
    let verdict = match scenario.target {
        None => String::new(),
        Some(target) if minimum <= target => format!("{target:.1} met"),
        Some(target) => format!("{target:.1} MISSED"),
    };
    // What is not in the table is measured as a miss.
    let held = match measured.held {
        Some(held) if held < 1.0 => format!(" ({:.1} % of the flows in the table)", held * 100.0),
        _ => String::new(),
    };
    println!(
        "{:<40}| {program} | {floor} | {bare_loop} | {minimum:>5.2} ({median:>5.2}) | {verdict}{held}",
        scenario.to_string(),
    );
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.1} {:>8.1}", self.minimum, self.median)
    }
}

/// A case that was not what it claims to be: its figures would mean nothing.
pub(crate) fn unsound(scenario: &Scenario, error: &anyhow::Error) {
    println!("{:<40}| NOT MEASURED: {error:#}", scenario.to_string());
}
