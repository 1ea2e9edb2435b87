//! What people and programs see of the agent: text and JSON, made of the plain records of
//! [`model`]. Pure.
//!
//! ```text
//!  pinned maps, the agent's snapshot ──▶ model ──▶ dump ──┬──▶ services, checks, connections, vrrp, backends
//!                                                         └──▶ JSON (docs/dump.md)
//! ```
//!
//! Nothing here reads a map, a file or a clock, and nothing changes any state: who fills the
//! records knows where the figures come from.

pub mod attachments;
pub mod backends;
pub mod by_hand;
pub mod checks;
pub mod connections;
pub mod dump;
mod instance;
pub mod keepalived;
pub mod model;
pub mod planes;
pub mod rates;
pub mod reasons;
pub mod services;
mod table;
pub mod trace;
pub mod vip;
pub mod vrrp;

#[cfg(test)]
mod sample;
