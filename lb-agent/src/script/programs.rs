//! All scripts of one configuration: who runs them and under which rules.
//!
//! Reads the user database and directories, so it is asked at start and at reload, and never by
//! the VRRP thread. What it finds it says in the log, in keepalived's words.

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;

use super::resolve::{Rules, resolve, security_violation};
use super::{Script, User};
use crate::config::model::{Command, ScriptDefaults};
use crate::log_line::LogLine;

/// Finds the programs of commands.
#[derive(Debug)]
pub struct Programs {
    config: ScriptDefaults,
    path: Option<OsString>,
    /// `script_user`, or what holds without it; `None`: there is no such user.
    default: OnceCell<Option<User>>,
    /// A script that may run was found.
    any: Cell<bool>,
    /// Somebody other than root can change what root runs.
    insecure: Cell<bool>,
}

impl Programs {
    /// With the rules of `global_defs`; names without a slash are looked for in `path`, of the form
    /// of `$PATH`.
    pub const fn new(config: ScriptDefaults, path: Option<OsString>) -> Self {
        Self {
            config,
            path,
            default: OnceCell::new(),
            any: Cell::new(false),
            insecure: Cell::new(false),
        }
    }

    /// The program of `command`; `None`: it must not or cannot run, and the log says why. `kind` is
    /// "track script", "notify script" or "misc script", `name` the `vrrp_script` or the command.
    pub fn find(&self, kind: &str, name: &str, command: &Command) -> Option<Script> {
        let Some(user) = self.user(command.user.as_deref(), command.group.as_deref()) else {
            LogLine::Warn(format!("Disabling {kind} {name}: nobody can run it")).write();
            return None;
        };
        let rules = Rules {
            security: self.config.enable_script_security,
            path: self.path.as_deref(),
        };
        let resolved = resolve(&command.command, user, rules);
        let disabling = resolved.disabling(kind, name);
        for line in resolved.lines.iter().chain(&disabling) {
            line.write();
        }
        self.insecure.set(self.insecure.get() || resolved.insecure);
        self.any.set(self.any.get() || resolved.script.is_some());
        resolved.script
    }

    /// A user and a group by name, without a name `script_user`; `None`: there is none, and the log
    /// says so.
    pub fn user(&self, name: Option<&str>, group: Option<&str>) -> Option<User> {
        match name {
            Some(name) => found(name, group),
            None => *self.default.get_or_init(|| self.default_user()),
        }
    }

    /// After all scripts were looked for: keepalived's line when there are some and
    /// `enable_script_security` is not set.
    pub fn say_violation(&self) {
        if self.any.get() && !self.config.enable_script_security {
            security_violation(self.insecure.get()).write();
        }
    }

    fn default_user(&self) -> Option<User> {
        if let Some((name, group)) = &self.config.script_user {
            return found(name, group.as_deref());
        }
        let (user, warning) = User::default_for_scripts();
        if let Some(warning) = warning {
            LogLine::Warn(warning).write();
        }
        Some(user)
    }
}

fn found(name: &str, group: Option<&str>) -> Option<User> {
    let user = User::find(name, group);
    user.map_err(|error| LogLine::Warn(error.to_string()).write())
        .ok()
}

#[cfg(test)]
mod tests;
