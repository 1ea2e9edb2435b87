//! VRRP, started from the configuration.

use tokio::sync::mpsc;

use super::Supervisor;
use super::balancer::Balancer;
use super::conduct::Conduct;
use crate::config::model::Config;
use crate::dataplane::xdp::gate::{InstanceGates, NoGates};
use crate::runtime::director::Director;
use crate::vrrp::driver::{self, Handle, SpawnError};
use crate::vrrp::settings::Setup;
use crate::vrrp::{Gate, News};

/// Starts the instances; `None`: there are none. What happens to them goes to `news`.
pub(super) fn start(
    director: &Director,
    balancer: Option<&Balancer>,
    mut setup: Setup,
    conduct: Conduct,
    news: mpsc::UnboundedSender<News>,
) -> Result<Option<Handle>, SpawnError> {
    setup.global.dont_release = conduct.dont_release_vrrp;
    if setup.instances.is_empty() {
        return Ok(None);
    }
    let gate = gate(director, balancer);
    let listener = move |said| {
        // The supervisor is gone only when the process is on its way out.
        news.send(said).ok();
    };
    driver::spawn(setup, gate, listener).map(Some)
}

/// What its instances open and close.
pub(super) fn gate(director: &Director, balancer: Option<&Balancer>) -> Box<dyn Gate> {
    match balancer {
        Some(balancer) => Box::new(InstanceGates::new(
            balancer.plane().gates(),
            director.gates(),
            names(director.config()),
        )),
        None => Box::new(NoGates),
    }
}

/// The instances, in the order of the configuration.
pub(super) fn names(config: &Config) -> impl Iterator<Item = &str> {
    config.vrrp_instances.iter().map(|it| it.name.as_str())
}

impl Supervisor {
    /// The data plane is as it should be, or as far as it gets: new MASTERs need not wait for it
    /// any longer (`xdp_attach master`).
    pub(super) fn tell_attached(&mut self) {
        let masters = self.director.take_new_masters();
        let Some(vrrp) = &self.vrrp else { return };
        let reporter = vrrp.reporter();
        for name in masters {
            reporter.attached(&name);
        }
    }

    /// For a configuration that has instances where there were none.
    pub(super) fn start_vrrp(&mut self, setup: Setup) -> Result<(), SpawnError> {
        let balancer = self.balancer.as_ref();
        let (conduct, tell) = (self.conduct, self.tell.clone());
        self.vrrp = start(&self.director, balancer, setup, conduct, tell)?;
        Ok(())
    }
}
