//! The running agent: who owns what, and what moves between them.
//!
//! ```text
//!   signals ─────────┐                        thread `vrrp`
//!   netlink monitor ─┤                        ┌────────────────┐
//!   heartbeat, 1 s ──┤     ┌────────────┐◀────│ state changes  │
//!   health events ───┼────▶│ supervisor │     │                │──▶ gates (one store each)
//!                    │     │ (one task) │     │ adverts, VIPs, │──▶ kernel (netlink, sockets)
//!        ┌───────────┘     └─────┬──────┘     │ GARPs          │
//!        │ probes (tasks)        │            └────────────────┘
//!        └───────────────────────┤ plan ─▶ maps, attachments
//!                                └ status file for `dump`
//!
//!   thread `netlink`: only waits for the kernel's notifications and passes them on
//!   thread `replies`: sends replies of NAT servers whose next hop the program does not know
//!   thread `log`: the only one that writes to standard error; nobody waits for it
//! ```
//!
//! Everything but VRRP and BFD runs on one thread, on tokio's current-thread runtime: there are no
//! locks. VRRP and BFD have a thread and a clock of their own each, and wait for nobody. For a
//! moment there are threads `reload`, `state` and `modprobe`, and those on which scripts start and
//! files are read.

pub mod blocking;
pub mod claims;
pub mod clock;
pub mod director;
pub mod files;
pub mod interfaces;
pub mod lock;
pub mod logging;
pub mod memory;
pub mod parts;
pub mod plane;
pub mod priority;
pub mod reload;
pub mod replace;
pub mod state;
pub mod status;
pub mod supervisor;
pub mod systemd;
pub mod trackers;
