//! What the checkers know.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Endpoint, seconds};

/// One checker of one real server of one virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// The virtual server, as the log names it.
    pub virtual_server: String,
    /// The real server, as the log names it.
    pub real_server: String,
    /// Address and port of the virtual server; `None`: it has none of its own.
    pub address: Option<Endpoint>,
    /// The keyword of its block, as `TCP_CHECK`.
    pub checker: String,
    /// Whom or what it asks.
    pub asks: String,
    /// Number of its probe; checkers with the same number are probed once.
    pub probe: u64,
    /// How many checkers have this probe, this one included.
    pub shared_by: u64,
    /// Whether the server counts as up for this checker.
    pub up: bool,
    /// What it holds of the server.
    pub state: CheckState,
    /// Failures in a row while the state is `failing`, else 0.
    pub failures: u32,
    /// `retry`: with more failures than this it is down.
    pub retry: u32,
    /// How long it has been up, or down; `None`: no result yet.
    #[serde(rename = "since_seconds", with = "seconds::optional")]
    pub since: Option<Duration>,
    /// `ha_suspend`: not checked for now.
    pub suspended: bool,
    /// How the last probe ended; `None`: none has.
    pub last_result: Option<CheckResult>,
    /// Why it failed, or could not be asked.
    pub reason: Option<String>,
    /// How long ago it ended.
    #[serde(rename = "last_result_seconds", with = "seconds::optional")]
    pub last_result_age: Option<Duration>,
    /// When the next probe is due; `None`: one is under way, or none will be.
    #[serde(rename = "next_check_seconds", with = "seconds::optional")]
    pub next_check: Option<Duration>,
    /// Probes that have ended.
    pub probes: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those that never left this host.
    pub not_asked: u64,
    /// How often it went up or down.
    pub changes: u64,
}

/// What a checker holds of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// No verdict yet: down with `alpha`, else up.
    Unproven,
    /// Up.
    Up,
    /// Up, but the last probes failed.
    Failing,
    /// Down.
    Down,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// The server did what it should.
    Success,
    /// It did not.
    Failure,
    /// This host could not ask; it says nothing about the server.
    NotAsked,
}

/// The section: the agent alone knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checks {
    /// In the order of the configuration.
    Known(Vec<CheckView>),
    /// There is no agent, or it does not answer: why.
    Unknown(String),
}

/// How punctual the probes of all checkers are, since the agent's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PunctualityView {
    /// Probes that have ended.
    pub probes: u64,
    /// Those that began later than they should by more than a twentieth of `delay_loop`.
    pub late: u64,
    /// The greatest delay.
    #[serde(rename = "worst_seconds", with = "seconds")]
    pub worst: Duration,
}
