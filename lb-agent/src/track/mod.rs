//! Tracking: what a VRRP instance (or a real server) makes its priority (or weight) depend on.
//!
//! * [`weight`]: what an object that is up or down does to an instance.
//! * [`mod@file`]: the number in a file; [`process`]: how many processes of a name there are.
//!
//! Each has a pure part that judges, and a driver, a task on the agent's current-thread runtime,
//! that hears of changes from the kernel and reads.
//!
//! What this module does not do: it knows no instance and changes no priority. Scripts are in
//! [`crate::script`], interfaces in [`crate::vrrp`].

pub mod file;
mod from_config;
pub mod process;
pub mod weight;

use std::io;
use std::os::fd::AsRawFd;

use tokio::io::unix::AsyncFd;

/// A descriptor that tokio waits for. `inner` owns it, or it could be closed while it is waited for.
#[expect(
    deprecated,
    reason = "the successor is unsafe to call, for the sake of types that do not own their descriptor"
)]
pub(crate) fn wait_for<T: AsRawFd>(inner: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(inner)
}
