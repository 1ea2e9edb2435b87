use std::time::Duration;

use super::*;
use crate::script::{Script, User};

fn check(command: &str, misc_dynamic: bool) -> MiscCheck {
    let User { uid, gid } = User::own();
    MiscCheck {
        misc_path: command.to_owned(),
        script: Some(Script {
            command: command.to_owned(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), command.into()],
            user: User::own(),
            supplementary_groups: false,
        }),
        uid,
        gid,
        misc_timeout: Duration::from_secs(10),
        misc_dynamic,
    }
}

#[test]
fn every_status_means_what_the_manual_says() {
    for status in 0..=u8::MAX {
        let failed = ProbeResult::Failed(Failure::ScriptStatus(status));
        let weighs = || ProbeResult::Weighs(Weight::Instead(u32::from(status) - 2));
        let (plain, dynamic) = match status {
            0 => (ProbeResult::Success, ProbeResult::Success),
            1 => (failed.clone(), failed),
            _ => (failed, weighs()),
        };
        let outcome = Outcome::Exited(status);
        assert_eq!(judge(&check("", false), outcome.clone()), plain);
        assert_eq!(judge(&check("", true), outcome), dynamic);
    }
}

/// It has no status: no weight can be made of it.
#[test]
fn a_script_that_was_killed_or_not_run_fails_whatever_a_status_would_mean() {
    for dynamic in [false, true] {
        assert_eq!(
            judge(&check("", dynamic), Outcome::Signalled(9)),
            ProbeResult::Failed(Failure::ScriptSignal(9))
        );
        assert_eq!(
            judge(&check("", dynamic), Outcome::NotRun("gone".into())),
            ProbeResult::Failed(Failure::ScriptNotRun("gone".into()))
        );
    }
}

#[tokio::test]
async fn a_script_is_run_and_ended_in_time() {
    assert_eq!(probe(&check("exit 0", false)).await, ProbeResult::Success);
    assert_eq!(
        probe(&check("exit 7", true)).await,
        ProbeResult::Weighs(Weight::Instead(5))
    );
    let slow = MiscCheck {
        misc_timeout: Duration::from_millis(100),
        ..check("sleep 60", true)
    };
    assert_eq!(
        probe(&slow).await,
        ProbeResult::Failed(Failure::ScriptTimeout(slow.misc_timeout))
    );
}

#[tokio::test]
async fn a_script_that_was_not_found_says_nothing_of_the_server_and_one_that_is_gone_fails() {
    let gone = MiscCheck {
        script: Some(Script {
            command: String::new(),
            program: "/nonexistent/check".into(),
            arguments: Vec::new(),
            user: User::own(),
            supplementary_groups: false,
        }),
        ..check("", false)
    };
    assert!(matches!(
        probe(&gone).await,
        ProbeResult::Failed(Failure::ScriptNotRun(_))
    ));
    let without = MiscCheck {
        script: None,
        ..check("", false)
    };
    assert!(matches!(
        probe(&without).await,
        ProbeResult::NotProbed(NotProbed::Script(_))
    ));
}
