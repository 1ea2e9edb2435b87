//! Commands, FIFOs and mails that tell others of a change.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// A command: `COMMAND [USER [GROUP]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Command {
    /// As written: a program with arguments, or a line for `sh -c`.
    pub command: String,
    /// Who runs it; default: `script_user`.
    pub user: Option<String>,
    /// Its group; default: the user's.
    pub group: Option<String>,
}

impl Command {
    /// A command that `script_user` runs.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            user: None,
            group: None,
        }
    }
}

/// A command with a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimedCommand {
    /// The command.
    pub command: Command,
    /// Killed after so long.
    pub timeout: Duration,
}

/// What an instance or a sync group runs and sends when its state changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notify {
    /// `notify_master`.
    pub notify_master: Option<Command>,
    /// `notify_backup`.
    pub notify_backup: Option<Command>,
    /// `notify_fault`.
    pub notify_fault: Option<Command>,
    /// `notify_stop`.
    pub notify_stop: Option<Command>,
    /// `notify`: for every change, with arguments of its own.
    pub notify: Option<Command>,
    /// `notify_deleted`: a reload that removes the instance says DELETED instead of FAULT.
    pub notify_deleted: bool,
    /// `notify_master_rx_lower_pri`.
    pub notify_master_rx_lower_pri: Option<Command>,
    /// `notify_split_brain`, ours: there are two masters, or no longer.
    pub notify_split_brain: Option<Command>,
    /// `notify_priority_changes`, else `vrrp_notify_priority_changes`.
    pub notify_priority_changes: bool,
    /// `smtp_alert`, else `smtp_alert_vrrp`, else `smtp_alert`, else off.
    pub smtp_alert: bool,
}

/// `notify_fifo` with its `notify_fifo_script`, and the two like them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fifo {
    /// `notify_fifo PATH [USER [GROUP]]`.
    pub fifo: Option<FifoPath>,
    /// `notify_fifo_script COMMAND`.
    pub fifo_script: Option<Command>,
}

/// A FIFO and who owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FifoPath {
    /// The path.
    pub path: PathBuf,
    /// Owner; default: `script_user`.
    pub user: Option<String>,
    /// Group.
    pub group: Option<String>,
}

/// FIFOs and what is told over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GlobalNotify {
    /// `notify_fifo`: all events.
    pub notify_fifo: Fifo,
    /// `vrrp_notify_fifo`.
    pub vrrp_notify_fifo: Fifo,
    /// `lvs_notify_fifo`.
    pub lvs_notify_fifo: Fifo,
    /// `fifo_write_vrrp_states_on_reload`.
    pub fifo_write_vrrp_states_on_reload: bool,
    /// `rs_init_notifies`: `notify_up` and `notify_down` for the first state, too.
    pub rs_init_notifies: bool,
}

/// Who runs scripts, and those of start and stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScriptDefaults {
    /// `script_user USER [GROUP]`; default: `keepalived_script` if it exists, else root.
    pub script_user: Option<(String, Option<String>)>,
    /// `enable_script_security`: no script runs as root that somebody else can change.
    pub enable_script_security: bool,
    /// `set_supplementary_groups`: scripts have all groups of their user, not the one only.
    pub set_supplementary_groups: bool,
    /// `startup_script`, with `startup_script_timeout`.
    pub startup_script: Option<TimedCommand>,
    /// `shutdown_script`, with `shutdown_script_timeout`.
    pub shutdown_script: Option<TimedCommand>,
}
