//! With real processes. Each script writes process ids into a folder of its test.

use std::fs;
use std::path::Path;

use nix::sys::signal::kill;
use tempfile::TempDir;

use super::*;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn shell(line: &str) -> Script {
    Script {
        command: line.into(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), line.into()],
        user: User::own(),
        supplementary_groups: false,
    }
}

async fn end_of(line: &str, limit: Duration) -> Outcome {
    run(&shell(line), Some(limit), Abandoned::Terminate).await
}

/// Waits until a file holds a whole line, and gives it.
async fn line_in(file: &Path) -> String {
    let deadline = clock::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some(line) = text.strip_suffix('\n') {
            return line.into();
        }
        assert!(clock::now() < deadline, "nothing in {}", file.display());
        sleep_until((clock::now() + LOOK).into()).await;
    }
}

/// Whether a process runs; one that has ended and that its new parent has not reaped does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

async fn ends(pid: &str) {
    let deadline = clock::now() + PATIENCE;
    while runs(pid) {
        assert!(clock::now() < deadline, "{pid} is still there");
        sleep_until((clock::now() + LOOK).into()).await;
    }
}

#[tokio::test]
async fn a_script_ends_with_its_status_or_its_signal() {
    assert_eq!(end_of("exit 0", PATIENCE).await, Outcome::Exited(0));
    assert_eq!(end_of("exit 1", PATIENCE).await, Outcome::Exited(1));
    assert_eq!(end_of("exit 255", PATIENCE).await, Outcome::Exited(255));
    assert_eq!(end_of("kill -9 $$", PATIENCE).await, Outcome::Signalled(9));
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("script");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    for (program, reason) in [
        ("/no/such/file".into(), "No such file or directory"),
        (file, "Permission denied"),
    ] {
        let script = Script {
            program,
            ..shell("")
        };
        assert_eq!(
            run(&script, Some(PATIENCE), Abandoned::Terminate).await,
            Outcome::NotRun(reason.into())
        );
    }
}

/// The time-out of scripts that hang: a busy machine has started them by then.
const LIMIT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn one_that_hangs_is_ended_with_all_that_it_has_started() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pid");
    // The child ignores SIGTERM; its parent, the leader, does not.
    let line = format!(
        "sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done' & wait",
        file.display()
    );
    let start = clock::now();
    assert_eq!(end_of(&line, LIMIT).await, Outcome::TimedOut);
    assert!(start.elapsed() < LIMIT + GRACE, "{:?}", start.elapsed());
    ends(&line_in(&file).await).await;
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_two_seconds_later() {
    let start = clock::now();
    let line = "trap '' TERM; while :; do sleep 0.1; done";
    assert_eq!(end_of(line, LIMIT).await, Outcome::TimedOut);
    let took = start.elapsed();
    assert!(took >= LIMIT + GRACE, "{took:?}");
}

#[tokio::test]
async fn an_exit_of_zero_after_sigterm_is_no_success() {
    let line = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    assert_eq!(
        end_of(line, Duration::from_millis(300)).await,
        Outcome::TimedOut
    );
}

#[tokio::test]
async fn a_child_that_outlives_a_script_holds_up_nobody() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pid");
    let line = format!("sleep 30 & echo $! > {}; exit 3", file.display());
    let start = clock::now();
    assert_eq!(end_of(&line, PATIENCE).await, Outcome::Exited(3));
    assert!(start.elapsed() < PATIENCE);
    let child = line_in(&file).await;
    assert!(runs(&child), "what a script leaves behind is left alone");
    kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_flood_of_output_goes_nowhere() {
    let line = "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; exit 4";
    assert_eq!(end_of(line, PATIENCE).await, Outcome::Exited(4));
}

#[tokio::test]
async fn a_script_leads_its_group_and_reads_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stat");
    let line = format!(
        "cut -d' ' -f1,5 /proc/$$/stat > {}; pwd >> {0}; cat; exit 5",
        file.display()
    );
    assert_eq!(end_of(&line, PATIENCE).await, Outcome::Exited(5));
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let (pid, group) = lines.next().unwrap().split_once(' ').unwrap();
    assert_eq!(pid, group);
    assert_eq!(lines.next(), Some("/"));
}

