//! From a configuration to what is checked: here files are read, which [`super::spec`] does
//! not do: certificates, and where the scripts are.

use std::sync::Arc;

use tracing::error;

use super::probe::tls::{TlsClient, TlsSettings};
use super::spec::{self, Service};
use crate::config::model::{Command, Config};
use crate::script::{Programs, Script, User};

/// What there is to check in `config`. What cannot be used is said in the log: `SSL_GET` then goes
/// without the files of `SSL`, a `MISC_CHECK` does nothing.
#[must_use]
pub fn services(config: &Config, programs: &Programs) -> Vec<Service> {
    let ssl = config.environment.ssl.as_ref();
    let settings = ssl.map(TlsSettings::from).unwrap_or_default();
    let tls = TlsClient::new(&settings).unwrap_or_else(|error| {
        error!("{}; SSL_GET does without", error.in_full());
        TlsClient::without_files()
    });
    spec::services(config, &Arc::new(tls), &|command| find(programs, command))
}

/// The script of `command`, and who runs it.
fn find(programs: &Programs, command: &Command) -> (User, Option<Script>) {
    let script = programs.find("misc script", &command.command, command);
    let user = script.as_ref().map_or_else(User::own, |script| script.user);
    (user, script)
}
