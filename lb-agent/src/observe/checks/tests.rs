use super::*;
use crate::observe::sample;

fn text(checks: &Checks) -> String {
    let mut out = Vec::new();
    write(&mut out, checks).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_shows_what_each_checker_holds_of_its_server_and_why() {
    insta::assert_snapshot!(text(&Checks::Known(sample::checks())));
}

#[test]
fn without_an_agent_the_reason_is_said() {
    let checks = Checks::Unknown("no agent runs".into());
    assert_eq!(text(&checks), "The checks are not known: no agent runs\n");
}

#[test]
fn times_have_two_units_and_never_more_than_has_passed() {
    for (milliseconds, expected) in [
        (0, "0.0s"),
        (4290, "4.2s"),
        (59_999, "59.9s"),
        (60_000, "1m00s"),
        (3_599_999, "59m59s"),
        (3_600_000, "1h00m"),
        (86_399_999, "23h59m"),
        (86_400_000, "1d00h"),
        (1_000_000_000, "11d13h"),
    ] {
        assert_eq!(time(Duration::from_millis(milliseconds)), expected);
    }
}
