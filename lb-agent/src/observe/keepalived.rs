//! The files that keepalived writes when it is told to by a signal: `keepalived.data` (SIGUSR1),
//! `keepalived.stats` (SIGUSR2), `keepalived.json`. Exporters read them, so labels, keys and their
//! order are those of keepalived 2.2.7.
//!
//! What keepalived alone knows of itself (its sockets, its processes, interfaces it looked at) is
//! left out. A password is never shown.

mod address;
pub mod data;
pub mod json;
pub mod stats;

use std::time::Duration;

use crate::config::model::{Command, Config};
use crate::vrrp::State;
use crate::vrrp::status::InstanceStatus;

/// What there is to say.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is configured.
    pub config: &'a Config,
    /// The instances, in the order of the configuration.
    pub instances: &'a [InstanceStatus],
    /// The time of day.
    pub since_1970: Duration,
}

impl View<'_> {
    /// When an instance came into its state.
    fn last_transition(&self, instance: &InstanceStatus) -> Duration {
        self.since_1970.saturating_sub(instance.in_state)
    }
}

/// keepalived's word for a state.
const fn word(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Backup => "BACKUP",
        State::Master => "MASTER",
        State::Fault => "FAULT",
    }
}

/// A command with every word in quotes.
fn quoted(command: &Command) -> String {
    let words = command.command.split_whitespace();
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
