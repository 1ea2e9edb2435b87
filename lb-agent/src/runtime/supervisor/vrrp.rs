//! VRRP, started from the configuration.

use tokio::sync::mpsc;

use super::balancer::Balancer;
use crate::dataplane::xdp::gate::NoGates;
use crate::runtime::director::Director;
use crate::vrrp::driver::{self, Handle, SpawnError};
use crate::vrrp::settings::{Kind, Setup};
use crate::vrrp::{Gate, News};

/// Starts the instances; `None`: there are none. What happens to them goes to `news`.
pub(super) fn start(
    director: &Director,
    balancer: Option<&Balancer>,
    news: mpsc::UnboundedSender<News>,
) -> Result<Option<Handle>, SpawnError> {
    let mut setup = Setup::from(director.config());
    // Nobody reports on the others.
    setup.track_only(&[Kind::Interface]);
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
    driver::spawn(setup, gate, listener).map(Some)
}
