use std::path::PathBuf;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;
use crate::track::file::FileWeight;

fn check(value: i32, reverse: bool) -> FileCheck {
    FileCheck {
        file: PathBuf::new(),
        weight: FileWeight { value, reverse },
    }
}

fn more(product: i64) -> ProbeResult {
    ProbeResult::Weighs(Weight::More(product))
}

fn target() -> Target {
    Target {
        connect_timeout: Duration::from_mins(1),
        ..Target::new("127.0.0.1:0".parse().unwrap())
    }
}

#[test]
fn the_value_times_the_weight_is_added() {
    let down = |value| ProbeResult::Failed(Failure::FileValue(value));
    for (weight, reverse, value, expected) in [
        (0, false, 0, more(0)),
        (0, false, 1, down(1)),
        (0, true, -1, more(0)),
        (0, true, 0, down(0)),
        (3, false, 0, more(0)),
        (3, false, 5, more(15)),
        (3, true, 5, more(-15)),
        (-3, false, 5, more(-15)),
        (1, false, -(1 << 31), down(-(1 << 31))),
        (1, false, 1 - (1 << 31), more(1 - (1 << 31))),
        (1, true, 1 << 31, down(1 << 31)),
    ] {
        let result = judge(&check(weight, reverse), value);
        assert_eq!(result, expected, "{weight} {reverse} {value}");
    }
}

#[tokio::test]
async fn a_file_is_read_as_a_track_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("value");
    let check = FileCheck {
        file: path.clone(),
        ..check(2, false)
    };
    assert_eq!(probe(&target(), &check).await, more(0), "no file");
    for (text, value) in [
        ("", 0),
        ("7\n", 14),
        ("  -3 and more", -6),
        ("0x10", 32),
        ("010", 16),
        ("+5", 10),
        ("12abc", 24),
        ("no number", 0),
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(probe(&target(), &check).await, more(value), "{text:?}");
    }
    std::fs::write(&path, "99999999999").unwrap();
    let refused = ProbeResult::NotProbed(NotProbed::FileNumber(99_999_999_999));
    assert_eq!(probe(&target(), &check).await, refused);
}

#[tokio::test]
async fn a_fifo_that_nobody_writes_to_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let check = FileCheck {
        file: path,
        ..check(2, false)
    };
    assert_eq!(probe(&target(), &check).await, more(0));
}

#[tokio::test]
async fn a_file_whose_file_system_hangs_is_said_and_not_read_again_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("value");
    std::fs::write(&path, "7").unwrap();
    let check = FileCheck {
        file: path.clone(),
        ..check(2, false)
    };
    let limit = Duration::from_millis(100);
    let impatient = Target {
        connect_timeout: limit,
        ..target()
    };
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let hangs = tokio::spawn(async move {
        let call = blocking::call(&path, move || wait.recv().ok());
        call.await.unwrap();
    });
    tokio::task::yield_now().await;
    for _ in 0..3 {
        let failed = ProbeResult::Failed(Failure::FileHangs(limit));
        assert_eq!(probe(&impatient, &check).await, failed);
    }
    drop(go);
    hangs.await.unwrap();
    assert_eq!(probe(&target(), &check).await, more(14));
}
