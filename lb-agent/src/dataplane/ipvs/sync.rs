//! Which sync daemons should run (`lvs_sync_daemon`), and what leads there. Pure.
//!
//! The daemon follows the instance that the line names: as MASTER it tells its connections, in any
//! other state it listens. Without an instance it does both, as with keepalived.

use crate::config::model::LvsSyncDaemon;
use crate::net::ipvs::{Change, Role, SyncDaemon};

/// The daemons that should run; `instance`: its VRID, and whether it is MASTER.
pub fn wanted(settings: &LvsSyncDaemon, instance: Option<(u8, bool)>) -> Vec<SyncDaemon> {
    let daemon = |role| SyncDaemon {
        role,
        interface: settings.interface.clone(),
        sync_id: settings
            .id
            .or_else(|| instance.map(|(vrid, _)| vrid))
            .unwrap_or_default(),
        max_length: settings.maxlen,
        group: settings.group,
        port: settings.port,
        ttl: settings.ttl,
    };
    match (instance, &settings.instance) {
        (Some((_, true)), _) => vec![daemon(Role::Master)],
        // An instance that is not there is never MASTER.
        (Some((_, false)), _) | (None, Some(_)) => vec![daemon(Role::Backup)],
        (None, None) => vec![daemon(Role::Master), daemon(Role::Backup)],
    }
}

/// The changes from the daemons that run to those that should. Who stops makes room first.
pub fn plan(wanted: &[SyncDaemon], running: &[SyncDaemon]) -> Vec<Change> {
    let fits = |it: &&SyncDaemon| wanted.iter().any(|wanted| is(it, wanted));
    let stays: Vec<&SyncDaemon> = running.iter().filter(fits).collect();
    let stop = running.iter().filter(|it| !stays.contains(it));
    let start = wanted
        .iter()
        .filter(|it| !stays.iter().any(|stays| stays.role == it.role));
    let stop = stop.map(|it| Change::StopDaemon(it.role));
    stop.chain(start.map(|it| Change::StartDaemon(it.clone())))
        .collect()
}

/// Whether `running` is what the kernel makes of `wanted`: what is not said, it has chosen.
fn is(running: &SyncDaemon, wanted: &SyncDaemon) -> bool {
    let SyncDaemon {
        role,
        interface,
        sync_id,
        max_length,
        group,
        port,
        ttl,
    } = wanted;
    running.role == *role
        && running.interface == *interface
        && running.sync_id == *sync_id
        && (max_length.is_none() || running.max_length == *max_length)
        && (group.is_none() || running.group == *group)
        && (port.is_none() || running.port == *port)
        && (ttl.is_none() || running.ttl == *ttl)
}

#[cfg(test)]
mod tests;
