//! Other settings for the thread that runs. Everything that can be made beforehand is made by the
//! caller; an advert that is due meanwhile goes out first.

use std::collections::BTreeSet;
use std::io;

use thiserror::Error;

use super::thread::{Thread, watch};
use super::{Handle, MONITOR, listen_to};
use crate::net::monitor::Monitor;
use crate::net::netlink::NetlinkError;
use crate::runtime::clock;
use crate::vrrp::Gate;
use crate::vrrp::kernel::System;
use crate::vrrp::router::{Reload, Router};
use crate::vrrp::settings::Setup;

/// Why the instances go on as they were.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The kernel's notifications are out of reach.
    #[error("cannot hear of routes: {0}")]
    Netlink(#[from] NetlinkError),
    /// The thread is no more.
    #[error("the VRRP thread has ended, its last line says why; restart the agent")]
    Ended,
}

/// What the thread is told.
pub(super) struct Order {
    reload: Reload,
    /// One that hears more than the one in use.
    monitor: Option<Monitor>,
}

impl Handle {
    /// The instances go on with `setup`: who has the same name and is the same virtual router
    /// keeps its state, unless `restarted` names it. `gate` knows the places of the new setup, whose
    /// keys were read.
    ///
    /// Does not wait: [`News::Reloaded`](crate::vrrp::News::Reloaded) tells when it is so.
    pub fn reload(
        &mut self,
        setup: Setup,
        restarted: &BTreeSet<String>,
        gate: Box<dyn Gate>,
    ) -> Result<(), ReloadError> {
        let minds_routing = self.minds_routing || Router::<System>::minds_routing(&setup);
        let monitor = (minds_routing && !self.minds_routing)
            .then(|| listen_to(true))
            .transpose()?;
        let (old, boards) = (&self.instances, &self.boards);
        let reload = Reload::new(old, boards, setup, restarted, gate, clock::now());
        let (boards, instances) = (reload.boards(), reload.instances());
        let order = Order { reload, monitor };
        if self.reloads.send(order).is_err() || self.reports.wake().is_err() {
            return Err(ReloadError::Ended);
        }
        self.boards = boards;
        self.before = std::mem::replace(&mut self.instances, instances);
        self.minds_routing = minds_routing;
        Ok(())
    }
}

impl Thread {
    pub(super) fn reload(&mut self, order: Order) -> io::Result<()> {
        let now = clock::now();
        self.router.handle_timeout(now);
        if let Some(monitor) = order.monitor {
            // It has heard everything since it was opened; what is older is still in the other.
            watch(&mut self.router, &mut self.monitor);
            self.wait.registry().add(&monitor, MONITOR)?;
            self.monitor = monitor;
        }
        self.router.reload(order.reload, now);
        Ok(())
    }
}
