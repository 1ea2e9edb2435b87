use std::io::Read as _;

use tempfile::TempDir;
use tokio::time::sleep_until;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(folder: &TempDir) -> Settings {
    Settings {
        kind: "vrrp ",
        path: folder.path().join("fifo"),
        owner: None,
        mode: 0o600,
        script: None,
    }
}

fn reader(settings: &Settings) -> File {
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(O_NONBLOCK);
    file.open(&settings.path).unwrap()
}

/// Reads until this line has come.
async fn lines_until(mut reader: &File, last: &str) -> Vec<String> {
    let last = format!("{last}\n");
    let deadline = clock::now() + PATIENCE;
    let mut text = String::new();
    while !text.ends_with(&last) {
        assert!(clock::now() < deadline, "only {text:?}");
        // WouldBlock: what was read until then stands in the text.
        reader.read_to_string(&mut text).ok();
        sleep_until((clock::now() + Duration::from_millis(5)).into()).await;
    }
    text.lines().map(Into::into).collect()
}

fn spawn(settings: &Settings) -> Result<Handle, FifoError> {
    let opened = open_all([settings]).pop();
    super::spawn(settings, opened.unwrap()?)
}

#[tokio::test]
async fn lines_come_whole_and_in_order() {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    let handle = spawn(&settings).unwrap();
    assert_eq!(fs::metadata(&settings.path).unwrap().mode() & 0o7777, 0o600);
    let reader = reader(&settings);
    for state in ["BACKUP", "MASTER"] {
        handle
            .writer()
            .write(format!("INSTANCE \"VI_1\" {state} 100\n"));
    }
    assert_eq!(
        lines_until(&reader, "INSTANCE \"VI_1\" MASTER 100").await,
        [
            "INSTANCE \"VI_1\" BACKUP 100",
            "INSTANCE \"VI_1\" MASTER 100"
        ]
    );
    handle.finish(PATIENCE).await;
}

#[tokio::test]
async fn a_slow_reader_gets_everything_that_fits_and_always_the_last_line() {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    let handle = spawn(&settings).unwrap();
    let count = 20_000;
    let writer = handle.writer();
    for number in 0..count {
        writer.write(format!("{number} a line that fills the pipe\n"));
    }
    // Nobody reads for a while, in which the writer fills the pipe.
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
    let reader = reader(&settings);
    let finish = tokio::spawn(handle.finish(PATIENCE));
    let kept = lines_until(&reader, "19999 a line that fills the pipe").await;
    finish.await.unwrap();
    let mut last = None;
    for line in &kept {
        let (number, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, "a line that fills the pipe");
        let number: usize = number.parse().unwrap();
        assert!(last < Some(number));
        last = Some(number);
    }
    assert!(kept.len() > MOST_WAITING && kept.len() < count);
}

#[tokio::test]
async fn a_reader_that_leaves_and_comes_back_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    let handle = spawn(&settings).unwrap();
    let first = reader(&settings);
    handle.writer().write("one\n".into());
    assert_eq!(lines_until(&first, "one").await, ["one"]);
    drop(first);
    handle.writer().write("two\n".into());
    assert_eq!(lines_until(&reader(&settings), "two").await, ["two"]);
}

#[tokio::test]
async fn a_fifo_that_was_deleted_and_made_anew_is_another_one() {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    let handle = spawn(&settings).unwrap();
    let opened = || open_all([&settings]).pop().unwrap().unwrap();
    assert!(handle.writes_to(&opened()));
    fs::remove_file(&settings.path).unwrap();
    assert!(!handle.writes_to(&opened()));
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_reader() {
    let folder = TempDir::new().unwrap();
    let handle = spawn(&settings(&folder)).unwrap();
    for _ in 0..100 {
        handle.writer().write(format!("{}\n", "x".repeat(4000)));
    }
    let start = clock::now();
    handle.finish(Duration::from_millis(100)).await;
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn the_script_gets_the_name_of_the_fifo_and_ends_with_it() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let line = format!(
        "trap 'echo ended >> {0}; exit' TERM; read line < \"$1\"; echo $line >> {0}; \
         while :; do sleep 0.05; done",
        log.display()
    );
    let settings = Settings {
        script: Some(Script {
            command: line.clone(),
            program: "/bin/sh".into(),
            arguments: ["-c", &line, "reader"].map(Into::into).into(),
            user: User::own(),
        }),
        ..settings(&folder)
    };
    let handle = spawn(&settings).unwrap();
    handle.writer().write("hello\n".into());
    let wait_for = async |text: &str| {
        let deadline = clock::now() + PATIENCE;
        while fs::read_to_string(&log).unwrap_or_default() != text {
            assert!(clock::now() < deadline, "{:?}", fs::read_to_string(&log));
            sleep_until((clock::now() + Duration::from_millis(5)).into()).await;
        }
    };
    wait_for("hello\n").await;
    handle.finish(PATIENCE).await;
    wait_for("hello\nended\n").await;
}

#[tokio::test]
async fn what_is_no_fifo_or_cannot_be_made_is_said() {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    fs::write(&settings.path, "").unwrap();
    let error = spawn(&settings).unwrap_err().to_string();
    let path = settings.path.display();
    assert_eq!(
        error,
        format!("Unable to open vrrp notify fifo {path} - it is not a FIFO; remove it")
    );
    let nowhere = Settings {
        path: folder.path().join("no/such"),
        ..settings
    };
    let error = spawn(&nowhere).unwrap_err().to_string();
    assert!(
        error.starts_with("Unable to create vrrp notify fifo"),
        "{error}"
    );
}
