use super::*;

#[test]
fn every_end_has_its_meaning_and_its_line() {
    for (outcome, dynamic, result, words) in [
        (Outcome::Exited(0), false, MiscResult::Success, "succeeded"),
        (Outcome::Exited(0), true, MiscResult::Success, "succeeded"),
        (
            Outcome::Exited(1),
            true,
            MiscResult::Failure,
            "failed (exited with status 1)",
        ),
        (
            Outcome::Exited(2),
            false,
            MiscResult::Failure,
            "failed (exited with status 2)",
        ),
        (Outcome::Exited(2), true, MiscResult::Weight(0), "succeeded"),
        (
            Outcome::Exited(255),
            true,
            MiscResult::Weight(253),
            "succeeded",
        ),
        (
            Outcome::Signalled(9),
            true,
            MiscResult::Failure,
            "failed (due to signal 9)",
        ),
        (Outcome::TimedOut, true, MiscResult::Failure, "timed out"),
        (
            Outcome::NotRun("Permission denied".into()),
            false,
            MiscResult::Failure,
            "failed (Permission denied)",
        ),
    ] {
        assert_eq!(judge(&outcome, dynamic), result);
        let line = line(
            "[10.0.0.2]:tcp:80",
            "[192.168.0.1]:tcp:80",
            "/x",
            &outcome,
            dynamic,
            0,
        );
        assert_eq!(
            line,
            format!("Misc check for [[10.0.0.2]:tcp:80 VS [192.168.0.1]:tcp:80] by [/x] {words}.")
        );
    }
}

#[test]
fn retries_and_mails_are_keepaliveds() {
    let outcome = Outcome::Exited(3);
    assert_eq!(
        line("S", "V", "/x", &outcome, false, 2),
        "Misc check for [S VS V] by [/x] failed after 2 retries (exited with status 3)."
    );
    assert_eq!(mail_body(&outcome, false), "MISC CHECK failed on service");
    assert_eq!(mail_body(&outcome, true), "MISC CHECK succeeded on service");
    assert_eq!(
        mail_body(&Outcome::TimedOut, true),
        "MISC CHECK timed out on service"
    );
}
