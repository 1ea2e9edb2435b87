//! What the demo prints.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

use lb_tests::Report;

/// Time that one character of a timeline stands for.
const STEP: Duration = Duration::from_millis(100);

/// Width of the longest bar.
const BAR: usize = 40;

/// The terminal, or a file.
#[derive(Debug)]
pub(super) struct Screen {
    colour: bool,
    pause: bool,
}

impl Screen {
    /// Colours only for a terminal; with `pause` each step waits for Enter.
    pub(super) fn new(pause: bool) -> Self {
        Self {
            colour: io::stdout().is_terminal(),
            pause,
        }
    }

    /// The heading of a step.
    pub(super) fn step(&self, number: usize, title: &str) {
        if self.pause {
            println!("\n  [Enter]");
            // At the end of the input there is no one to wait for.
            drop(io::stdin().lock().read_line(&mut String::new()));
        }
        println!("\n{}\n", self.bold(format_args!("{number}. {title}")));
    }

    /// What somebody else has printed.
    pub(super) fn quote(&self, text: &str) {
        println!();
        for line in text.trim_end().lines() {
            println!("    {}", self.dim(line));
        }
        println!();
    }

    /// A figure that matters.
    pub(super) fn figure(&self, name: &str, value: impl Display) {
        println!("  {name:<34} {}", self.bold(value));
    }

    /// A bar of `part` out of `whole`.
    pub(super) fn bar(&self, name: &str, part: usize, whole: usize) {
        let length = part * BAR / whole.max(1);
        // The codes of colours would count as width: the blanks stand apart.
        let (bar, rest) = ("█".repeat(length), " ".repeat(BAR.saturating_sub(length)));
        println!(
            "  {name:<10} {}{rest} {}",
            self.wrap("32", &bar),
            self.bold(part)
        );
    }

    /// Who answered when: the last character of the server's name, or a point for no answer.
    pub(super) fn timeline(&self, report: &Report) {
        let answered = report.timeline(STEP);
        let line: String = answered
            .iter()
            .map(|server| {
                server
                    .map_or(Some('·'), |name| name.chars().last())
                    .unwrap_or('?')
            })
            .collect();
        println!("  every 100 ms, which server answered (· none):");
        println!("  {}", self.wrap("32", &line));
    }

    fn bold(&self, text: impl Display) -> String {
        self.wrap("1", &text.to_string())
    }

    fn dim(&self, text: impl Display) -> String {
        self.wrap("2", &text.to_string())
    }

    fn wrap(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A sentence.
pub(super) fn say(text: impl Display) {
    println!("  {text}");
}

/// `1.23 s`, `4.5 ms`.
pub(super) fn duration(time: Duration) -> String {
    if time >= Duration::from_secs(1) {
        format!("{:.2} s", time.as_secs_f64())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    }
}
