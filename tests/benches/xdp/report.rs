//! What is printed.

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
         program: without the harness. floor: a program that only checks the headers and rewrites \
         the MACs,\nwith the kernel's loop around it. multiple: of the minima, in brackets of the \
         medians.\n",
        info.size_translated().unwrap_or(0) / 8,
        info.size_jitted(),
    );
    println!(
        "{:<34}|     program     |      floor      |    multiple     |\n\
         {:<34}|    min   median |    min   median |   min (median)  | target",
        "", "case"
    );
}

/// One case.
pub(crate) fn line(scenario: &Scenario, measured: &Measured) {
    let (program, floor) = (measured.program, measured.floor);
    let multiple = program.minimum / floor.minimum;
    let verdict = match scenario.target {
        None => String::new(),
        Some(target) if multiple <= target => format!("{target:.1} met"),
        Some(target) => format!("{target:.1} MISSED"),
    };
    // What is not in the table is measured as a miss.
    let held = match measured.held {
        Some(held) if held < 1.0 => format!(" ({:.1} % of the flows in the table)", held * 100.0),
        _ => String::new(),
    };
    println!(
        "{:<34}| {:>6.1} {:>8.1} | {:>6.1} {:>8.1} | {multiple:>5.2} ({:>5.2})   | {verdict}{held}",
        scenario.to_string(),
        program.minimum,
        program.median,
        floor.minimum,
        floor.median,
        program.median / floor.median,
    );
}

/// A case that was not what it claims to be: its figures would mean nothing.
pub(crate) fn unsound(scenario: &Scenario, error: &anyhow::Error) {
    println!("{:<34}| NOT MEASURED: {error:#}", scenario.to_string());
}
