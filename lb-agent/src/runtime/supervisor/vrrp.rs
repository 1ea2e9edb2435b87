//! VRRP, started from the configuration.

use tokio::sync::mpsc;

use super::Supervisor;
use super::balancer::Balancer;
use super::conduct::Conduct;
use crate::config::model::Config;
use crate::dataplane::xdp::gate::{InstanceGates, NoGates};
use crate::runtime::director::Director;
use crate::vrrp::driver::{self, Handle, SpawnError};
use crate::vrrp::settings::{Kind, Setup};
use crate::vrrp::{Gate, News};

/// Starts the instances; `None`: there are none. What happens to them goes to `news`.
pub(super) fn start(
    director: &Director,
    balancer: Option<&Balancer>,
    conduct: Conduct,
    news: mpsc::UnboundedSender<News>,
) -> Result<Option<Handle>, SpawnError> {
    let mut setup = setup(director.config());
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

/// What VRRP is to do for this configuration.
pub(super) fn setup(config: &Config) -> Setup {
    let mut setup = Setup::from(config);
    // Nobody reports on the others.
    setup.track_only(&[Kind::Interface]);
    setup
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
    /// For a configuration that has instances where there were none.
    pub(super) fn start_vrrp(&mut self) -> Result<(), SpawnError> {
        let balancer = self.balancer.as_ref();
        self.vrrp = start(&self.director, balancer, self.conduct, self.tell.clone())?;
        Ok(())
    }
}
