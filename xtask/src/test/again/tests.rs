use std::path::PathBuf;

use super::*;

fn programs() -> Vec<Program> {
    vec![Program {
        name: "p".to_owned(),
        executable: PathBuf::new(),
        directory: PathBuf::new(),
    }]
}

fn failures(tests: &[&str]) -> Outcomes {
    let case = |test: &&str| Case {
        program: "p".to_owned(),
        test: (*test).to_owned(),
        text: "the first time".to_owned(),
    };
    Outcomes {
        passed: 10,
        failed: tests.iter().map(case).collect(),
        ..Outcomes::default()
    }
}

/// What a program says of one test.
fn second(passes: bool) -> Outcomes {
    if !passes {
        return failures(&["it"]);
    }
    Outcomes {
        passed: 1,
        ..Outcomes::default()
    }
}

#[test]
fn what_passes_the_second_time_is_counted_and_said() -> Result<()> {
    let mut told = Vec::new();
    let outcomes = settle(failures(&["a", "b"]), &programs(), |_, arguments| {
        told.push(arguments.join(" "));
        Ok(second(arguments.ends_with(&["a".to_owned()])))
    })?;
    assert_eq!(
        told,
        [
            "--show-output --test-threads=1 --exact a",
            "--show-output --test-threads=1 --exact b"
        ]
    );
    assert_eq!(outcomes.passed, 11);
    assert_eq!(outcomes.unsteady.len(), 1);
    assert_eq!(outcomes.failed.len(), 1);
    assert_eq!(outcomes.failed[0].test, "b");
    assert!(
        outcomes
            .to_string()
            .contains("failed once p: a\nthe first time")
    );
    assert!(
        outcomes
            .to_string()
            .ends_with("11 passed (1 at the second attempt), 1 failed, 0 skipped")
    );
    Ok(())
}

#[test]
fn where_many_fail_none_runs_again() -> Result<()> {
    let many = ["it"; AT_MOST + 1];
    let outcomes = settle(failures(&many), &programs(), |_, _| Ok(second(true)))?;
    assert_eq!(outcomes.failed.len(), AT_MOST + 1);
    Ok(())
}

#[test]
fn a_program_that_failed_as_a_whole_has_failed() -> Result<()> {
    let broken = Outcomes::broken("p", "cannot start".to_owned());
    let outcomes = settle(broken.clone(), &programs(), |_, _| Ok(second(true)))?;
    assert_eq!(outcomes, broken);
    Ok(())
}
