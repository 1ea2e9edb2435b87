//! `set_supplementary_groups`: a script with all the groups of its user.
//!
//! Who belongs to which groups stands in the user database, which may be a network's: it is asked
//! in the script's own process, so that whoever starts scripts never waits for it. That process is
//! this program once more, called with a word of its own: it takes the groups and becomes the script. (What is
//! set between fork and exec cannot be asked for safely, and glibc changes the groups of all threads.)
//!
//! The start of such a script ends when this program is loaded again, not when the script is: a file
//! system that hangs holds the script up, not its start, and of a check it is said that it timed out.
//! Without `/proc` there is no such start: each script then fails with "No such file or directory".

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use nix::sys::signal::{Signal, raise};
use nix::unistd::{Gid, Uid, User as Account, initgroups, setgid, setgroups, setuid};

use super::Script;

/// This program, also when its file was replaced.
pub(super) const SELF: &str = "/proc/self/exe";

/// The first word of a command line that is such a call. Nobody writes it by hand.
const WORD: &str = "script-with-groups";

/// What [`SELF`] is called with, to become `script`.
pub(super) fn arguments(script: &Script) -> Vec<OsString> {
    let user = script.user;
    let mut words: Vec<OsString> = vec![WORD.into()];
    words.extend([user.uid, user.gid].map(|id| OsString::from(id.to_string())));
    words.push(script.program.clone().into_os_string());
    words.extend(script.arguments.iter().cloned());
    words
}

/// Becomes the script that a command line names; `None`: it names none.
///
/// What cannot become it is killed: any status would be taken for the script's own, which may be a
/// weight (`misc_dynamic`). A signal is a failure for everybody who runs scripts.
pub fn become_script(arguments: &[OsString]) -> Option<ExitCode> {
    // Why, nobody can be told: the outputs are `/dev/null`.
    attempt(arguments)?;
    raise(Signal::SIGKILL).ok();
    Some(ExitCode::FAILURE)
}

/// The same; why not comes back.
fn attempt(arguments: &[OsString]) -> Option<io::Error> {
    let [_, word, uid, gid, program, rest @ ..] = arguments else {
        return None;
    };
    if word != WORD {
        return None;
    }
    let id = |text: &OsString| -> Option<u32> { text.to_str()?.parse().ok() };
    let (Some(uid), Some(gid)) = (id(uid), id(gid)) else {
        return Some(io::ErrorKind::InvalidInput.into());
    };
    Some(match take(Uid::from_raw(uid), Gid::from_raw(gid)) {
        Ok(()) => Command::new(program).args(rest).exec(),
        Err(errno) => errno.into(),
    })
}

/// All groups of a user, then the user. One without a name has the one group.
fn take(uid: Uid, gid: Gid) -> nix::Result<()> {
    // A database that does not answer is not one that has no name: no script with fewer groups than
    // its user's.
    let account = Account::from_uid(uid)?;
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
