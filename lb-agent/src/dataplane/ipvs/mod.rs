//! The kernel's IPVS as a data plane, for where XDP cannot serve.
//!
//! ```text
//!  Desired ─┐
//!           ├─▶ plan (pure) ─▶ changes ─▶ net::ipvs ─▶ kernel
//! Installed ┘                                            │
//!      ▲ ▲                                               │
//!      │ └──── record, of what was carried out ◀─────────┤
//!      └────── read: at the start, after a refusal, and whenever somebody wants to know
//!              whether others have been at the tables
//! ```
//!
//! Unlike XDP's maps the tables are everybody's. What is ours are the services that were desired
//! when we ran; those of others stay as they are. A desired service that is there already is
//! adopted, with the connections it has. Differences to what we have left are named ([`drift`]) and
//! put right by the next plan.
//!
//! There is no gate here: as with keepalived, a BACKUP's services stand in the table and see no
//! packets, because the address is elsewhere.

pub mod connections;
pub mod desired;
pub mod drift;
pub mod installed;
pub mod key;
pub mod order;
pub mod plan;
pub mod plane;
pub mod sync;
pub mod view;

#[cfg(test)]
mod testing;
