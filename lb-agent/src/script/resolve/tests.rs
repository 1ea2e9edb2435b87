use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn resolve(&self, command: &str) -> Resolved {
        let rules = Rules {
            security: false,
            path: Some(self.0.path().as_os_str()),
        };
        resolve(command, User::own(), rules)
    }
}

fn texts(resolved: &Resolved) -> Vec<&str> {
    resolved.lines.iter().map(LogLine::text).collect()
}

#[test]
fn a_path_is_run_with_its_arguments_and_without_a_shell() {
    let folder = Folder::new();
    let file = folder.file("a b.sh", 0o755);
    let resolved = folder.resolve(&format!("'{}' one && two", file.display()));
    let script = resolved.script.clone().unwrap();
    assert_eq!(script.program, file);
    assert_eq!(script.arguments, ["one", "&&", "two"].map(OsString::from));
    assert!(!resolved.insecure);
    let [line] = &texts(&resolved)[..] else {
        panic!("one line: {resolved:?}")
    };
    assert!(line.contains("is run without a shell"), "{line}");
    let quoted = folder.resolve(&format!("'{}' 'one && two'", file.display()));
    assert_eq!(quoted.lines, []);
}

#[test]
fn a_bare_name_is_looked_for_in_path() {
    let folder = Folder::new();
    let file = folder.file("pidof", 0o755);
    let resolved = folder.resolve("pidof nginx");
    assert_eq!(
        texts(&resolved),
        [format!(
            "WARNING - script `pidof` resolved by path search to `{}`. Please specify full path.",
            file.display()
        )]
    );
    let script = resolved.script.unwrap();
    assert_eq!(
        (script.program, script.arguments),
        (file, vec!["nginx".into()])
    );
}

#[test]
fn what_is_not_in_path_is_disabled() {
    let folder = Folder::new();
    folder.file("closed", 0o644);
    for (command, line) in [
        ("exit 5", "Cannot find script exit in path - disabling"),
        (
            "closed",
            "Permissions failure for script closed in path - disabling",
        ),
        ("", "Unable to parse script '' - ignoring"),
    ] {
        let resolved = folder.resolve(command);
        assert_eq!(texts(&resolved), [line]);
        assert_eq!(resolved.script, None);
        assert_eq!(
            resolved.disabling("track script", "E").unwrap().text(),
            "Disabling track script E since not found/accessible"
        );
    }
}

#[test]
fn the_tutorials_shell_lines_go_to_a_shell() {
    let command = "[ -f /etc/keepalived/down ] && exit 7 || exit 0";
    let script = Folder::new().resolve(command).script.unwrap();
    assert_eq!(script.program, Path::new("/bin/sh"));
    assert_eq!(script.arguments, ["-c", command].map(OsString::from));
}

#[test]
fn missing_and_closed_files_are_said_in_keepaliveds_words() {
    let folder = Folder::new();
    let closed = folder.file("closed", 0o644);
    let User { uid, gid } = User::own();
    let folder_name = folder.0.path().display();
    for (command, line) in [
        (
            "/tmp/not/here one".to_owned(),
            "Script /tmp/not/here cannot be accessed - No such file or directory".to_owned(),
        ),
        (
            closed.display().to_string(),
            format!(
                "WARNING - script '{}' is not executable for uid:gid {uid}:{gid} - disabling.",
                closed.display()
            ),
        ),
        (
            folder_name.to_string(),
            format!("Wrong file type found in script path '{folder_name}'."),
        ),
    ] {
        let resolved = folder.resolve(&command);
        assert_eq!(
            (texts(&resolved), &resolved.script),
            (vec![line.as_str()], &None)
        );
    }
}

#[test]
fn security_disables_what_others_can_change_and_without_it_only_says_so() {
    if User::own() != User::ROOT {
        return println!("skipped: not root");
    }
    let folder = Folder::new();
    let file = folder.file("open", 0o777);
    let name = file.display().to_string();
    for security in [false, true] {
        let rules = Rules {
            security,
            path: None,
        };
        let resolved = resolve(&name, User::ROOT, rules);
        assert_eq!(resolved.script.is_none(), security);
        let line = "Disabling notify script open due to insecure".to_owned();
        let expected = security.then_some(LogLine::Warn(line));
        assert_eq!(resolved.disabling("notify script", "open"), expected);
        assert!(resolved.insecure);
        let disabling = if security { " - disabling" } else { "" };
        let [line] = &texts(&resolved)[..] else {
            panic!("one line: {resolved:?}")
        };
        let expected =
            format!("Unsafe permissions found for script '{name}'{disabling}. {name} has");
        assert!(line.starts_with(&expected), "{line}");
        assert!(line.contains("mode 0777"), "{line}");
        // Who is not root gains nothing by changing it.
        let somebody = resolve(&name, User { uid: 12, gid: 34 }, rules);
        assert!(somebody.script.is_none() || !somebody.insecure);
    }
}
