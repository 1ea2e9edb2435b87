//! All scripts of one configuration: who runs them and under which rules.
//!
//! Reads the user database and directories, so it is asked at start and at reload, and never by
//! the VRRP thread. What it finds it says in the log, in keepalived's words.

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::path::PathBuf;

use super::lookup::{Lookup, Wanted};
use super::resolve::security_violation;
use super::{Script, User};
use crate::config::model::{Command, ScriptDefaults};
use crate::log_line::LogLine;

/// Finds the programs of commands.
#[derive(Debug)]
pub struct Programs {
    config: ScriptDefaults,
    path: Option<OsString>,
    lookup: Lookup,
    /// `script_user`, or what holds without it; else why there is no such user.
    default: OnceCell<Result<User, String>>,
    /// A script that may run was found.
    any: Cell<bool>,
    /// Somebody other than root can change what root runs.
    insecure: Cell<bool>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The script; `None`: it must not or cannot run, and the lines say why.
    pub script: Option<Script>,
    /// What there is to say, in keepalived's words; the last says what follows, if anything.
    pub lines: Vec<LogLine>,
}

impl Programs {
    /// With the rules of `global_defs`; names without a slash are looked for in `path`, of the form
    /// of `$PATH`.
    pub fn new(config: ScriptDefaults, path: Option<OsString>) -> Self {
        Self {
            config,
            path,
            lookup: Lookup::default(),
            default: OnceCell::new(),
            any: Cell::new(false),
            insecure: Cell::new(false),
        }
    }

    /// The program of `command`; `None`: it must not or cannot run, and the log says why. `kind` is
    /// "track script", "notify script" or "misc script", `name` the `vrrp_script` or the command.
    pub fn find(&self, kind: &str, name: &str, command: &Command) -> Option<Script> {
        let Looked { script, lines } = self.look(kind, name, command);
        for line in lines {
            line.write();
        }
        script
    }

    /// The same, telling nobody but the caller.
    pub fn look(&self, kind: &str, name: &str, command: &Command) -> Looked {
        let (user, mut lines) = self.look_user(command.user.as_deref(), command.group.as_deref());
        let user = match user {
            Ok(user) => user,
            Err(why) => {
                let disabling = format!("Disabling {kind} {name}: nobody can run it");
                lines.extend([why, disabling].map(LogLine::Warn));
                return Looked {
                    script: None,
                    lines,
                };
            }
        };
        let resolved = self.lookup.find(Wanted {
            command: command.command.clone(),
            user,
            security: self.config.enable_script_security,
            path: self.path.clone(),
        });
        let disabling = resolved.disabling(kind, name);
        lines.extend(resolved.lines);
        lines.extend(disabling);
        self.insecure.set(self.insecure.get() || resolved.insecure);
        self.any.set(self.any.get() || resolved.script.is_some());
        let script = resolved.script.map(|script| Script {
            supplementary_groups: self.config.set_supplementary_groups,
            ..script
        });
        Looked { script, lines }
    }

    /// A user and a group by name, without a name `script_user`; `None`: there is none, and the log
    /// says so.
    pub fn user(&self, name: Option<&str>, group: Option<&str>) -> Option<User> {
        let (user, mut lines) = self.look_user(name, group);
        let user = user.map_err(|why| lines.push(LogLine::Warn(why))).ok();
        for line in lines {
            line.write();
        }
        user
    }

    /// The user, or why there is none, and what else there is to say.
    fn look_user(
        &self,
        name: Option<&str>,
        group: Option<&str>,
    ) -> (Result<User, String>, Vec<LogLine>) {
        let mut lines = Vec::new();
        let user = if let Some(name) = name {
            found(name, group)
        } else {
            let default = self.default.get_or_init(|| self.default_user(&mut lines));
            default.clone()
        };
        (user, lines)
    }

    /// After all scripts were looked for: keepalived's line when there are some and
    /// `enable_script_security` is not set.
    pub fn say_violation(&self) {
        if let Some(line) = self.violation() {
            line.write();
        }
    }

    /// That line.
    pub fn violation(&self) -> Option<LogLine> {
        let is_violated = self.any.get() && !self.config.enable_script_security;
        is_violated.then(|| security_violation(self.insecure.get()))
    }

    /// After all scripts were looked for: why some could not be, since their file system hangs;
    /// `None`: all that was asked was answered. They may be as good as ever.
    pub fn unanswered(&self) -> Option<String> {
        let hung = self.lookup.hung();
        let name = |folder: &PathBuf| match folder.to_str() {
            Some("") => "a folder of $PATH".to_owned(),
            Some(_) | None => folder.display().to_string(),
        };
        let folders: Vec<String> = hung.iter().map(name).collect();
        (!folders.is_empty()).then(|| {
            format!(
                "scripts cannot be looked for, as their file system does not answer: {}",
                folders.join(", ")
            )
        })
    }

    fn default_user(&self, lines: &mut Vec<LogLine>) -> Result<User, String> {
        if let Some((name, group)) = &self.config.script_user {
            return found(name, group.as_deref());
        }
        let (user, warning) = User::default_for_scripts();
        lines.extend(warning.map(LogLine::Warn));
        Ok(user)
    }
}

fn found(name: &str, group: Option<&str>) -> Result<User, String> {
    User::find(name, group).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
