//! From the operator's command line to a program that may run.
//!
//! keepalived runs programs, not shell lines: the first word is the file, looked for in `$PATH` if
//! it has no slash, the others are its arguments. The tutorials' `[ -f /x ] && exit 7 || exit 0`
//! comes from the time when it asked a shell; a line whose first word has no slash and that holds
//! shell operators still goes to `/bin/sh -c`, so that it means what it says. (keepalived 2.2.7
//! would run `/usr/bin/[` with `&&` as an argument, which always fails.)

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::security::{find_unsafe, is_executable, needs_protection};
use super::words::Words;
use super::{Script, User};
use crate::log_line::LogLine;

const SHELL: &str = "/bin/sh";

/// `$PATH` where there is none (confstr(3), `_CS_PATH`).
const PATH: &str = "/bin:/usr/bin";

/// Rules for all scripts, from `global_defs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules<'a> {
    /// `enable_script_security`.
    pub security: bool,
    /// Where to look for programs without a slash; `None`: the system's default.
    pub path: Option<&'a OsStr>,
}

/// What became of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The script; `None`: it must not or cannot run, and the lines say why.
    pub script: Option<Script>,
    /// The first of these is keepalived's, if keepalived has one for the case.
    pub lines: Vec<LogLine>,
    /// Somebody other than root can change it, and it runs as root (keepalived then exits with 6
    /// from a configuration test).
    pub insecure: bool,
}

impl Resolved {
    /// keepalived's line about who loses a script: `kind` is "track script", "notify script" or
    /// "misc script", `name` the `vrrp_script` or the command. `None`: it may run.
    pub fn disabling(&self, kind: &str, name: &str) -> Option<LogLine> {
        let why = match (&self.script, self.insecure) {
            (Some(_), _) => return None,
            (None, true) => "due to insecure",
            (None, false) => "since not found/accessible",
        };
        Some(LogLine::Warn(format!("Disabling {kind} {name} {why}")))
    }
}

/// keepalived's line when there are scripts and no `enable_script_security`; `insecure`: one of
/// them is.
pub fn security_violation(insecure: bool) -> LogLine {
    let insecure = if insecure {
        " There are insecure scripts."
    } else {
        ""
    };
    LogLine::Warn(format!(
        "SECURITY VIOLATION - scripts are being executed but script_security not enabled.{insecure}"
    ))
}

/// Finds the program of `command` and checks that `user` may run it.
///
/// Reads directories: not for the VRRP thread.
pub fn resolve(command: &str, user: User, rules: Rules<'_>) -> Resolved {
    let mut lines = Vec::new();
    let mut insecure = false;
    let script = find(command, user, rules, &mut lines)
        .and_then(|script| permitted(script, rules, &mut lines, &mut insecure));
    Resolved {
        script,
        lines,
        insecure,
    }
}

fn find(command: &str, user: User, rules: Rules<'_>, lines: &mut Vec<LogLine>) -> Option<Script> {
    let words = match Words::cut(command) {
        Ok(words) => words,
        Err(error) => {
            return refuse(
                lines,
                format!("Unable to parse script '{command}': {error}"),
            );
        }
    };
    let mut all = words.iter();
    let Some(first) = all.next().filter(|first| !first.is_empty()) else {
        return refuse(
            lines,
            format!("Unable to parse script '{command}' - ignoring"),
        );
    };
    let with = |program: PathBuf, arguments: Vec<&str>| {
        Some(Script {
            command: command.into(),
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            user,
            supplementary_groups: false,
        })
    };
    if first.contains('/') {
        if words.need_shell() {
            lines.push(LogLine::Warn(format!(
                "script '{command}' is run without a shell: what means something to a shell is an \
                 argument of {first}. If that is not meant, write /bin/sh -c '…'"
            )));
        }
        return with(first.into(), all.collect());
    }
    if words.need_shell() {
        return with(SHELL.into(), vec!["-c", command]);
    }
    match search(first, user, rules.path.unwrap_or_else(|| PATH.as_ref())) {
        Found::File(file) => {
            let path = file.display();
            lines.push(LogLine::Warn(format!(
                "WARNING - script `{first}` resolved by path search to `{path}`. Please specify \
                 full path."
            )));
            with(file, all.collect())
        }
        Found::Denied => refuse(
            lines,
            format!("Permissions failure for script {first} in path - disabling"),
        ),
        Found::Nothing => refuse(
            lines,
            format!("Cannot find script {first} in path - disabling"),
        ),
    }
}

/// Checks the file itself and, for what runs as root, everything on the way to it.
fn permitted(
    script: Script,
    rules: Rules<'_>,
    lines: &mut Vec<LogLine>,
    insecure: &mut bool,
) -> Option<Script> {
    let name = script.program.display().to_string();
    let file = match fs::metadata(&script.program) {
        Ok(file) => file,
        Err(error) => {
            let reason = describe(&error);
            return refuse(
                lines,
                format!("Script {name} cannot be accessed - {reason}"),
            );
        }
    };
    if !file.is_file() {
        return refuse(
            lines,
            format!("Wrong file type found in script path '{name}'."),
        );
    }
    if !is_executable(&file, script.user) {
        let User { uid, gid } = script.user;
        return refuse(
            lines,
            format!(
                "WARNING - script '{name}' is not executable for uid:gid {uid}:{gid} - disabling."
            ),
        );
    }
    if !needs_protection(&file, script.user) {
        return Some(script);
    }
    match find_unsafe(&script.program) {
        Ok(None) => Some(script),
        Ok(Some(found)) => {
            *insecure = true;
            let disabling = if rules.security { " - disabling" } else { "" };
            lines.push(LogLine::Warn(format!(
                "Unsafe permissions found for script '{name}'{disabling}. {found}"
            )));
            (!rules.security).then_some(script)
        }
        Err(error) => {
            let reason = describe(&error);
            refuse(
                lines,
                format!("check_script_secure('{name}') returned {reason} - disabling"),
            )
        }
    }
}

fn refuse(lines: &mut Vec<LogLine>, line: String) -> Option<Script> {
    lines.push(LogLine::Warn(line));
    None
}

/// The system's words without Rust's number behind them: keepalived prints `strerror`.
fn describe(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| nix::errno::Errno::from_raw(number).desc().into(),
    )
}

enum Found {
    File(PathBuf),
    /// There are such files, but none may be run.
    Denied,
    Nothing,
}

fn search(name: &str, user: User, path: &OsStr) -> Found {
    let mut denied = false;
    for directory in std::env::split_paths(path) {
        // POSIX: an empty entry is the working directory; a daemon's is nobody's choice.
        if directory.as_os_str().is_empty() {
            continue;
        }
        let file = directory.join(name);
        match runnable(&file, user) {
            Some(true) => return Found::File(file),
            Some(false) => denied = true,
            None => {}
        }
    }
    if denied {
        Found::Denied
    } else {
        Found::Nothing
    }
}

/// `None`: there is no such file.
fn runnable(file: &Path, user: User) -> Option<bool> {
    let metadata: Metadata = fs::metadata(file).ok()?;
    Some(metadata.is_file() && is_executable(&metadata, user))
}

#[cfg(test)]
mod tests;
