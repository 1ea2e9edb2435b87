//! What is printed.

use std::fmt;

use aya::programs::ProgramInfo;

use crate::measure::{Figures, Measured};
use crate::scenario::{Scenario, Target};

/// What is measured and how, and the head of the table.
pub(crate) fn head(cpu: usize, rounds: u32, info: &ProgramInfo) {
    let verified = info.verified_instruction_count().map_or_else(
        || "an unknown number of".to_owned(),
        |count| count.to_string(),
    );
    println!(
        "The XDP program: {} instructions, {verified} verified, {} bytes of machine code.\n\n\
         BPF_PROG_TEST_RUN on CPU {cpu}, {rounds} rounds, nanoseconds per packet.\n\
         floor: a program that only checks the headers and rewrites the MACs. It runs in the same \
         harness as the\nprogram, and both are printed without it. loop: what the kernel takes for a \
         packet around a program that\ndoes nothing. Beside that the floor is next to nothing, and a \
         multiple of it would be noise, so it counts on\nboth sides: multiple = (program + loop) / \
         (floor + loop), of the minima, in brackets of the medians. IPv6 has a floor of its own. A target \
         is such a\nmultiple, or how many times that of another row.\n",
        info.size_translated().unwrap_or(0) / 8,
        info.size_jitted(),
    );
    println!(
        "{:<40}|     program     |      floor      |      loop       |   multiple    |\n\
         {:<40}|    min   median |    min   median |    min   median |  min (median) | target",
        "", "case"
    );
}

/// What has been measured so far, as multiples of the floor.
#[derive(Default)]
pub(crate) struct Results(Vec<(Scenario, f64)>);

impl Results {
    fn of(&self, scenario: &Scenario) -> Option<f64> {
        let found = self.0.iter().find(|(row, _)| row == scenario);
        found.map(|(_, multiple)| *multiple)
    }

    /// What became of a target, and whether it was missed; `None`: what it is measured by was not
    /// asked for.
    fn judge(&self, target: Target, multiple: f64) -> Option<(String, bool)> {
        let (times, most, of) = match target {
            Target::Floor(most) => (multiple, most, String::new()),
            Target::Beside(row, most) => (multiple / self.of(&row)?, most, format!(" x {row}")),
        };
        Some(if times <= most {
            (format!("{most:.1}{of} met ({times:.2})"), false)
        } else {
            (format!("{most:.1}{of} MISSED ({times:.2})"), true)
        })
    }

    /// Prints one case; whether it has reached its targets.
    pub(crate) fn line(&mut self, scenario: &Scenario, measured: &Measured) -> bool {
        let Measured {
            program,
            floor,
            bare_loop,
            ..
        } = *measured;
        let [minimum, median] = measured.multiples();
        self.0.push((*scenario, minimum));
        let targets = scenario.targets().into_iter();
        let judged = targets.filter_map(|target| self.judge(target, minimum));
        let (mut verdicts, missed): (Vec<String>, Vec<bool>) = judged.unzip();
        // What is not in the table is measured as a miss.
        if let Some(held) = measured.held.filter(|held| *held < 1.0) {
            verdicts.push(format!("({:.1} % of the flows in the table)", held * 100.0));
        }
        println!(
            "{:<40}| {program} | {floor} | {bare_loop} | {minimum:>5.2} ({median:>5.2}) | {}",
            scenario.to_string(),
            verdicts.join(", "),
        );
        !missed.contains(&true)
    }
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
