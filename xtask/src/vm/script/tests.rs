use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// What `sh` prints when it runs the script.
fn run(script: &[u8]) -> Vec<u8> {
    let mut shell = Command::new("sh")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script).unwrap();
    shell.wait_with_output().unwrap().stdout
}

#[test]
fn words_and_values_reach_the_command_as_they_are() {
    let word = OsString::from("it's $HOME `id` \"a\\b\"\n*");
    let words = ["/usr/bin/printf", "%s|%s|", "x"].map(OsString::from);
    let script = command(
        words.iter().chain([&word]).map(|word| &**word),
        Path::new("/"),
        [(OsStr::new("A"), &*word)],
    );
    assert_eq!(
        run(&script),
        [
            b"x|".to_vec(),
            word.clone().into_encoded_bytes(),
            b"|".to_vec()
        ]
        .concat()
    );
    let show = [OsStr::new("/usr/bin/printenv"), OsStr::new("A")];
    let script = command(show, Path::new("/"), [(OsStr::new("A"), &*word)]);
    assert_eq!(
        run(&script),
        [word.into_encoded_bytes(), b"\n".to_vec()].concat()
    );
}

#[test]
fn the_command_runs_in_its_directory() {
    let script = command([OsStr::new("/bin/pwd")], Path::new("/usr/share"), []);
    assert_eq!(run(&script), b"/usr/share\n");
}

#[test]
fn what_no_shell_takes_as_a_name_is_left_out() {
    let names = ["BASH_FUNC_x%%", "1A", "", "GOOD_1"].map(OsStr::new);
    let script = command(
        [OsStr::new("true")],
        Path::new("/"),
        names.map(|name| (name, name)),
    );
    let script = String::from_utf8(script).unwrap();
    assert_eq!(
        script,
        "export GOOD_1='GOOD_1'\ncd '/' || exit 125\nexec 'true'\n"
    );
}
