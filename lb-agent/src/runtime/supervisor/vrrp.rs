//! VRRP, started from the configuration, with what its instances track.

use tokio::sync::mpsc;
use tracing::warn;

use super::balancer::Balancer;
use super::trackers::{Trackers, Watched};
use crate::config::model::Config;
use crate::dataplane::xdp::gate::NoGates;
use crate::runtime::director::Director;
use crate::script::Programs;
use crate::vrrp::driver::{self, Handle, SpawnError};
use crate::vrrp::settings::{Kind, Setup};
use crate::vrrp::{Gate, News};

/// The running instances and what watches for them.
pub(super) struct Vrrp {
    /// The instances.
    pub(super) handle: Handle,
    /// What they track.
    pub(super) trackers: Trackers,
}

impl Vrrp {
    /// The other routers hear of it first; returns when all is done.
    pub(super) async fn stop(self) {
        self.handle.stop();
        self.trackers.stop().await;
    }
}

/// Starts the instances and what watches for them; `None`: there are none. What happens to them
/// goes to `news`.
pub(super) fn start(
    director: &Director,
    balancer: Option<&Balancer>,
    programs: &Programs,
    news: mpsc::UnboundedSender<News>,
) -> Result<Option<Vrrp>, SpawnError> {
    let (setup, watched) = prepare(director.config(), programs);
    if setup.instances.is_empty() {
        return Ok(None);
    }
    let gate: Box<dyn Gate> = match balancer {
        Some(balancer) => Box::new(balancer.plane().gates()),
        None => Box::new(NoGates),
    };
    let listener = move |said| {
        // The supervisor is gone only when the process is on its way out.
        news.send(said).ok();
    };
    let handle = driver::spawn(setup, gate, listener)?;
    let trackers = watched.start(&handle.reporter());
    Ok(Some(Vrrp { handle, trackers }))
}

/// What VRRP is started with, and what is watched for it: only what somebody will report on is
/// tracked.
pub(super) fn prepare(config: &Config, programs: &Programs) -> (Setup, Watched) {
    let mut setup = Setup::from(config);
    for session in config.bfd_instances.iter().filter(|it| !it.vrrp) {
        if setup.tracks(Kind::Bfd, &session.name) {
            let name = &session.name;
            warn!(
                "bfd_instance {name} is for checkers only (`checker` without `vrrp`): it is not tracked"
            );
            setup.untrack(Kind::Bfd, name);
        }
    }
    let watched = Watched::find(config, &mut setup, programs);
    (setup, watched)
}
