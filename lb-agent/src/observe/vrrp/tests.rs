use super::*;
use crate::observe::sample;

#[test]
fn instances_are_written_with_the_labels_of_keepalived() {
    let mut out = Vec::new();
    write(&mut out, &sample::instances()).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn durations_are_written_with_days_only_if_there_are_any() {
    for (seconds, text) in [
        (0, "00:00:00"),
        (3599, "00:59:59"),
        (86_399, "23:59:59"),
        (86_400, "1d 00:00:00"),
        (273_906, "3d 04:05:06"),
    ] {
        assert_eq!(duration(Duration::from_secs(seconds)), text);
    }
}
