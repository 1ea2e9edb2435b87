//! What the harness of Rust prints, read.

use std::fmt;
use std::process::ExitStatus;

/// How the reason begins of what was skipped because no guest starts.
pub(super) const NO_GUEST: &str = "no guest to run it in: ";

/// A test, by program and name, with what there is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// `lb-tests::dr`.
    pub(super) program: String,
    /// `a_client_is_served`; empty if it is the program as a whole.
    pub(super) test: String,
    /// The reason it was skipped, or the output of its failure.
    pub(super) text: String,
}

impl Case {
    /// A program as a whole.
    fn whole(program: &str, text: String) -> Self {
        Self {
            program: program.to_owned(),
            test: String::new(),
            text,
        }
    }
}

impl fmt::Display for Case {
    /// `lb-tests::dr: a_client_is_served`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        if self.test.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.test)
    }
}

/// The end of many tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    /// How many passed.
    pub(super) passed: usize,
    /// What failed.
    pub(super) failed: Vec<Case>,
    /// What failed once and passed when it ran again, alone: these count as passed as well.
    pub(super) unsteady: Vec<Case>,
    /// What could not run.
    pub(super) skipped: Vec<Case>,
}

impl Outcomes {
    /// A program that is a failure as a whole.
    pub(super) fn broken(program: &str, text: String) -> Self {
        Self {
            failed: vec![Case::whole(program, text)],
            ..Self::default()
        }
    }

    /// Tests of a program that could not run, all for one reason.
    pub(super) fn skipped(program: &str, tests: &[&String], reason: &str) -> Self {
        let case = |test: &&String| Case {
            program: program.to_owned(),
            test: (*test).clone(),
            text: reason.to_owned(),
        };
        Self {
            skipped: tests.iter().map(case).collect(),
            ..Self::default()
        }
    }

    /// Reads the output of a program that was run with `--show-output`.
    ///
    /// There is a line `test <name> ... ok|FAILED|ignored` for each test; then come sections
    /// `---- <name> stdout ----` with what each printed.
    pub(super) fn read(program: &str, status: ExitStatus, stdout: &str, stderr: &str) -> Self {
        let mut outcomes = Self::default();
        let case = |test: &str, text: &str| Case {
            program: program.to_owned(),
            test: test.to_owned(),
            text: text.trim_end().to_owned(),
        };
        for line in stdout.lines() {
            let Some((test, end)) = line
                .strip_prefix("test ")
                .and_then(|rest| rest.split_once(" ... "))
            else {
                continue;
            };
            let said = printed(stdout, test);
            let reason = said.lines().find_map(|line| line.strip_prefix("skipped: "));
            match (end.split(',').next(), reason) {
                (Some("ok"), Some(reason)) => outcomes.skipped.push(case(test, reason)),
                (Some("ok"), None) => outcomes.passed += 1,
                (Some("ignored"), _) => outcomes.skipped.push(case(test, end)),
                _ => outcomes.failed.push(case(test, &said)),
            }
        }
        if !status.success() && outcomes.failed.is_empty() {
            let text = format!("{status}\n{}", stderr.trim_end());
            outcomes.failed.push(Case::whole(program, text));
        }
        outcomes
    }

    /// Takes the others in.
    pub(super) fn append(&mut self, mut others: Self) {
        self.passed += others.passed;
        self.failed.append(&mut others.failed);
        self.unsteady.append(&mut others.unsteady);
        self.skipped.append(&mut others.skipped);
    }

    /// How many could not run because no guest starts.
    pub(super) fn without_guest(&self) -> usize {
        let cases = self.skipped.iter();
        cases.filter(|it| it.text.starts_with(NO_GUEST)).count()
    }

    /// Whether no test was run.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One line on the program.
    pub(super) fn line(&self, program: &str) -> String {
        let word = if self.failed.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        format!("{word:6} {program}: {}", self.counts())
    }

    /// `N passed, N failed, N skipped`, and how many of those that passed are unsteady.
    fn counts(&self) -> String {
        let (failed, skipped) = (self.failed.len(), self.skipped.len());
        let unsteady = match self.unsteady.len() {
            0 => String::new(),
            count => format!(" ({count} at the second attempt)"),
        };
        format!(
            "{} passed{unsteady}, {failed} failed, {skipped} skipped",
            self.passed
        )
    }
}

/// What `test` printed: the lines of its section.
fn printed(stdout: &str, test: &str) -> String {
    let head = format!("---- {test} stdout ----");
    stdout
        .lines()
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| !line.starts_with("---- ") && !SECTIONS.contains(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// Lines that end the last section.
const SECTIONS: [&str; 2] = ["successes:", "failures:"];

impl fmt::Display for Outcomes {
    /// What failed and what was skipped, each with its reason; the counts are the last line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.unsteady {
            writeln!(f, "failed once {case}\n{}\n", case.text)?;
        }
        for case in &self.failed {
            writeln!(f, "FAILED {case}\n{}\n", case.text)?;
        }
        for case in &self.skipped {
            writeln!(f, "skipped {case}: {}", case.text)?;
        }
        write!(f, "{}", self.counts())
    }
}

#[cfg(test)]
mod tests;
