//! Who runs a script: `script_user`, `user`, and what holds without them.

use nix::unistd::{Gid, Group, Uid, User as Account, getegid, geteuid};
use thiserror::Error;

/// The user whom keepalived's packages create for scripts.
const DEFAULT_USER: &str = "keepalived_script";

/// A user and one group; scripts have no other groups without `set_supplementary_groups`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Why a user cannot run scripts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UserError {
    /// No such user.
    #[error("Script user '{0}' does not exist")]
    NoUser(String),
    /// No such group.
    #[error("Script group '{0}' does not exist")]
    NoGroup(String),
    /// The user database cannot be read.
    #[error("Unable to resolve script username '{name}' - ignoring ({reason})")]
    Database {
        /// The user or group.
        name: String,
        /// What the system said.
        reason: String,
    },
}

impl User {
    /// root.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// Who this process is.
    pub fn own() -> Self {
        Self {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        }
    }

    /// Its name, else its number. Reads the user database: not for the VRRP thread.
    pub fn name(self) -> String {
        let account = Account::from_uid(Uid::from_raw(self.uid)).ok().flatten();
        account.map_or_else(|| self.uid.to_string(), |account| account.name)
    }

    /// `script_user NAME [GROUP]`; without a group the user's own. Both may be numbers.
    ///
    /// Reads the user database, which may ask the network: not for the VRRP thread.
    pub fn find(name: &str, group: Option<&str>) -> Result<Self, UserError> {
        let account = match name.parse() {
            Ok(uid) => Account::from_uid(Uid::from_raw(uid)),
            Err(_name) => Account::from_name(name),
        };
        let account = account
            .map_err(|errno| database(name, errno))?
            .ok_or_else(|| UserError::NoUser(name.into()))?;
        let gid = match group {
            None => account.gid,
            Some(group) => find_group(group)?,
        };
        Ok(Self {
            uid: account.uid.as_raw(),
            gid: gid.as_raw(),
        })
    }

    /// Who runs scripts without `script_user`: `keepalived_script` if there is such a user, else
    /// whoever we are. The second value is keepalived's warning in the latter case.
    pub fn default_for_scripts() -> (Self, Option<String>) {
        match Self::find(DEFAULT_USER, None) {
            Ok(user) => (user, None),
            Err(_absent) => (
                Self::own(),
                Some(format!(
                    "WARNING - default user '{DEFAULT_USER}' for script execution does not exist - \
                     please create."
                )),
            ),
        }
    }
}

fn find_group(name: &str) -> Result<Gid, UserError> {
    let group = match name.parse() {
        Ok(gid) => return Ok(Gid::from_raw(gid)),
        Err(_name) => Group::from_name(name).map_err(|errno| database(name, errno))?,
    };
    group
        .map(|group| group.gid)
        .ok_or_else(|| UserError::NoGroup(name.into()))
}

fn database(name: &str, errno: nix::Error) -> UserError {
    UserError::Database {
        name: name.into(),
        reason: errno.desc().into(),
    }
}

#[cfg(test)]
mod tests;