#[tokio::test]
async fn a_script_has_the_rights_of_its_user_and_no_others() {
    if User::own() != User::ROOT {
        return println!("skipped: not root");
    }
    let script = Script {
        user: User { uid: 12, gid: 34 },
        ..shell("[ \"$(id -u) $(id -g) $(id -G)\" = '12 34 34' ] || exit 9")
    };
    let outcome = run(&script, Some(PATIENCE), Abandoned::Terminate).await;
    assert_eq!(outcome, Outcome::Exited(0));
}

#[tokio::test]
async fn whom_nobody_waits_for_is_told_to_end_unless_it_is_a_notification() {
    for (abandoned, goes_on) in [(Abandoned::Terminate, false), (Abandoned::GoesOn, true)] {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pid");
        let script = shell(&format!("echo $$ > {}; sleep 30", file.display()));
        let task = tokio::spawn(async move { run(&script, None, abandoned).await });
        let pid = line_in(&file).await;
        task.abort();
        task.await.unwrap_err();
        if goes_on {
            assert!(runs(&pid));
            killpg(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
        }
        ends(&pid).await;
    }
}

#[test]
fn a_start_that_hangs_counts_for_the_time_out() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        // The only thread for what blocks does: no start can begin.
        let busy = tokio::task::spawn_blocking(move || wait.recv().ok());
        let limit = Some(Duration::from_millis(100));
        let script = Script {
            command: "true".into(),
            program: "/bin/true".into(),
            arguments: Vec::new(),
            user: User::own(),
            supplementary_groups: false,
        };
        let run = run(&script, limit, Abandoned::Terminate);
        let outcome = tokio::time::timeout(Duration::from_secs(20), run).await;
        go.send(()).unwrap();
        busy.await.unwrap();
        assert_eq!(outcome.unwrap(), Outcome::NotStarted);
    });
}

/// One that has left its group, which no signal reaches any more, stands for one in which the kernel
/// waits for a disk.
#[tokio::test]
async fn one_that_nothing_ends_is_given_up_and_not_started_again_while_it_is_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pid");
    let perl = format!(
        "setpgrp(0, getpgrp(getppid())); open(F, '>>', '{}'); print F \"$$\\n\"; close F; sleep 600",
        file.display()
    );
    let script = Script {
        program: "/usr/bin/perl".into(),
        arguments: vec!["-e".into(), perl.into()],
        ..shell("stuck")
    };
    let run = || run(&script, Some(LIMIT), Abandoned::Terminate);
    let ended = timeout_at((clock::now() + PATIENCE).into(), run()).await;
    assert_eq!(ended.ok(), Some(Outcome::TimedOut), "given up");
    let pid = line_in(&file).await;
    assert!(runs(&pid));
    assert_eq!(run().await, Outcome::TimedOut);
    assert_eq!(line_in(&file).await, pid, "not started a second time");
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    ends(&pid).await;
    let deadline = clock::now() + PATIENCE;
    while stuck::is_there(&script) {
        assert!(clock::now() < deadline, "it is gone");
        sleep_until((clock::now() + LOOK).into()).await;
    }
}

/// What becomes of the call is in the tests of the built program: this one is another.
#[test]
fn a_script_with_groups_is_started_by_this_program() {
    if User::own().uid != 0 {
        return;
    }
    let plain = shell("exit 0");
    let program = |script: &Script| command(script).as_std().get_program().to_owned();
    assert_eq!(program(&plain), "/bin/sh");
    let with_groups = Script {
        supplementary_groups: true,
        ..plain
    };
    assert_eq!(program(&with_groups), "/proc/self/exe");
    let command = command(&with_groups);
    let arguments: Vec<_> = command.as_std().get_args().collect();
    assert_eq!(arguments[0], "script-with-groups");
    assert_eq!(arguments[3], "/bin/sh");
    assert_eq!(arguments[5], "exit 0");
}
