//! What others do to IPVS, and what the kernel refuses, for the operator.

use tracing::{error, info, warn};

use crate::dataplane::ipvs::drift::Drift;
use crate::net::ipvs::{Change, IpvsError};
use crate::runtime::plane::chain;

/// Lines on what others have done at one time; the rest is counted.
const LINES: usize = 10;

pub(super) fn drifts(drifts: &[Drift]) {
    for drift in drifts.iter().take(LINES) {
        warn!("{drift}: putting it right");
    }
    if drifts.len() > LINES {
        let more = drifts.len() - LINES;
        warn!("and {more} changes more by somebody else: putting them right");
    }
}

/// `table`: what marked what groups serve.
pub(super) fn marks_gone(table: Option<&str>) {
    let table = table.unwrap_or_default();
    warn!(
        "somebody has removed the nftables table {table} (`nft flush ruleset`?), whose marks groups are \
         served by (nftables_ipvs): putting it back"
    );
}

pub(super) fn daemon(change: &Change) {
    match change {
        Change::StartDaemon(daemon) => info!(
            "IPVS's sync daemon ({}) runs on {} with id {}",
            daemon.role, daemon.interface, daemon.sync_id
        ),
        Change::StopDaemon(role) => info!("IPVS's sync daemon ({role}) is stopped"),
        Change::NewService(_)
        | Change::SetService(_)
        | Change::DeleteService(_)
        | Change::NewDestination(..)
        | Change::SetDestination(..)
        | Change::DeleteDestination(..)
        | Change::SetTimeouts(_)
        | Change::Zero(_)
        | Change::Flush => {}
    }
}

/// What is left of our services when they should be gone.
pub(super) fn removed(outcome: Result<Vec<IpvsError>, IpvsError>) {
    match outcome {
        Ok(refused) => refused.iter().for_each(|error| error!("{}", chain(error))),
        Err(IpvsError::Unloaded(_)) => info!("IPVS is not in the kernel any more"),
        Err(error) => error!("{}", chain(&error)),
    }
}
