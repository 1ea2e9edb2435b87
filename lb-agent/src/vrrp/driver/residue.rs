//! What an agent has left that is no more.

use std::sync::Arc;

use super::{Pulse, SpawnError, resources};
use crate::net::netlink::Connection;
use crate::runtime::clock;
use crate::vrrp::Gate;
use crate::vrrp::kernel::System;
use crate::vrrp::router::Router;
use crate::vrrp::settings::Setup;
use crate::vrrp::socket::FrameSocket;
use crate::vrrp::wait::Wait;

/// Removes what an agent with this setup has left in the kernel that was killed, or whose VRRP
/// thread could not release it. On the caller's thread; nothing is started or sent.
pub fn remove_residual(setup: Setup, gate: Box<dyn Gate>) -> Result<(), SpawnError> {
    let wait = Wait::new().map_err(resources("prepare to wait"))?;
    let frames = FrameSocket::open().map_err(SpawnError::PacketSocket)?;
    let now = clock::now();
    // Nobody watches.
    let pulse = Arc::new(Pulse::new(now));
    let system = System::new(Connection::open()?, frames, wait.registry(), None, pulse);
    let mut router = Router::new(setup, system, gate, Box::new(|_news| {}), now);
    router.remove_residual(now);
    Ok(())
}
