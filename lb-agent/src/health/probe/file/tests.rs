use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn check(weight: i32, reverse: bool) -> FileCheck {
    FileCheck {
        file: PathBuf::new(),
        weight,
        reverse,
    }
}

#[test]
fn the_value_times_the_weight_is_added() {
    let more = |product| ProbeResult::Weighs(Weight::More(product));
    let down = |value| ProbeResult::Failed(Failure::FileValue(value));
    for (weight, reverse, value, expected) in [
        (0, false, 0, ProbeResult::Success),
        (0, false, 1, down(1)),
        (0, true, -1, down(-1)),
        (3, false, 0, more(0)),
        (3, false, 5, more(15)),
        (3, true, 5, more(-15)),
        (-3, false, 5, more(-15)),
        (1, false, -(1 << 31), down(-(1 << 31))),
        (1, false, 1 - (1 << 31), more(1 - (1 << 31))),
        (1, true, 1 << 31, down(1 << 31)),
        (i32::MAX, false, i64::MAX, more(i64::MAX)),
        (i32::MAX, true, i64::MAX, down(i64::MAX)),
    ] {
        let result = judge(&check(weight, reverse), value);
        assert_eq!(result, expected, "{weight} {reverse} {value}");
    }
}

#[tokio::test]
async fn a_file_is_read_and_what_is_no_number_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("value");
    let check = FileCheck {
        file: path.clone(),
        ..check(2, false)
    };
    let target = Target {
        connect_timeout: Duration::from_mins(1),
        ..Target::new("127.0.0.1:0".parse().unwrap())
    };
    let more = |product| ProbeResult::Weighs(Weight::More(product));
    assert_eq!(probe(&target, &check).await, more(0), "no file");
    for (text, value) in [("", 0), ("7\n", 14), ("  -3 and more", -6)] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(probe(&target, &check).await, more(value), "{text:?}");
    }
    std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
    let result = probe(&target, &check).await;
    assert!(
        matches!(result, ProbeResult::Failed(Failure::File(_))),
        "{result:?}"
    );
}
