//! Virtual addresses and real servers on VLANs, on bonds and on VLANs of bonds: where the program goes,
//! and what becomes of real connections.
//!
//! A program of its own: where this machine's kernel has no VLANs, a guest runs it.

mod bonds;
mod stage;
mod tags;

use lb_tests::{Need, needs, skipped};

/// Whether this machine cannot run the tests, which has been said.
fn cannot_run() -> bool {
    skipped(&[Need::Vlan]) || skipped(&needs::SITE)
}
