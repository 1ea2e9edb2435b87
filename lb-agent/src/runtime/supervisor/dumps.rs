//! The files that keepalived writes at a signal: VRRP is asked for its boards, and a thread of its own
//! makes them text and writes it, one after the other for each file. They stand where the operator
//! wants them, so a disk may hang.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::libc::{SIGRTMAX, SIGRTMIN};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::config::model::Config;
use crate::observe::keepalived::{View, data, json, stats};
use crate::runtime::replace::replace;
use crate::runtime::{blocking, clock};
use crate::vrrp::status::{InstanceStatus, Stats};

/// A file that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dump {
    /// SIGUSR1.
    Data,
    /// SIGUSR2.
    Stats,
    /// SIGRTMAX - 1: the same, and the counters begin anew.
    StatsClear,
    /// SIGRTMIN + 2.
    Json,
}

/// Waits for the signals.
pub(super) struct Dumps {
    data: Signal,
    stats: Signal,
    stats_clear: Signal,
    json: Signal,
    /// Counters of each instance as they were when they were cleared. Those of `dump` go on.
    cleared: BTreeMap<String, Stats>,
}

impl Dumps {
    /// From now on the signals do not end the process.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            data: signal(SignalKind::user_defined1())?,
            stats: signal(SignalKind::user_defined2())?,
            stats_clear: signal(SignalKind::from_raw(SIGRTMAX() - 1))?,
            json: signal(SignalKind::from_raw(SIGRTMIN() + 2))?,
            cleared: BTreeMap::new(),
        })
    }

    /// The next file that is asked for.
    pub(super) async fn next(&mut self) -> Dump {
        tokio::select! {
            _ = self.data.recv() => Dump::Data,
            _ = self.stats.recv() => Dump::Stats,
            _ = self.stats_clear.recv() => Dump::StatsClear,
            _ = self.json.recv() => Dump::Json,
        }
    }

    /// What was counted after the counters were cleared. A reload may have changed the places, so
    /// it goes by the name.
    fn since(&self, instance: &str, now: Stats) -> Stats {
        let before = self.cleared.get(instance);
        before.map_or(now, |before| now.since(before))
    }

    /// Writes it. `agent`: the name of this one, if it has one.
    pub(super) fn write(
        &mut self,
        dump: Dump,
        config: &Arc<Config>,
        mut instances: Vec<InstanceStatus>,
        agent: &str,
    ) {
        let now = instances.iter().map(|it| (it.name.clone(), it.stats));
        let now: BTreeMap<String, Stats> = now.collect();
        for instance in &mut instances {
            instance.stats = self.since(&instance.name, instance.stats);
        }
        if dump == Dump::StatsClear {
            self.cleared = now;
        }
        let (path, config) = (path(dump, config, agent), Arc::clone(config));
        let since_1970 = clock::since_1970();
        let place = path.clone();
        let write = move || {
            let view = View {
                config: &config,
                instances: &instances,
                since_1970,
            };
            write(dump, &view, &path);
        };
        tokio::spawn(async move {
            // It ends with the runtime only.
            blocking::call(&place, write).await.ok();
        });
    }
}

fn write(dump: Dump, view: &View<'_>, path: &Path) {
    let text = match dump {
        Dump::Data => Ok(data::text(view)),
        Dump::Stats | Dump::StatsClear => Ok(stats::text(view.instances)),
        Dump::Json => json::text(view, view.config.global_defs.dump.json_version),
    };
    let mode = 0o666 & !u32::from(view.config.global_defs.process.umask);
    let written = text
        .map_err(io::Error::from)
        .and_then(|text| replace(path, &text, mode));
    match written {
        Ok(()) => info!("{} is written", path.display()),
        Err(error) => error!("cannot write {}: {error}", path.display()),
    }
}

/// keepalived's names. `data_use_instance` tells agents of one host apart.
fn path(dump: Dump, config: &Config, agent: &str) -> PathBuf {
    let dumps = &config.global_defs.dump;
    let (given, default) = match dump {
        Dump::Data => (&dumps.state_dump_file, "/tmp/keepalived.data"),
        Dump::Stats | Dump::StatsClear => (&dumps.stats_dump_file, "/tmp/keepalived.stats"),
        Dump::Json => (&dumps.json_dump_file, "/tmp/keepalived.json"),
    };
    let path = given.clone().unwrap_or_else(|| default.into());
    if dump != Dump::Data || !dumps.data_use_instance {
        return path;
    }
    let name = config.environment.instance.as_deref().unwrap_or(agent);
    match path.extension() {
        Some(extension) => path.with_extension(format!("{name}.{}", extension.display())),
        None => path.with_extension(name),
    }
}

#[cfg(test)]
mod tests;
