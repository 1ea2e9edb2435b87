use super::*;

/// One letter is one request of 10 ms: a page, or none.
fn report(letters: &str) -> Report {
    let start = now();
    let outcomes = letters.chars().zip(0..).map(|(letter, number)| Outcome {
        sent: start + INTERVAL * number,
        over: start + INTERVAL * (number + 1),
        served: if letter == '+' {
            Ok("rs1".to_owned())
        } else {
            Err("no".to_owned())
        },
    });
    Report(outcomes.collect())
}

#[test]
fn a_gap_lasts_from_the_first_failure_to_the_next_page() {
    for (letters, gap) in [
        ("++++", 0),
        ("+-+++", 2),
        ("+--+-++", 3),
        ("---", 3),
        ("+-", 1),
        ("", 0),
        ("-+--+", 3),
    ] {
        assert_eq!(report(letters).longest_gap(), INTERVAL * gap, "{letters}");
    }
}

#[test]
fn the_timeline_names_who_gave_a_page_in_each_step() {
    let (page, none) = (Some("rs1"), None);
    // A request ends at the end of its 10 ms, where the next one's begin.
    assert_eq!(
        report("+--++").timeline(INTERVAL),
        [none, page, none, none, page, page]
    );
    assert_eq!(report("+--++").timeline(INTERVAL * 2), [page, none, page]);
    assert_eq!(report("").timeline(INTERVAL), []);
}
