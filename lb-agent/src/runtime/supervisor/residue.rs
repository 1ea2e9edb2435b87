//! Virtual addresses that nobody is in charge of any more.

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
