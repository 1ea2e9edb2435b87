//! Writes down anew what keepalived does, which our own agent is compared with: `tests/tests/timeline`.
//!
//! The tests of `ipvs` live through it in a guest, whose files are lost: what they see that differs from
//! the file they say, and here it is written.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{setup, test};

/// The tests that keepalived does something in.
const TESTS: &str = "checks::keepalived_does_what";

/// What stands before the name of a file, behind it, and behind what it must say.
const BEFORE: &str = "not what tests/tests/timeline/";
const NAMED: &str = " says:\n";
const END: &str = "== end";

/// Runs them; a file that says what keepalived does stays as it is.
pub(crate) fn run() -> Result<()> {
    setup::run(&[
        setup::Part::Build,
        setup::Part::Network,
        setup::Part::Peers,
        setup::Part::Guest,
    ])?;
    let tests = test::program_of("ipvs")?;
    let folder = tests.get_current_dir().context("no folder of tests")?;
    let mut guest = Command::new(env::current_exe()?);
    guest.args(["vm", "--time-limit", "1800", "--"]);
    guest.arg(tests.get_program());
    guest.args([TESTS, "--show-output", "--test-threads=1"]);
    let output = guest.current_dir(folder).output();
    let output = output.context("cannot start the guest")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let recorded = transcripts(&said);
    for (name, text) in &recorded {
        let file = folder.join("tests/timeline").join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("written: {}", file.display());
    }
    ensure!(
        output.status.success() || !recorded.is_empty(),
        "nothing recorded:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if recorded.is_empty() {
        println!("nothing to write:\n{said}");
    }
    Ok(())
}

/// The files that say something else, and what they must say.
fn transcripts(said: &str) -> Vec<(&str, &str)> {
    let parts = said.split(BEFORE).skip(1);
    let transcript = |part| {
        let (name, rest): (&str, &str) = str::split_once(part, NAMED)?;
        let (text, _) = rest.split_once(END)?;
        (!name.contains('/')).then_some((name, text))
    };
    parts.filter_map(transcript).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_says_is_taken_apart() {
        let said = "thread 'a' panicked at tests/ipvs/checks.rs:9:5:\n\
                    not what tests/tests/timeline/one.txt says:\n== start\nAdding\n== stop\n== end\n\
                    note: run with\nthread 'b' panicked:\n\
                    not what tests/tests/timeline/two.txt says:\n== start\n== end\nmore\n";
        let expected = [
            ("one.txt", "== start\nAdding\n== stop\n"),
            ("two.txt", "== start\n"),
        ];
        assert_eq!(transcripts(said), expected);
        assert_eq!(transcripts("test result: ok"), []);
    }
}
