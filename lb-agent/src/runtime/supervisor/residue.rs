//! Virtual addresses that nobody is in charge of any more.

use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::time::Duration;

use tracing::{error, info};

use crate::dataplane::xdp::gate::NoGates;
use crate::runtime::status::StatusFile;
use crate::vrrp::driver;
use crate::vrrp::settings::Setup;

/// The agent cannot start. If the one before it was killed, its addresses are still there, and
/// nobody would ever take them away while another router is MASTER.
///
/// Without a trace of one before, the addresses may be a keepalived's, which still runs.
pub(super) fn after_failed_start(instance: &str, setup: Setup) {
    let status = StatusFile::new(instance);
    if !status.is_there() {
        return;
    }
    info!("removing what the agent before this one has left");
    remove(setup);
    status.remove();
}

/// Removes what instances with these settings have left in the kernel.
pub(super) fn remove(setup: Setup) {
    if setup.instances.is_empty() {
        return;
    }
    if let Err(error) = driver::remove_residual(setup, Box::new(NoGates)) {
        error!("{error}; virtual addresses may be left on the interfaces");
    }
}

/// The same while the thread that set it hangs: within `limit`, since what that hangs in may be held
/// by the kernel for long.
pub(super) fn remove_within(setups: Vec<Setup>, limit: Duration) {
    let (done, wait) = sync_channel(1);
    let work = move || {
        setups.into_iter().for_each(remove);
        // Whoever has waited too long is gone.
        done.send(()).ok();
    };
    let started = Builder::new().name("residue".into()).spawn(work);
    if started.is_err() || wait.recv_timeout(limit).is_err() {
        error!("virtual addresses may be left on the interfaces: `ip address` shows them");
    }
}
