//! Why an agent does not run.

use thiserror::Error;

use crate::net::netlink::NetlinkError;
use crate::runtime::lock::LockError;
use crate::runtime::plane::PlaneError;
use crate::vrrp::driver;

/// Why the agent cannot start, or had to stop.
#[derive(Debug, Error)]
pub enum RunError {
    /// Another agent has the name.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data plane.
    #[error(transparent)]
    Plane(#[from] PlaneError),
    /// The kernel's view of the network.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// VRRP.
    #[error(transparent)]
    Vrrp(#[from] driver::SpawnError),
    /// Signals, the runtime.
    #[error("cannot set up the agent's process")]
    Process(#[from] std::io::Error),
    /// A virtual server that no data plane carries.
    #[error("{0}")]
    NoPlane(String),
    /// The agent ran, and its VRRP thread has ended.
    #[error(
        "VRRP has ended, an earlier line says why: the agent has left the virtual routers and \
         stopped; start it again"
    )]
    VrrpEnded,
    /// The agent ran, and its VRRP thread hangs.
    #[error(
        "VRRP hangs, an earlier line says since when: the agent has left the virtual routers and \
         stopped; start it again"
    )]
    VrrpHangs,
}

impl RunError {
    /// Whether nothing has run.
    pub const fn is_of_start(&self) -> bool {
        match self {
            Self::Lock(_)
            | Self::Plane(_)
            | Self::Netlink(_)
            | Self::Vrrp(_)
            | Self::Process(_)
            | Self::NoPlane(_) => true,
            Self::VrrpEnded | Self::VrrpHangs => false,
        }
    }
}
