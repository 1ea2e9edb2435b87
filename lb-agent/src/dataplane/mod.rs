//! The data plane: what is desired, how it differs from what is installed, and who installs it.
//!
//! ```text
//!  Desired ─┐
//!           ├─▶ plan (pure) ─▶ operations ─▶ xdp::Maps ─▶ kernel
//! Installed ┘                       │
//!      ▲                            │
//!      └──────── record ────────────┘
//! ```
//!
//! [`choice`] says which of the two data planes carries a virtual server. [`desired`], [`difference`],
//! [`plan`], [`schedule`], [`census`], [`nexthop`], [`port`], [`below`] and [`tunnel`] are pure, too. [`xdp`] holds the maps
//! and the attached program; [`ipvs`] is the same line for the kernel's own load balancer, with the same [`difference`]. Who is
//! up, who is MASTER and what the configuration says is decided
//! elsewhere (`health`, `vrrp`, `config`) and comes together in `runtime::supervisor`.

pub mod below;
pub mod census;
pub mod choice;
pub mod desired;
pub mod difference;
pub mod installed;
pub mod ipvs;
pub mod nexthop;
pub mod plan;
pub mod port;
pub mod schedule;
pub mod successors;
pub mod tunnel;
pub mod xdp;
