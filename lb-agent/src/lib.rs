//! `lb-agent`: keepalived's configuration in, VRRP, health checks and an XDP load balancer out.
//!
//! Folders read in the order the data flows; see `ARCHITECTURE.md` for the whole picture.

pub mod cli;
pub mod config;
pub mod wire;
pub mod vrrp;
pub mod health;
pub mod dataplane;
pub mod net;
pub mod observe;
pub mod runtime;
