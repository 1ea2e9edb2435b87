use super::*;

fn programs(config: ScriptDefaults) -> Programs {
    Programs::new(config, Some("/usr/bin:/bin".into()))
}

#[test]
fn a_command_runs_as_its_own_user_else_as_script_user() {
    let programs = programs(ScriptDefaults {
        script_user: Some(("12".into(), Some("34".into()))),
        ..ScriptDefaults::default()
    });
    // Numbers without an account are nobody's; root has one everywhere.
    let own = Command {
        user: Some("root".into()),
        ..Command::new("/bin/true")
    };
    let found = programs.find("notify script", "/bin/true", &own).unwrap();
    assert_eq!(found.user, User::ROOT);
    let script_user = programs.user(None, None);
    assert_eq!(script_user, User::find("12", Some("34")).ok());
}

#[test]
fn scripts_have_the_groups_of_their_user_where_that_is_asked_for() {
    for set_supplementary_groups in [false, true] {
        let programs = programs(ScriptDefaults {
            set_supplementary_groups,
            ..ScriptDefaults::default()
        });
        let command = Command {
            user: Some("root".into()),
            ..Command::new("/bin/true")
        };
        let found = programs.find("notify script", "/bin/true", &command);
        let found = found.map(|script| script.supplementary_groups);
        assert_eq!(found, Some(set_supplementary_groups));
    }
}

#[test]
fn an_unknown_user_disables_the_script_and_no_other() {
    let programs = programs(ScriptDefaults::default());
    let nobody = Command {
        user: Some("no-such-user".into()),
        ..Command::new("/bin/true")
    };
    assert_eq!(programs.find("notify script", "n", &nobody), None);
    assert!(!programs.any.get());
    let own = Command::new("/bin/true");
    assert!(programs.find("notify script", "n", &own).is_some());
    assert!(programs.any.get());
}

#[test]
fn scripts_of_a_file_system_that_hangs_are_not_answered_for() {
    let mut programs = programs(ScriptDefaults::default());
    let missing = Command::new("/no/such/program");
    assert_eq!(programs.find("misc script", "m", &missing), None);
    assert_eq!(programs.unanswered(), None, "what is missing is missing");
    programs.lookup = Lookup::hanging();
    let net = Command::new("/net/a/check");
    assert_eq!(programs.find("misc script", "n", &net), None);
    assert_eq!(
        programs.unanswered().unwrap(),
        "scripts cannot be looked for, as their file system does not answer: /net/a"
    );
}

#[test]
fn every_script_that_an_unknown_script_user_disables_says_why() {
    let programs = programs(ScriptDefaults {
        script_user: Some(("no-such-user".into(), None)),
        ..ScriptDefaults::default()
    });
    for name in ["first", "second"] {
        let Looked { script, lines } =
            programs.look("misc script", name, &Command::new("/bin/true"));
        let lines: Vec<&str> = lines.iter().map(LogLine::text).collect();
        let disabling = format!("Disabling misc script {name}: nobody can run it");
        let why = "Script user 'no-such-user' does not exist";
        assert_eq!((script, lines), (None, vec![why, &disabling]));
    }
}
