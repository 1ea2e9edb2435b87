//! A configuration that is to replace the one in force: read, checked, and prepared as far as that
//! goes without touching anything. Runs on a thread of its own: 40 000 servers take their time,
//! and a file may be on a slow disk.
//!
//! What an unusable file says comes back in words; nothing has changed then. Who applies the
//! prepared one is the supervisor.

mod fixed;
pub mod saved;
mod summary;
pub mod timed;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::unistd::gethostname;
use thiserror::Error;
use tokio::sync::oneshot;

pub use self::fixed::fixed;
pub use self::summary::summary;
use crate::config::model::Config;
use crate::config::{self, Changes, Environment, FileSystem, Loaded, Severity};
use crate::health;
use crate::health::spec::Service;
use crate::notify::fifo::{self, Fifo, FifoError};
use crate::notify::from_config::Settings;
use crate::runtime::director;
use crate::runtime::files;
use crate::runtime::parts::Parts;
use crate::runtime::priority::run_as_at_start;
use crate::runtime::supervisor::module::schedulers;
use crate::runtime::trackers::{self, Watched};
use crate::script::Programs;
use crate::vrrp::settings::{MAX_KEY_FILE, Setup};

/// Where the configuration comes from, the same at every reload.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `--config`.
    pub path: PathBuf,
    /// What its macros can ask for.
    pub environment: Environment,
    /// Which parts of it count.
    pub parts: Parts,
}

impl Origin {
    /// Reads it.
    pub fn load(&self) -> Loaded {
        let mut loaded = config::load_in(&FileSystem, &self.path, &self.environment);
        self.parts.apply(&mut loaded.config);
        loaded
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
    /// What VRRP is to do.
    pub setup: Setup,
    /// What is watched for it.
    pub watched: Watched,
    /// Whom VRRP tells.
    pub telling: Settings,
    /// Its FIFOs, in their order.
    pub fifos: Vec<Opened>,
    /// What came of loading IPVS's module; `None`: going by the configuration, nobody needs it.
    pub module: Option<Result<(), String>>,
    /// Warnings and notices, and errors that it can run with.
    pub remarks: String,
    /// Those errors.
    pub errors: Errors,
}

/// A FIFO that is open, or why it is not.
pub type Opened = Result<Fifo, FifoError>;

/// What is wrong with a configuration that runs nevertheless, without places.
pub type Errors = BTreeSet<String>;

/// The errors of a configuration.
pub fn errors(loaded: &Loaded) -> Errors {
    let errors = loaded.diagnostics.iter();
    let errors = errors.filter(|it| it.severity == Severity::Error);
    errors.map(|it| it.message.clone()).collect()
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
    pub fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            exit_status: 1,
            remarks: String::new(),
        }
    }
}

/// `config_save_dir`: keeps what was read for the `number`th time, 0 being the start.
pub fn save(loaded: &Loaded, before: Option<&Config>, number: u64) {
    let folder = |config: &Config| config.global_defs.reload.config_save_dir.clone();
    if let Some(folder) = folder(&loaded.config).or_else(|| folder(before?)) {
        saved::configuration(&folder, number, &loaded.sources);
    }
}

/// Reads and checks what is to replace `current`, which runs with the errors `known`; it is the
/// `number`th reload.
///
/// keepalived goes on with whatever is left of a file with errors, unless `reload_check_config`
/// forbids it: when an included file is missing, everything in it stops. Here an error that the
/// running configuration does not have is reason enough to keep that.
pub fn prepare(
    origin: &Origin,
    current: &Config,
    known: &Errors,
    number: u64,
) -> Result<Prepared, Refused> {
    let reload = &current.global_defs.reload;
    if let Some(path) = &reload.reload_file
        && let Err(error) = files::write(path, b"")
    {
        tracing::warn!("cannot write reload_file {}: {error}", path.display());
    }
    let loaded = origin.load();
    save(&loaded, Some(current), number);
    let errors = errors(&loaded);
    let remarks = config::render(&loaded, false);
    if let Some(path) = &reload.reload_check_config_log
        && let Err(error) = files::write(path, remarks.as_bytes())
    {
        tracing::warn!("cannot write {}: {error}", path.display());
    }
    let exit_status = loaded.exit_status();
    let why = if loaded.is_fatal() {
        Some("cannot be used")
    } else if !errors.is_subset(known) {
        Some("has errors that the running configuration does not have")
    } else if reload.reload_check_config && exit_status != 0 {
        Some("has faults, and `reload_check_config` wants none")
    } else {
        None
    };
    if let Some(why) = why {
        let path = origin.path.display();
        return Err(Refused {
            why: format!("{path} {why}; everything goes on as it was"),
            exit_status,
            remarks,
        });
    }
    let config = loaded.config;
    let programs = Programs::new(config.global_defs.scripts.clone(), std::env::var_os("PATH"));
    let services = health::prepare::services(&config, &programs);
    let telling = Settings::new(&config, &programs, &host_name());
    let (mut setup, watched) = trackers::setup(&config, &programs);
    programs.say_violation();
    let mut unread = setup.read_keys(|path| files::read(path, MAX_KEY_FILE));
    unread.extend(programs.unanswered());
    if !unread.is_empty() {
        // The running agent has the keys and the scripts that it needs.
        return Err(Refused {
            why: format!("{}; everything goes on as it was", unread.join("; ")),
            exit_status: 1,
            remarks,
        });
    }
    // Here, where nobody waits. That it cannot be loaded is told by who needs it.
    let module =
        director::asks_for_ipvs(&config).then(|| crate::net::ipvs::load(&schedulers(&config)));
    // Here, too, for their file systems; nothing has been touched but for those that are made.
    let fifos = fifo::open_all(telling.fifos.iter().map(|(_, it)| it));
    Ok(Prepared {
        fifos,
        module,
        setup,
        watched,
        changes: config::diff(current, &config),
        services,
        telling,
        config,
        remarks,
        errors,
    })
}

/// `localhost` if the system does not know.
pub fn host_name() -> String {
    let name = gethostname().unwrap_or_default().into_string();
    name.ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".into())
}

/// Does that on a thread of its own, after `last` has removed the `reload_file` of the last reload.
/// When it dies, the receiver hears of it.
pub fn start(
    origin: Origin,
    current: Arc<Config>,
    known: Errors,
    number: u64,
    last: Option<JoinHandle<()>>,
) -> std::io::Result<oneshot::Receiver<Result<Prepared, Refused>>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || {
            run_as_at_start();
            // Whether it could be removed has been said.
            last.map(JoinHandle::join);
            // The agent may have stopped meanwhile.
            sender.send(prepare(&origin, &current, &known, number)).ok();
        })?;
    Ok(receiver)
}

/// The network asks for IPVS where the configuration does not: has its module loaded on a thread of
/// its own, and gives `prepared` back with what came of it.
pub fn with_module(
    mut prepared: Prepared,
) -> std::io::Result<oneshot::Receiver<Result<Prepared, Refused>>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || {
            run_as_at_start();
            prepared.module = Some(crate::net::ipvs::load(&schedulers(&prepared.config)));
            // The agent may have stopped meanwhile.
            sender.send(Ok(prepared)).ok();
        })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests;
