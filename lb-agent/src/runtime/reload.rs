//! A configuration that is to replace the one in force: read, checked, and prepared as far as that
//! goes without touching anything. Runs on a thread of its own: 40 000 servers take their time,
//! and a file may be on a slow disk.
//!
//! What an unusable file says comes back in words; nothing has changed then. Who applies the
//! prepared one is the supervisor.

mod fixed;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::oneshot;

pub use self::fixed::fixed;
pub use self::summary::summary;
use crate::config::model::Config;
use crate::config::{self, Changes, Environment, FileSystem, Loaded};
use crate::health;
use crate::health::spec::Service;

/// Where the configuration comes from, the same at every reload.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `--config`.
    pub path: PathBuf,
    /// What its macros can ask for.
    pub environment: Environment,
}

impl Origin {
    /// Reads it.
    pub fn load(&self) -> Loaded {
        config::load_in(&FileSystem, &self.path, &self.environment)
    }
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    /// What differs.
    pub changes: Changes,
    /// What is to be checked.
    pub services: Vec<Service>,
    /// Warnings and notices, and errors that it can run with.
    pub remarks: String,
}

/// The configuration cannot be used; everything goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Refused {
    /// In one line.
    pub why: String,
    /// As that of `lb-agent check`, never 0.
    pub exit_status: u8,
    /// What is wrong with it, with places.
    pub remarks: String,
}

impl Refused {
    /// For another reason than what stands in the file.
    pub fn because(why: impl ToString) -> Self {
        Self {
            why: why.to_string(),
            exit_status: 1,
            remarks: String::new(),
        }
    }
}

/// Reads and checks what is to replace `current`.
pub fn prepare(origin: &Origin, current: &Config) -> Result<Prepared, Refused> {
    let loaded = origin.load();
    let remarks = config::render(&loaded, false);
    let reload = &current.global_defs.reload;
    if let Some(path) = &reload.reload_check_config_log
        && let Err(error) = std::fs::write(path, &remarks)
    {
        tracing::warn!("cannot write {}: {error}", path.display());
    }
    let exit_status = loaded.exit_status();
    // keepalived goes on with a file that has errors unless `reload_check_config` forbids it.
    if loaded.is_fatal() || (reload.reload_check_config && exit_status != 0) {
        let path = origin.path.display();
        let strict = if loaded.is_fatal() {
            ""
        } else {
            " (`reload_check_config`)"
        };
        return Err(Refused {
            why: format!("{path} has errors{strict}; everything goes on as it was"),
            exit_status,
            remarks,
        });
    }
    let config = loaded.config;
    Ok(Prepared {
        changes: config::diff(current, &config),
        services: health::prepare::services(&config),
        config,
        remarks,
    })
}

/// Does that on a thread of its own. When it dies, the receiver hears of it.
pub fn start(
    origin: Origin,
    current: Arc<Config>,
) -> std::io::Result<oneshot::Receiver<Result<Prepared, Refused>>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || {
            // The agent may have stopped meanwhile.
            sender.send(prepare(&origin, &current)).ok();
        })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests;
