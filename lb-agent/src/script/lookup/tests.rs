use super::*;

fn wanted(command: &str) -> Wanted {
    Wanted {
        command: command.into(),
        user: User::own(),
        security: false,
        path: None,
    }
}

fn lines(found: &Resolved) -> Vec<&str> {
    found.lines.iter().map(LogLine::text).collect()
}

/// What is under /net never comes back; it ends with the test.
fn with_net(wanted: &Wanted) -> Resolved {
    if wanted.command.starts_with("/net/") {
        thread::park();
    }
    wanted.find()
}

impl Lookup {
    /// Of a machine whose /net does not answer.
    pub(in crate::script) fn hanging() -> Self {
        Self::new(with_net, Duration::from_millis(200))
    }
}

#[test]
fn a_program_is_found_as_without_a_thread() {
    let lookup = Lookup::default();
    for command in ["/bin/true x", "/no/such/program", "no-such-program"] {
        assert_eq!(lookup.find(wanted(command)), wanted(command).find());
    }
}

#[test]
fn a_folder_that_hangs_is_asked_once_and_holds_up_no_other() {
    let lookup = Lookup::hanging();
    for program in ["/net/a/one", "/net/a/two 2"] {
        let found = lookup.find(wanted(program));
        let said = format!("Script {program} cannot be accessed - its file system does not answer");
        assert_eq!((&found.script, lines(&found)), (&None, vec![said.as_str()]));
    }
    assert_eq!(lookup.hung(), [PathBuf::from("/net/a")]);
    let patient = Lookup {
        patience: PATIENCE * 4,
        ..lookup
    };
    assert!(patient.find(wanted("/bin/true")).script.is_some());
}
