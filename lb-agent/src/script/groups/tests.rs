use std::ffi::OsString;

use super::*;
use crate::script::User;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_call_names_the_user_the_group_and_the_script_as_it_is() {
    let script = Script {
        command: "/bin/check 80".to_owned(),
        program: "/bin/check".into(),
        arguments: vec!["80".into(), "a b".into()],
        user: User { uid: 12, gid: 34 },
        supplementary_groups: true,
    };
    let mut expected = words("script-with-groups 12 34 /bin/check 80");
    expected.push("a b".into());
    assert_eq!(arguments(&script), expected);
}

#[test]
fn other_command_lines_are_not_taken_for_such_a_call() {
    for line in [
        "lb-agent",
        "lb-agent run -f /etc/keepalived/keepalived.conf",
        "lb-agent check --strict --format json -f x",
        "lb-agent script-with-groups 12 34",
    ] {
        assert!(attempt(&words(line)).is_none(), "{line}");
    }
}

/// Were it taken, this program would become one that fails, and the tests with it.
#[test]
fn what_is_no_user_or_no_group_runs_nothing() {
    for line in [
        "lb-agent script-with-groups root 0 /bin/false",
        "lb-agent script-with-groups 0 -1 /bin/false",
    ] {
        assert!(attempt(&words(line)).is_some(), "{line}");
    }
}
