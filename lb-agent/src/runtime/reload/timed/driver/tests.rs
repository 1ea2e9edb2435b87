use super::*;

fn reload(file: &Path, repeat: bool) -> Reload {
    Reload {
        reload_time_file: Some(file.to_owned()),
        reload_repeat: repeat,
        ..Reload::default()
    }
}

fn in_seconds(seconds: i64) -> String {
    let due = now() + Duration::from_secs(seconds.unsigned_abs());
    format!("{}\n", due.strftime("%Y-%m-%d %H:%M:%SZ"))
}

#[tokio::test]
async fn the_reload_comes_at_its_time_and_the_file_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("when");
    let mut timed = TimedReload::default();
    timed.follow(&reload(&file, false));
    // It may come after the start.
    let written = in_seconds(2);
    std::fs::write(&file, &written).unwrap();
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, timed.due()).await.unwrap();
    let due = format!("{}", now().strftime("%Y-%m-%d %H:%M:%SZ\n"));
    assert!(due >= written, "{due} is before {written}");
    assert!(!file.exists());
}

#[tokio::test]
async fn with_reload_repeat_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("when");
    std::fs::write(&file, in_seconds(1)).unwrap();
    let mut timed = TimedReload::default();
    timed.follow(&reload(&file, true));
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, timed.due()).await.unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn another_configuration_ends_the_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("when");
    std::fs::write(&file, in_seconds(1)).unwrap();
    let mut timed = TimedReload::default();
    timed.follow(&reload(&file, false));
    timed.follow(&Reload::default());
    let limit = Duration::from_secs(3);
    assert!(tokio::time::timeout(limit, timed.due()).await.is_err());
    assert!(file.exists());
}

#[test]
fn what_is_no_regular_file_is_an_error_and_nothing_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).is_err());
    assert_eq!(read(&folder.path().join("none")).unwrap(), None);
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(read(&fifo).is_err());
    let long = folder.path().join("long");
    std::fs::write(&long, "x".repeat(5000)).unwrap();
    assert!(read(&long).is_err());
}
