//! `set_supplementary_groups`: a script with all the groups of its user.
//!
//! Who belongs to which groups stands in the user database, which may be a network's: it is asked
//! in the script's own process, so that whoever starts scripts never waits for it. That process is
//! this program once more, called with a word of its own: it takes the groups and becomes the script. (What is
//! set between fork and exec cannot be asked for safely, and glibc changes the groups of all threads.)

use std::ffi::{CString, OsString};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use nix::unistd::{Gid, Uid, User as Account, initgroups, setgid, setgroups, setuid};

use super::Script;

/// This program, also when its file was replaced.
pub(super) const SELF: &str = "/proc/self/exe";

/// The first word of a command line that is such a call. Nobody writes it by hand.
const WORD: &str = "script-with-groups";

/// A shell's status for what cannot be run.
const CANNOT_RUN: u8 = 126;

/// What [`SELF`] is called with, to become `script`.
pub(super) fn arguments(script: &Script) -> Vec<OsString> {
    let user = script.user;
    let mut words: Vec<OsString> = vec![WORD.into()];
    words.extend([user.uid, user.gid].map(|id| OsString::from(id.to_string())));
    words.push(script.program.clone().into_os_string());
    words.extend(script.arguments.iter().cloned());
    words
}

/// Becomes the script that a command line names; `None`: it names none. What cannot become it ends
/// with this status.
pub fn become_script(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, word, uid, gid, program, rest @ ..] = arguments else {
        return None;
    };
    if word != WORD {
        return None;
    }
    let id = |text: &OsString| -> Option<u32> { text.to_str()?.parse().ok() };
    if let (Some(uid), Some(gid)) = (id(uid), id(gid))
        && take(Uid::from_raw(uid), Gid::from_raw(gid)).is_ok()
    {
        // Only what went wrong comes back. There is nobody to tell: the outputs are `/dev/null`.
        let _error = Command::new(program).args(rest).exec();
    }
    Some(ExitCode::from(CANNOT_RUN))
}

/// All groups of a user, then the user. One without a name has the one group.
fn take(uid: Uid, gid: Gid) -> nix::Result<()> {
    let account = Account::from_uid(uid).ok().flatten();
    let name = account.and_then(|account| CString::new(account.name).ok());
    match name {
        Some(name) => initgroups(&name, gid)?,
        None => setgroups(&[gid])?,
    }
    setgid(gid)?;
    setuid(uid)
}

#[cfg(test)]
mod tests;
