//! VRRP, started from the configuration.

use tokio::sync::mpsc;

use super::Supervisor;
use super::conduct::Conduct;
use super::planes::Planes;
use crate::config::model::Config;
use crate::runtime::director::Director;
use crate::vrrp::News;
use crate::vrrp::driver::{self, Prepared, SpawnError};
use crate::vrrp::settings::Setup;

/// Makes the instances ready to start; `None`: there are none, nor addresses, routes or rules for all
/// the time. What happens to them goes to `news`.
pub(super) fn prepare(
    director: &Director,
    planes: &Planes,
    mut setup: Setup,
    conduct: Conduct,
    news: mpsc::UnboundedSender<News>,
) -> Result<Option<Prepared>, SpawnError> {
    setup.global.dont_release = conduct.dont_release_vrrp;
    if setup.is_empty() {
        return Ok(None);
    }
    let listener = move |said| {
        // The supervisor is gone only when the process is on its way out.
        news.send(said).ok();
    };
    driver::prepare(setup, planes.gate(director), listener).map(Some)
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
        let (conduct, tell) = (self.conduct, self.tell.clone());
        let ready = prepare(&self.director, &self.planes, setup, conduct, tell)?;
        self.vrrp = ready.map(Prepared::spawn).transpose()?;
        Ok(())
    }
}
