use std::os::unix::process::ExitStatusExt;

use super::*;

const OUTPUT: &str = "
running 4 tests
test works ... ok
test needs_root ... ok
test breaks ... FAILED
test later ... ignored, takes an hour

successes:

---- needs_root stdout ----
looking around
skipped: not root

---- works stdout ----
hello

successes:
    needs_root
    works

failures:

---- breaks stdout ----

thread 'breaks' panicked at a.rs:1:1:
left is not right

failures:
    breaks

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
";

fn case(test: &str, text: &str) -> Case {
    Case {
        program: "p".to_owned(),
        test: test.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn each_test_is_passed_failed_or_skipped_with_its_reason() {
    let outcomes = Outcomes::read("p", ExitStatus::from_raw(101 << 8), OUTPUT, "");
    assert_eq!(outcomes.passed, 1);
    assert_eq!(
        outcomes.skipped,
        [
            case("needs_root", "not root"),
            case("later", "ignored, takes an hour")
        ]
    );
    assert_eq!(
        outcomes.failed,
        [case(
            "breaks",
            "\nthread 'breaks' panicked at a.rs:1:1:\nleft is not right"
        )]
    );
}

#[test]
fn a_program_that_ends_badly_without_a_failed_test_has_failed() {
    let outcomes = Outcomes::read("p", ExitStatus::from_raw(11), "running 1 test\n", "boom\n");
    assert_eq!(outcomes.failed.len(), 1);
    assert_eq!(outcomes.failed[0].to_string(), "p");
    assert!(outcomes.failed[0].text.ends_with("boom"));
}

#[test]
fn the_counts_are_the_last_line() {
    let outcomes = Outcomes::read("p", ExitStatus::from_raw(101 << 8), OUTPUT, "");
    assert_eq!(
        outcomes.to_string().lines().last(),
        Some("1 passed, 1 failed, 2 skipped")
    );
}

#[test]
fn what_had_no_guest_is_counted_apart() {
    let tests = ["a".to_owned(), "b".to_owned()];
    let tests: Vec<&String> = tests.iter().collect();
    let reason = format!("{NO_GUEST}no kernel");
    let mut outcomes = Outcomes::skipped("lb-tests::ipvs", &tests, &reason);
    outcomes.append(Outcomes::skipped("lb-tests::dr", &tests, "not root"));
    assert_eq!((outcomes.skipped.len(), outcomes.without_guest()), (4, 2));
}
