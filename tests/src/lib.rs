//! Networks of namespaces for tests and for the demo.
//!
//! A [`Namespace`] is one machine, a [`Switch`] is one Ethernet segment, a [`Site`] is the whole
//! network of a load balancer: client, two directors, two real servers, and a [`Cluster`] is that
//! network with an [`Agent`], an `lb-agent`, in each director. [`http`] and [`Probe`] are its
//! clients, [`Capture`] is what a wire carried.
//!
//! Everything goes away when its value is dropped. What a killed run left behind is taken away at
//! the start of the next one ([`namespace`]). Names carry the process id, so runs and tests can go
//! side by side. Nothing here leaves the namespaces it made.
//!
//! This crate does not depend on lb-agent: it starts the program that cargo has built
//! ([`built`]), as a user would.

mod agent;
pub mod built;
mod capture;
mod clock;
mod cluster;
pub mod configurations;
mod deaf;
pub mod http;
pub mod namespace;
pub mod needs;
mod probe;
mod process;
mod report;
mod server;
mod site;
mod switch;

pub use agent::{Agent, AgentExit, Told};
pub use capture::{Capture, Frame};
pub use clock::{now, wait_until};
pub use cluster::{Cluster, PATIENCE};
pub use deaf::Deaf;
pub use namespace::Namespace;
pub use needs::{Need, skipped};
pub use probe::{Outcome, Probe, Report};
pub use process::{Process, checked};
pub use report::report;
pub use server::{LONG, WebServer};
pub use site::{Layout, Mode, Segment, Site};
pub use switch::{Switch, load};
