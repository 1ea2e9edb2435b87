//! From a configuration to what is checked: here files are read, which [`super::spec`] does
//! not do: certificates, and where the scripts are.

use std::error::Error;
use std::sync::Arc;

use tracing::{error, warn};

use super::probe::tls::{TlsClient, TlsSettings};
use super::spec::{self, Service};
use crate::config::model::{Command, Config};
use crate::script::resolve::{Rules, resolve};
use crate::script::{Script, User};

/// What there is to check in `config`. What cannot be used is said in the log: `SSL_GET` then goes
/// without the files of `SSL`, a `MISC_CHECK` does nothing.
#[must_use]
pub fn services(config: &Config) -> Vec<Service> {
    let ssl = config.environment.ssl.as_ref();
    let settings = ssl.map(TlsSettings::from).unwrap_or_default();
    let tls = TlsClient::new(&settings).unwrap_or_else(|error| {
        let cause = error.source().map(|cause| format!(": {cause}"));
        error!("{error}{}; SSL_GET does without", cause.unwrap_or_default());
        TlsClient::without_files()
    });
    spec::services(config, &Arc::new(tls), &|command| find(config, command))
}

/// The script of `command`, and who runs it.
fn find(config: &Config, command: &Command) -> (User, Option<Script>) {
    let scripts = &config.global_defs.scripts;
    let user = match (&command.user, &scripts.script_user) {
        (Some(user), _) => User::find(user, command.group.as_deref()),
        (None, Some((user, group))) => User::find(user, group.as_deref()),
        (None, None) => Ok(User::default_for_scripts().0),
    };
    let user = match user {
        Ok(user) => user,
        Err(error) => {
            warn!("{error}: misc script {} is disabled", command.command);
            return (User::own(), None);
        }
    };
    let path = std::env::var_os("PATH");
    let rules = Rules {
        security: scripts.enable_script_security,
        path: path.as_deref(),
    };
    let resolved = resolve(&command.command, user, rules);
    for line in &resolved.lines {
        line.write();
    }
    if resolved.script.is_none() {
        warn!(
            "Disabling misc script {} since not found/accessible",
            command.command
        );
    }
    (user, resolved.script)
}
