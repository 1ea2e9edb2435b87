//! `lb-agent`: keepalived's configuration in; VRRP, health checks and an XDP load balancer out.
//!
//! Folders read in the order the data flows: [`config`] → [`vrrp`] and what it follows ([`track`],
//! [`script`], [`bfd`]), [`health`] → [`dataplane`] → [`observe`] and [`notify`]; [`net`] and
//! [`wire`] are the edges, [`runtime`] holds it together, [`cli`] is what a person types,
//! [`control`] how that reaches the running agent. `ARCHITECTURE.md` has the whole picture and the invariants.

pub mod bfd;
pub mod cli;
pub mod config;
pub mod control;
pub mod dataplane;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod health;
pub mod log_line;
pub mod net;
pub mod notify;
pub mod observe;
pub mod runtime;
pub mod script;
pub mod track;
pub mod vrrp;
pub mod wire;
