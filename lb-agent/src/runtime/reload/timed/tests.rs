use super::*;

/// 2026-11-27 12:00:00 UTC.
fn noon() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

/// Summer time until 2026-10-25 03:00, which is then 02:00.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn at(text: &str) -> Option<String> {
    let due = next(text, noon(), &berlin()).unwrap();
    due.map(|due| due.timestamp().to_string())
}

#[test]
fn a_time_of_day_is_the_next_one() {
    assert_eq!(at("12:00:01Z").unwrap(), "2026-11-27T12:00:01Z");
    assert_eq!(at("12:00:00Z").unwrap(), "2026-11-28T12:00:00Z");
    assert_eq!(at("00:00:00Z\nwhatever").unwrap(), "2026-11-28T00:00:00Z");
    // One o'clock here is noon there.
    assert_eq!(at("13:00:01").unwrap(), "2026-11-27T12:00:01Z");
    assert_eq!(at("00:30:00").unwrap(), "2026-11-27T23:30:00Z");
}

#[test]
fn a_date_counts_once_and_not_when_it_is_over() {
    assert_eq!(at("2026-12-01 08:00:00Z").unwrap(), "2026-12-01T08:00:00Z");
    assert_eq!(at("26-12-01 08:00:00").unwrap(), "2026-12-01T07:00:00Z");
    assert_eq!(at("2026-11-27 12:00:00Z"), None);
    assert_eq!(at("1999-01-01 00:00:00"), None);
}

#[test]
fn times_that_the_change_of_clocks_skips_or_doubles_are_still_times() {
    let in_spring = "2027-03-28 02:30:00";
    assert_eq!(at(in_spring).unwrap(), "2027-03-28T01:30:00Z");
    let in_autumn = "2027-10-31 02:30:00";
    assert_eq!(at(in_autumn).unwrap(), "2027-10-31T00:30:00Z");
}

#[test]
fn anything_else_is_said_to_be_no_time() {
    for text in [
        "",
        " 12:00:00",
        "12:00:00 ",
        "12:00",
        "1:00:00",
        "24:00:00",
        "12:60:00",
        "12:00:60",
        "+1:00:00",
        "2026-11-31 12:00:00",
        "2026-13-01 12:00:00",
        "2026-11-27  12:00:00",
        "226-11-27 12:00:00",
        "2026-11-27T12:00:00",
        "12:00:00z",
        "12:00:00ZZ",
        "\u{1f980}",
        "2026-99-01 25:00:00",
        "2026-11-27-01 12:00:00",
        "12:00:00:00",
    ] {
        let error = next(text, noon(), &berlin()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("`{text}` is not a time"))
        );
    }
}

#[test]
fn a_changed_file_moves_the_reload_and_a_removed_one_cancels_it() {
    let (mut schedule, here) = (Schedule::default(), TimeZone::UTC);
    let said = schedule.handle_text(Some("12:00:10\n"), noon(), &here);
    let expected = LogLine::Info("Scheduling reload for 2026-11-27 12:00:10 UTC".into());
    assert_eq!(said, Some(expected));
    assert_eq!(
        schedule.handle_text(Some("12:00:10\n"), noon(), &here),
        None
    );
    let said = schedule.handle_text(Some("12:00:20"), noon(), &here);
    assert!(said.unwrap().text().ends_with("12:00:20 UTC"));
    let said = schedule.handle_text(None, noon(), &here);
    assert_eq!(said.unwrap().text(), "Scheduled reload cancelled");
    assert_eq!(schedule.poll_timeout(), None);
    let said = schedule.handle_text(Some("soon"), noon(), &here);
    assert!(matches!(said, Some(LogLine::Warn(_))));
    assert_eq!(schedule.handle_text(None, noon(), &here), None);
}

#[test]
fn it_is_due_once_and_with_reload_repeat_every_day() {
    let here = TimeZone::UTC;
    for repeat in [false, true] {
        let mut schedule = Schedule::default();
        schedule.handle_text(Some("12:00:10"), noon(), &here);
        let due = schedule.poll_timeout().unwrap();
        assert!(!schedule.handle_timeout(noon(), repeat, &here));
        assert!(schedule.handle_timeout(due, repeat, &here));
        assert!(!schedule.handle_timeout(due, repeat, &here));
        let tomorrow = repeat.then(|| "2026-11-28T12:00:10Z".parse().unwrap());
        assert_eq!(schedule.poll_timeout(), tomorrow);
        // The text is the same: the file is not read as if it were new.
        assert_eq!(schedule.handle_text(Some("12:00:10"), due, &here), None);
    }
    let mut schedule = Schedule::default();
    schedule.handle_text(Some("2026-11-27 12:00:10"), noon(), &here);
    let due = schedule.poll_timeout().unwrap();
    assert!(schedule.handle_timeout(due, true, &here));
    assert_eq!(schedule.poll_timeout(), None);
}
