//! Scripts: what the operator's programs are, whether they may run, and running them.
//!
//! ```text
//!   text of the file ──words──▶ program + arguments ──resolve, security──▶ Script
//!                                                                            │
//!   Tracker (pure, one a vrrp_script) ──Run──▶ driver (a task each) ──process::run──▶ Outcome
//!        ▲                                                                            │
//!        └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! * [`words`]: a command line cut into words. [`resolve`]: which file that is, and as whom it
//!   runs. [`security`]: `enable_script_security`. [`programs`]: all of a configuration, looked for
//!   without waiting for a file system that hangs.
//! * [`process`]: one run, in a process group of its own, ended when its time is over. [`groups`]:
//!   `set_supplementary_groups`.
//! * [`tracker`]: `vrrp_script`: when to run, what the results come to. [`driver`] runs it.
//!
//! What this module does not do: it moves no priority (the VRRP machine adds up
//! [weights](crate::track::weight)), it judges no real server (`MISC_CHECK` is
//! [`crate::health`]'s), and it queues no notifications ([`crate::notify`] does).

pub mod driver;
pub mod groups;
mod lookup;
pub mod process;
pub mod programs;
pub mod resolve;
pub mod security;
pub mod tracker;
pub mod user;
pub mod words;

use std::ffi::OsString;
use std::path::PathBuf;

pub use process::Outcome;
pub use programs::Programs;
pub use user::User;

/// A program that may run: found, executable and, if that was asked for, secure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Script {
    /// As the operator wrote it, for the log.
    pub command: String,
    /// The file, absolute unless the operator named it relative to the working directory.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub arguments: Vec<OsString>,
    /// Who runs it.
    pub user: User,
    /// `set_supplementary_groups`: with all groups of that user, not the one only.
    pub supplementary_groups: bool,
}

impl Script {
    /// The same script with `arguments` appended, as keepalived does for `notify`.
    #[must_use]
    pub fn with_arguments<T: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut script = self.clone();
        script
            .arguments
            .extend(arguments.into_iter().map(Into::into));
        script
    }
}
